package io.fleettelemetry.host.internal;

import io.fleettelemetry.host.internal.Dispatch.Held;
import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * Records that wait for their datastore, in the order in which they were offered. Not thread-safe: guarded by its target's
 * lock.
 */
final class Hold {

    /** What a held record costs besides its payload, in bytes: so that empty records cannot fill the heap. */
    private static final int RECORD_OVERHEAD = 128;

    private final PriorityQueue<Held> queue =
            new PriorityQueue<>(Comparator.comparingLong(held -> held.dispatch().place));
    /** What was {@linkplain #lend lent}: it still takes its room; null if nothing is. */
    private Held lent;

    private long bytes;
    /** Time before this one does not count as time held, in {@link System#nanoTime}. */
    private long heldFrom = System.nanoTime();

    private static long bytesOf(Dispatch dispatch) {
        return RECORD_OVERHEAD + dispatch.record.payload().length;
    }

    /** Whether another record fits; one always does if nothing is held. */
    boolean hasRoomFor(Dispatch dispatch, long maxBytes) {
        return isEmpty() || bytes + bytesOf(dispatch) <= maxBytes;
    }

    /** Takes a record to its place, whether there is room or not. */
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

    /** Gives the oldest record out to be tried: {@link #add} it again, or it goes by {@link #settle}. */
    Held lend() {
        lent = queue.poll();
        return lent;
    }

    /** Whether what was lent has not come back; it no longer takes room then. */
    boolean settle() {
        boolean gone = lent != null;
        if (gone) {
            bytes -= bytesOf(lent.dispatch());
            lent = null;
        }
        return gone;
    }

    /** The time until now does not count as time held. */
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
