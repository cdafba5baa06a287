package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Uninterrupted;
import java.util.concurrent.ExecutorService;

/** The threads of this bundle: each has a name, and none keeps a bundle of somebody else in memory. */
final class Threads {

    private static final class Own extends Thread {
        Own(Runnable task, String name) {
            super(task, name);
        }
    }

    private Threads() {}

    /** Whether the current thread is one of these: it must not wait for another one's end, which may wait for it. */
    static boolean isOwn() {
        return Thread.currentThread() instanceof Own;
    }

    /**
     * A thread that is not started yet. Its context class loader is this bundle's own: it would inherit that of whoever
     * happens to call, a command of the shell perhaps, and hold it for as long as it lives. At its end it has none any
     * more, because Felix may remember a thread that once loaded a class at the same moment as another.
     */
    static Thread of(String name, Runnable task) {
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

    /**
     * Takes nothing more, and waits for the threads that are still at work: for a second at most, because what they run
     * may be somebody else's.
     */
    static void end(ExecutorService executor) {
        executor.shutdown();
        Uninterrupted.awaitEnd(executor, 1_000);
    }
}
