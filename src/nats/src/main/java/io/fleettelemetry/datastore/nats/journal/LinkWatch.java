package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.TimeUnit;

/**
 * Detects a silent link: it knows the current write and the current barrier, when they began, and whether the link has
 * moved since then. Guarded by the journal's monitor.
 */
final class LinkWatch {

    /** A write that takes this long was delayed by a full socket. */
    private static final long HELD_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** The wire of the current write; null if there is none. */
    private Wire writingTo;

    private long writingSince;
    private boolean barrierOut;
    private long barrierSince;
    /** When a delayed write last showed that the link is slow but moves. */
    private long heldUpAt;
    /** The last observation: the bytes that a wire had taken, and when that write began. */
    private long seenTaken;

    private long seenWriting;

    LinkWatch(long now) {
        heldUpAt = now - TimeUnit.DAYS.toNanos(1);
    }

    void writeBegins(Wire wire, long now) {
        writingTo = wire;
        writingSince = now;
    }

    /** The write has returned successfully. */
    void wrote(long now) {
        if (now - writingSince >= HELD_UP_NANOS) {
            heldUpAt = now;
        }
    }

    /** The write has ended. */
    void writeEnds() {
        writingTo = null;
    }

    void barrierBegins(long now) {
        barrierOut = true;
        barrierSince = now;
    }

    /** Ends the barrier; returns how long it took, in nanoseconds. */
    long barrierEnds(long now) {
        barrierOut = false;
        return now - barrierSince;
    }

    boolean isBarrierOut() {
        return barrierOut;
    }

    /** Another wire takes over: a barrier on the old one does not count as silence of the new one. */
    void changesOver(long now) {
        barrierSince = now;
    }

    /**
     * Whether one write or one barrier has taken this long, and the link has not moved since then. A barrier's PING
     * waits behind the bytes in the socket's buffers, at most the {@link Budget}. Delayed writes that continue show
     * that a slow link moves.
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
