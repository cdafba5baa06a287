package io.fleettelemetry.datastore.nats;

/** Has somebody look what has changed; if that fails, for want of memory most likely, it is done again. */
final class ServiceUpdates {

    private final Runnable update;
    private volatile boolean due;

    /** @param update is run by threads that must not be kept */
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
