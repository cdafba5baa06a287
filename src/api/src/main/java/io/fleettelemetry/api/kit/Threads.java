package io.fleettelemetry.api.kit;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Makes the threads of one bundle: each has a name, and none keeps somebody else's bundle in memory. */
public final class Threads {

    private static final class Own extends Thread {
        private final Threads maker;

        Own(Threads maker, Runnable task, String name) {
            super(task, name);
            this.maker = maker;
        }
    }

    private final ClassLoader loader;

    /** @param owner a class of the bundle whose threads these are */
    public Threads(Class<?> owner) {
        this.loader = owner.getClassLoader();
    }

    /**
     * A thread that is not started yet. Its context class loader is the bundle's own: it would inherit that of whoever
     * happens to call, a command of the shell perhaps, and hold it for as long as it lives. At its end it has none any
     * more, because Felix may remember a thread that once loaded a class at the same moment as another.
     */
    public Thread of(String name, Runnable task) {
        Runnable forgetful = () -> {
            try {
                task.run();
            } finally {
                Thread.currentThread().setContextClassLoader(null);
            }
        };
        Thread thread = new Own(this, forgetful, name);
        thread.setContextClassLoader(loader);
        return thread;
    }

    /** Whether the current thread is one of these: it must not wait for another one's end, which may wait for it. */
    public boolean isOwn() {
        return Thread.currentThread() instanceof Own own && own.maker == this;
    }

    /** An executor that runs one task after the other; its thread is gone when there are no more. */
    public ExecutorService oneWhenNeeded(String name) {
        return new ThreadPoolExecutor(0, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> of(name, task));
    }

    /**
     * An executor that needs no end: its threads are gone with their tasks. Not one of the JDK's, because these break for
     * good if the heap is full when they are used first.
     *
     * @param name of the threads, to which a number is added
     */
    public ExecutorService oneForEachTask(String name) {
        return new OneForEachTask(name);
    }

    /**
     * Has an executor take nothing more, and waits for the threads that are still at work: for a second at most, because
     * what they run may be somebody else's.
     */
    public static void end(ExecutorService executor) {
        executor.shutdown();
        Uninterrupted.awaitEnd(executor, 1_000);
    }

    private final class OneForEachTask extends AbstractExecutorService {
        private final String name;
        private final AtomicInteger number = new AtomicInteger();
        private volatile boolean shutDown;

        OneForEachTask(String name) {
            this.name = name;
        }

        @Override
        public void execute(Runnable task) {
            if (shutDown) {
                throw new RejectedExecutionException("shut down");
            }
            of(name + number.incrementAndGet(), task).start();
        }

        @Override
        public void shutdown() {
            shutDown = true;
        }

        @Override
        public List<Runnable> shutdownNow() {
            shutDown = true;
            return List.of();
        }

        @Override
        public boolean isShutdown() {
            return shutDown;
        }

        @Override
        public boolean isTerminated() {
            return shutDown;
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) {
            return shutDown;
        }
    }
}
