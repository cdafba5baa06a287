package io.fleettelemetry.host.internal;

import io.fleettelemetry.host.internal.Dispatch.Held;
import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * Records that wait for their datastore, in the order in which they were offered. Not thread-safe: guarded by its
 * target's lock.
 */
final class Hold {

    /** Bytes that a held record counts in addition to its payload, so that empty records cannot fill the heap. */
    private static final int RECORD_OVERHEAD = 128;

    private final PriorityQueue<Held> queue =
            new PriorityQueue<>(Comparator.comparingLong(held -> held.dispatch().place));
    /** The record that was {@linkplain #lend lent} and still occupies its room; null if there is none. */
    private Held lent;

    private long bytes;
    /** Time held is counted from here on at the earliest, in {@link System#nanoTime}. */
    private long heldFrom = System.nanoTime();

    private static long bytesOf(Dispatch dispatch) {
        return RECORD_OVERHEAD + dispatch.record.payload().length;
    }

    /** Whether another record fits; one always does if nothing is held. */
    boolean hasRoomFor(Dispatch dispatch, long maxBytes) {
        return isEmpty() || bytes + bytesOf(dispatch) <= maxBytes;
    }

    /** Adds a record at its place, whether there is room or not. */
    void add(Held held) {
        queue.add(held);
        if (held == lent) {
            lent = null;
        } else {
            bytes += bytesOf(held.dispatch());
        }
    }

    /** The oldest record, or null. */
    Held peek() {
        return queue.peek();
    }

    /** Removes the oldest record, or null. */
    Held poll() {
        Held held = queue.poll();
        if (held != null) {
            bytes -= bytesOf(held.dispatch());
        }
        return held;
    }

    /** Lends the oldest record for a try: {@link #add} returns it, and {@link #settle} removes it otherwise. */
    Held lend() {
        lent = queue.poll();
        return lent;
    }

    /** Ends a loan; returns whether the record has not come back, so that it no longer occupies room. */
    boolean settle() {
        boolean gone = lent != null;
        if (gone) {
            bytes -= bytesOf(lent.dispatch());
            lent = null;
        }
        return gone;
    }

    /** Restarts the clock: the time until now does not count as time held. */
    void restartClock() {
        heldFrom = System.nanoTime();
    }

    /** Nanoseconds until the oldest record has been held for this long; {@link Long#MAX_VALUE} if nothing is held. */
    long expiresIn(Duration holdMax) {
        Held oldest = peek();
        if (oldest == null) {
            return Long.MAX_VALUE;
        }
        long from = oldest.since - heldFrom > 0 ? oldest.since : heldFrom;
        return from + holdMax.toNanos() - System.nanoTime();
    }

    boolean isEmpty() {
        return queue.isEmpty() && lent == null;
    }

    int records() {
        return queue.size() + (lent == null ? 0 : 1);
    }

    long bytes() {
        return bytes;
    }
}
