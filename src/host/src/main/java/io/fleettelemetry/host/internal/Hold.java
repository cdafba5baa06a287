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

    /** A record and since when it is held, in {@link System#nanoTime}. */
    record Held(Delivery delivery, long since) {
        long bytes() {
            return RECORD_OVERHEAD + delivery.record.payload().length;
        }
    }

    private final PriorityQueue<Held> queue = new PriorityQueue<>(Comparator.comparingLong(h -> h.delivery.place));
    private long bytes;

    /** Whether another record fits; one always does if nothing is held. */
    boolean hasRoomFor(Delivery delivery, long maxBytes) {
        return queue.isEmpty() || bytes + RECORD_OVERHEAD + delivery.record.payload().length <= maxBytes;
    }

    /** Takes a record to its place, whether there is room or not. */
    void add(Held held) {
        queue.add(held);
        bytes += held.bytes();
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

    boolean isEmpty() {
        return queue.isEmpty();
    }

    int records() {
        return queue.size();
    }

    long bytes() {
        return bytes;
    }
}
