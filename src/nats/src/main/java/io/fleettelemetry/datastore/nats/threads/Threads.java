package io.fleettelemetry.datastore.nats.threads;

import io.fleettelemetry.api.kit.Uninterrupted;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The threads of this bundle: each has a name, and none keeps a bundle of somebody else in memory. */
public final class Threads {

    private static final class Own extends Thread {
        Own(Runnable task, String name) {
            super(task, name);
        }
    }

    private Threads() {}

    /** Whether the current thread is one of these: it must not wait for another one's end, which may wait for it. */
    public static boolean isOwn() {
        return Thread.currentThread() instanceof Own;
    }

    /**
     * A thread that is not started yet. Its context class loader is this bundle's own: it would inherit that of whoever
     * happens to call, a command of the shell perhaps, and hold it for as long as it lives. At its end it has none any
     * more, because Felix may remember a thread that once loaded a class at the same moment as another.
     */
    public static Thread of(String name, Runnable task) {
        Runnable forgetful = () -> {
            try {
                task.run();
            } finally {
                Thread.currentThread().setContextClassLoader(null);
            }
        };
        Thread thread = new Own(forgetful, name);
        thread.setContextClassLoader(Threads.class.getClassLoader());
        return thread;
    }

    /** An executor that runs one task after the other; its thread is gone when there are no more. */
    public static ExecutorService oneWhenNeeded(String name) {
        return new ThreadPoolExecutor(0, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> of(name, task));
    }

    /** Takes nothing more, and waits a second at most for what is under way: it may be somebody else's. */
    public static void end(ExecutorService executor) {
        executor.shutdown();
        Uninterrupted.awaitEnd(executor, 1_000);
    }

    /**
     * An executor that needs no end: its threads are gone with their tasks. Not one of the JDK's, because these break for
     * good if the heap is full when they are used first.
     */
    public static ExecutorService oneForEachTask(String name) {
        return new OneForEachTask(name);
    }

    private static final class OneForEachTask extends AbstractExecutorService {
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
