package io.fleettelemetry.host.internal;

import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * Records that wait for their datastore, by the place in which they were offered. Not thread-safe: its target's lock
 * guards it.
 */
final class Hold {

    /** What a held record costs besides its payload, in bytes: so that empty records cannot fill the heap. */
    private static final int RECORD_OVERHEAD = 128;

    /**
     * A record that a target holds, or has held.
     *
     * @param since when it first came to the hold, in {@link System#nanoTime}
     * @param other the same record in the hold of another target; null if there is none
     */
    record Held(Target target, Delivery delivery, long since, Held other) {
        long bytes() {
            return RECORD_OVERHEAD + delivery.record.payload().length;
        }
    }

    private final PriorityQueue<Held> queue = new PriorityQueue<>(Comparator.comparingLong(h -> h.delivery.place));
    /** What was {@linkplain #lend lent}: it still takes its room; null if nothing is. */
    private Held lent;

    private long bytes;

    /** Whether another record fits; one always does if nothing is held. */
    boolean hasRoomFor(Delivery delivery, long maxBytes) {
        return isEmpty() || bytes + RECORD_OVERHEAD + delivery.record.payload().length <= maxBytes;
    }

    /** Takes a record to its place, whether there is room or not. */
    void add(Held held) {
        queue.add(held);
        if (held == lent) {
            lent = null;
        } else {
            bytes += held.bytes();
        }
    }

    /** The oldest record, or null. */
    Held peek() {
        return queue.peek();
    }

    /** Gives the oldest record out, or null. */
    Held poll() {
        Held held = queue.poll();
        if (held != null) {
            bytes -= held.bytes();
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
            bytes -= lent.bytes();
            lent = null;
        }
        return gone;
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
