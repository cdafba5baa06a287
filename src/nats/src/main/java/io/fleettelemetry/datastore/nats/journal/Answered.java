package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * JetStream: records that were answered, for the confirmer to take. While answers keep coming it takes those of a few
 * milliseconds at once, or earlier those of a good part of all records in flight: waking it for every few answers costs more
 * than all the rest of a record. Guarded by the journal's monitor.
 */
final class Answered {

    private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final int GATHERED_PART = 8;

    /** How soon the confirmer looks again if nobody wakes it. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private Ended ended = new Ended();
    /** The confirmer has just taken some, and waits for more to come. */
    private boolean gathering;
    /** Answers for records that had ended already. */
    private long late;

    Ended ended() {
        return ended;
    }

    /** Takes them in exchange for an empty one. */
    Ended take(Ended empty) {
        Ended taken = ended;
        ended = empty;
        gathering = !taken.isEmpty();
        return taken;
    }

    /** Whether the confirmer is to take them now, with so many records in flight. */
    boolean areEnough(int records) {
        return !ended.isEmpty() && (!gathering || ended.records() >= records / GATHERED_PART);
    }

    /** How long the confirmer waits for more. */
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
