package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * JetStream: whether the one stream that stores all records is away, as while its cluster elects a leader. The server then
 * answers that nobody listens. A record that is written later may find the stream back, and would be stored ahead of those
 * that were missed. So nothing more is written until everything on the wire has been answered, or had a second to be. From
 * then on single records ask whether the stream is back. Once one is stored, everything is written again in its order.
 * Guarded by the journal's monitor.
 */
final class Absence {

    private enum State {
        PRESENT,
        /** A record was missed. If one that was written behind it is stored, the stream is not away. */
        DOUBTED,
        AWAY,
        /** Everything is to be written again. */
        BACK
    }

    private static final long ASK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private State state = State.PRESENT;
    /** The number of the record that was missed first. */
    private long missed;

    private long nextAsked;

    /** Nothing is known of the stream behind a new wire. */
    void begin() {
        state = State.PRESENT;
    }

    boolean isPresent() {
        return state == State.PRESENT;
    }

    boolean isDoubted() {
        return state == State.DOUBTED;
    }

    /** Nobody has listened to the record with this number. */
    void missed(long number, long now) {
        if (state == State.PRESENT) {
            state = State.DOUBTED;
            missed = number;
        }
        nextAsked = now + ASK_NANOS;
    }

    /** The record with this number is stored. */
    void stored(long number) {
        if (state == State.AWAY) {
            state = State.BACK;
        } else if (state == State.DOUBTED && number > missed) {
            state = State.PRESENT;
        }
    }

    /**
     * Whether everything is to be written again from now on.
     *
     * @param young how many frames on the wire may yet be answered
     */
    boolean ends(int young) {
        if (state == State.DOUBTED && young == 0) {
            state = State.AWAY;
            return true;
        }
        if (state == State.BACK) {
            state = State.PRESENT;
            return true;
        }
        return false;
    }

    /** How many frames may be written, of so many for which there is room. */
    int room(int most, int young, long now) {
        return switch (state) {
            case PRESENT -> most;
            case DOUBTED, BACK -> 0;
            case AWAY -> young == 0 && nextAsked - now <= 0 ? Math.min(most, 1) : 0;
        };
    }
}
