package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * Whether a link is silent: the write and the barrier that are under way, since when, and whether the link has moved
 * meanwhile. Guarded by the journal's monitor.
 */
final class LinkWatch {

    /** A write that takes so long was held up by a full socket. */
    private static final long HELD_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** The wire of the write that is under way; null if none is. */
    private Wire writingTo;

    private long writingSince;
    private boolean barrierOut;
    private long barrierSince;
    /** When the link last showed that it is slow but moves: by a write that it held up. */
    private long heldUpAt;
    /** What was seen last: how much a wire had taken, and since when that write was under way. */
    private long seenTaken;

    private long seenWriting;

    LinkWatch(long now) {
        heldUpAt = now - TimeUnit.DAYS.toNanos(1);
    }

    void writeBegins(Wire wire, long now) {
        writingTo = wire;
        writingSince = now;
    }

    /** The write has returned, and all is well. */
    void wrote(long now) {
        if (now - writingSince >= HELD_UP_NANOS) {
            heldUpAt = now;
        }
    }

    /** No write is under way. */
    void writeEnds() {
        writingTo = null;
    }

    void barrierBegins(long now) {
        barrierOut = true;
        barrierSince = now;
    }

    /** Returns how long the barrier took, in nanoseconds. */
    long barrierEnds(long now) {
        barrierOut = false;
        return now - barrierSince;
    }

    boolean isBarrierOut() {
        return barrierOut;
    }

    /** Another wire takes over: a barrier that is out on the old one is none of this one's silence. */
    void changesOver(long now) {
        barrierSince = now;
    }

    /**
     * Whether one write or one barrier has taken this long, and the link has not moved meanwhile. A barrier's PING waits behind
     * what is in the socket's buffers. That a slow link moves is seen by writes that it holds up and lets go on; no more than
     * the {@link Budget} goes before a barrier.
     */
    boolean isSilentFor(long nanos, long now) {
        if (writingTo != null) {
            long taken = writingTo.taken();
            if (taken != seenTaken && writingSince == seenWriting) {
                heldUpAt = now;
            }
            seenTaken = taken;
            seenWriting = writingSince;
        }
        return now - heldUpAt >= nanos
                && (writingTo != null && now - writingSince >= nanos || barrierOut && now - barrierSince >= nanos);
    }
}
