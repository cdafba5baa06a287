package io.fleettelemetry.datastore.nats.threads;

import java.util.concurrent.ExecutorService;

/** The threads of this bundle; see {@link io.fleettelemetry.api.kit.Threads}. */
public final class Threads {

    /** Makes the threads of this bundle. */
    public static final io.fleettelemetry.api.kit.Threads OWN = new io.fleettelemetry.api.kit.Threads(Threads.class);

    private Threads() {}

    public static boolean isOwn() {
        return OWN.isOwn();
    }

    public static Thread of(String name, Runnable task) {
        return OWN.of(name, task);
    }

    public static ExecutorService oneWhenNeeded(String name) {
        return OWN.oneWhenNeeded(name);
    }

    public static ExecutorService oneForEachTask(String name) {
        return OWN.oneForEachTask(name);
    }

    public static void end(ExecutorService executor) {
        io.fleettelemetry.api.kit.Threads.end(executor);
    }
}
