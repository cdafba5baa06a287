package io.fleettelemetry.datastore.nats;

/** Runs an update of services. If it fails, most likely because there is no memory, it is repeated later. */
final class ServiceUpdates {

    private final Runnable update;
    private volatile boolean due;

    /** @param update is run on threads that it must not block */
    ServiceUpdates(Runnable update) {
        this.update = update;
    }

    void run() {
        boolean done = false;
        try {
            update.run();
            done = true;
        } finally {
            if (!done) {
                due = true;
            }
        }
    }

    void runIfDue() {
        if (due) {
            due = false;
            run();
        }
    }
}
