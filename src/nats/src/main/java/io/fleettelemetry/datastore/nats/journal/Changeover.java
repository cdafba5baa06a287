package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.datastore.nats.settings.NatsSettings;

/**
 * A wire with other settings that will take over, when all frames written on the old one are proven, or at the
 * deadline. Then its callback is run. Guarded by the journal's monitor.
 */
final class Changeover {

    /**
     * The next wire and its settings.
     *
     * @param deadline the latest time at which it takes over, in {@link System#nanoTime}
     * @param done is run by the writer after it has taken over
     */
    record Next(Wire wire, FrameEncoder encoder, NatsSettings settings, long deadline, Runnable done) {}

    private Next waiting;
    private Runnable toTell;

    void prepare(Next next) {
        waiting = next;
    }

    /** The wire has gone. Does nothing if another one waits. */
    void withdraw(Wire wire) {
        if (isFor(wire)) {
            waiting = null;
        }
    }

    boolean isFor(Wire wire) {
        return waiting != null && waiting.wire == wire;
    }

    /** Whether a wire waits. Until it has taken over, records are accepted and not written. */
    boolean isWaiting() {
        return waiting != null;
    }

    long nanosLeft(long now) {
        return waiting.deadline - now;
    }

    /**
     * The wire that takes over now; null if none does. It no longer waits then, and {@link #toTell} has its callback.
     */
    Next take(boolean drained, long now) {
        if (waiting == null || !drained && nanosLeft(now) > 0) {
            return null;
        }
        Next taken = waiting;
        waiting = null;
        toTell = taken.done;
        return taken;
    }

    /** The callback to run after a changeover; null if there is none. */
    Runnable toTell() {
        return toTell;
    }

    void told() {
        toTell = null;
    }
}
