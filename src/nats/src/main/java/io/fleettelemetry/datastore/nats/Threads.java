package io.fleettelemetry.datastore.nats;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The threads of this bundle: each has a name, and none keeps a bundle of somebody else in memory. */
final class Threads {

    private Threads() {}

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
        Thread thread = new Thread(forgetful, name);
        thread.setContextClassLoader(Threads.class.getClassLoader());
        return thread;
    }

    /** An executor that needs no end: its threads are gone with their tasks. */
    static ExecutorService oneForEachTask(String name) {
        return new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, 0, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> of(name, task));
    }
}
