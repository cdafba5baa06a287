package io.fleettelemetry.datastore.logger;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;

/**
 * The records that are accepted and have not ended, in the order of the offers. Many threads add to it; one takes from
 * it. It is limited in bytes, because payloads may be of any size.
 *
 * <p>An entry stays until the one thread reports its end, or until it is taken away because that thread hangs. Only the
 * first of the two gets the entry, so its receipt is called once.
 */
final class Backlog {

    /** Limit (bytes): some 20,000 records of 300 B, which is seconds of a busy fleet, so that the log may pause. */
    static final long MAX_BYTES = 8_388_608;

    /** Bytes that a record counts in addition to its payload, as in the hold and in flight to NATS. */
    private static final long RECORD_BYTES = 128;

    /**
     * An accepted record.
     *
     * @param record the record
     * @param receipt its receipt
     * @param verbose the setting when it was offered
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

    /**
     * Takes an entry, or returns why not. The last entry may exceed the limit, so that even the largest record fits.
     */
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

    /** Returns the oldest entry, which stays. Waits for one; null if all have ended and no more will come. */
    synchronized Entry oldest() {
        while (entries.isEmpty() && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                // An appender has left an interrupt behind. It must not end this thread.
            }
        }
        return entries.peek();
    }

    /** Reports that the oldest entry has ended; false if it was taken away in the meantime. */
    synchronized boolean end(Entry entry) {
        if (entries.peek() != entry) {
            return false;
        }
        entries.poll();
        bytes -= entry.bytes();
        return true;
    }

    /** Takes no more entries from now on. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }

    /** Takes all entries away that have not ended. */
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
