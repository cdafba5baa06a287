package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * JetStream: knows whether the one stream for all records is away, for example while its cluster elects a leader. The
 * server then answers that no stream listens. A later record may find the stream back, and would be stored ahead of the
 * missed ones. So nothing more is written until all frames on the wire were answered, or have waited a second. Then
 * single records test whether the stream is back. When one is stored, all records are written again in their order.
 * Guarded by the journal's monitor.
 */
final class Absence {

    private enum State {
        PRESENT,
        /** A record was missed. If a record written after it is stored, the stream is not away. */
        DOUBTED,
        AWAY,
        /** All records must be written again. */
        BACK
    }

    private static final long ASK_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private State state = State.PRESENT;
    /** The number of the first missed record. */
    private long missed;

    private long nextAsked;

    /** Begins a new wire, for which the stream is assumed to be present. */
    void begin() {
        state = State.PRESENT;
    }

    boolean isPresent() {
        return state == State.PRESENT;
    }

    boolean isDoubted() {
        return state == State.DOUBTED;
    }

    /** No stream listened to the record with this number. */
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
     * Whether all records must be written again from now on.
     *
     * @param young number of frames on the wire that may still be answered
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

    /** Number of frames that may be written, out of those for which there is room. */
    int room(int most, int young, long now) {
        return switch (state) {
            case PRESENT -> most;
            case DOUBTED, BACK -> 0;
            case AWAY -> young == 0 && nextAsked - now <= 0 ? Math.min(most, 1) : 0;
        };
    }
}
