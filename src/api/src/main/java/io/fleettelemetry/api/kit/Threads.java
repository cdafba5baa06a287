package io.fleettelemetry.api.kit;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Makes the threads of one bundle. Each has a name, and none keeps another bundle in memory. */
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
     * Returns a thread that is not started yet. Its context class loader is that of the bundle. Otherwise it would
     * inherit the caller's, for example that of a shell command, and keep it in memory. When the thread ends, its
     * context class loader is cleared, because Felix may keep a thread that once loaded a class at the same moment as
     * another thread.
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

    /**
     * Whether the current thread was made here. Such a thread must not wait for another one's end, which may wait for
     * it.
     */
    public boolean isOwn() {
        return Thread.currentThread() instanceof Own own && own.maker == this;
    }

    /** An executor that runs one task after the other. Its thread ends when there are no more tasks. */
    public ExecutorService oneWhenNeeded(String name) {
        return new ThreadPoolExecutor(0, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> of(name, task));
    }

    /**
     * An executor that starts a thread for each task. It need not be shut down. It is not one of the JDK's, because
     * those never work again if the heap is full when they are first used.
     *
     * @param name the name of the threads, to which a number is added
     */
    public ExecutorService oneForEachTask(String name) {
        return new OneForEachTask(name);
    }

    /**
     * Shuts an executor down, and waits for its threads. It waits one second at most, because they may run code of
     * another bundle, which may not return.
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
