package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * JetStream: answered records that wait for the confirmer. While answers keep coming, it takes those of a few
 * milliseconds at once, or earlier if they are a good part of all records in flight. Waking it for every few answers
 * costs more than all the other work for a record. Guarded by the journal's monitor.
 */
final class Answered {

    private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final int GATHERED_PART = 8;

    /** Time after which the confirmer checks again if it is not woken. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private Ended ended = new Ended();
    /** Whether the confirmer has just taken some, and waits for more. */
    private boolean gathering;
    /** Number of answers for records that had already ended. */
    private long late;

    Ended ended() {
        return ended;
    }

    /** Returns the answered records, in exchange for an empty object. */
    Ended take(Ended empty) {
        Ended taken = ended;
        ended = empty;
        gathering = !taken.isEmpty();
        return taken;
    }

    /** Whether the confirmer should take them now, with this number of records in flight. */
    boolean areEnough(int records) {
        return !ended.isEmpty() && (!gathering || ended.records() >= records / GATHERED_PART);
    }

    /** How long (ns) the confirmer waits for more. */
    long pauseNanos() {
        return gathering ? GATHER_NANOS : LOOK_NANOS;
    }

    void isLate() {
        late++;
    }

    long late() {
        return late;
    }
}
