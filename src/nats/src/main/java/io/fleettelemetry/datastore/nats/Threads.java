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
     * happens to configure or connect, a command of the shell perhaps, and hold it for as long as it lives.
     */
    static Thread of(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setContextClassLoader(Threads.class.getClassLoader());
        return thread;
    }

    /** An executor that needs no end: its threads are gone with their tasks. */
    static ExecutorService oneForEachTask(String name) {
        return new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, 0, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> of(name, task));
    }
}
