package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.datastore.nats.settings.NatsSettings;

/**
 * A wire with other settings that is to take over: when all that was written on the old one is proven, or at the deadline.
 * Then somebody is told. Guarded by the journal's monitor.
 */
final class Changeover {

    /**
     * What is to be in force.
     *
     * @param deadline when it takes over at the latest
     * @param done is run by the writer when it has happened
     */
    record Next(Wire wire, FrameEncoder encoder, NatsSettings settings, long deadline, Runnable done) {}

    private Next waiting;
    private Runnable toTell;

    void prepare(Next next) {
        waiting = next;
    }

    /** The wire has gone; nothing if another one waits. */
    void withdraw(Wire wire) {
        if (isFor(wire)) {
            waiting = null;
        }
    }

    boolean isFor(Wire wire) {
        return waiting != null && waiting.wire == wire;
    }

    /** Whether one waits. Until it has taken over, records are accepted and not written. */
    boolean isWaiting() {
        return waiting != null;
    }

    long nanosLeft(long now) {
        return waiting.deadline - now;
    }

    /** What is to take over now; null if nothing is. Then it does not wait any more, and somebody {@link #toTell is to be told}. */
    Next take(boolean drained, long now) {
        if (waiting == null || !drained && nanosLeft(now) > 0) {
            return null;
        }
        Next taken = waiting;
        waiting = null;
        toTell = taken.done;
        return taken;
    }

    /** Whom to tell that it has happened; null if nobody is to be told. */
    Runnable toTell() {
        return toTell;
    }

    void told() {
        toTell = null;
    }
}
