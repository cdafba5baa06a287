package io.fleettelemetry.datastore.logger;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;

/**
 * What was accepted and has not ended, in the order of offering: many threads add to it, one works it off. Bounded in
 * bytes, because payloads may be of any size.
 *
 * <p>An entry stays until the one thread says that it has ended, or it is taken away because that thread hangs: whichever
 * comes first has the entry, so that its receipt is called once.
 */
final class Backlog {

    /** Some 20,000 records of 300 B: seconds of a busy fleet, so that a log that pauses refuses nothing. */
    static final long MAX_BYTES = 8_388_608;

    /** What a record is counted with besides its payload, as in the hold and in flight to NATS. */
    private static final long RECORD_BYTES = 128;

    /**
     * A record that was accepted.
     *
     * @param verbose as was set when it was offered
     */
    record Entry(TelemetryRecord record, Receipt receipt, boolean verbose) {

        private long bytes() {
            return record.payload().length + RECORD_BYTES;
        }
    }

    // All below: guarded by this.
    private final ArrayDeque<Entry> entries = new ArrayDeque<>();
    private long bytes;
    private boolean closed;

    /** Takes it, or says why not. The last one may go over the bound: so even the largest record gets its turn. */
    synchronized Optional<Failure> offer(Entry entry) {
        if (closed) {
            return Optional.of(new Failure(Failure.Kind.CLOSED, "the logger datastore is closed"));
        }
        if (isFull()) {
            return Optional.of(new Failure(
                    Failure.Kind.FULL,
                    entries.size() + " records (" + bytes + " bytes) wait for the log; the limit is " + MAX_BYTES
                            + " bytes; look at the log's appenders"));
        }
        entries.add(entry);
        bytes += entry.bytes();
        notifyAll();
        return Optional.empty();
    }

    /** The oldest entry, which stays; waits for one, and is null when all have ended and no more will come. */
    synchronized Entry oldest() {
        while (entries.isEmpty() && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                // Nobody wants this thread to end in this way: an appender has left that behind.
            }
        }
        return entries.peek();
    }

    /** Says that the oldest entry has ended; false if it was taken away meanwhile. */
    synchronized boolean end(Entry entry) {
        if (entries.peek() != entry) {
            return false;
        }
        entries.poll();
        bytes -= entry.bytes();
        return true;
    }

    /** From now on takes nothing more. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }

    /** Takes everything away that has not ended. */
    synchronized List<Entry> takeAway() {
        List<Entry> left = List.copyOf(entries);
        entries.clear();
        bytes = 0;
        return left;
    }

    synchronized boolean isClosed() {
        return closed;
    }

    synchronized boolean isFull() {
        return bytes >= MAX_BYTES;
    }

    synchronized int records() {
        return entries.size();
    }
}
