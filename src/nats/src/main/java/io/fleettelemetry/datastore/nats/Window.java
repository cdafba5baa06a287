package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What was accepted and has not ended, in the order of offering and bounded. Many threads add; one, the publisher, takes
 * from the front.
 */
final class Window {

    /** What a record costs besides its payload, in bytes. */
    private static final int RECORD_OVERHEAD = 128;

    /** A record in flight, where to report it, and when it expires, in {@link System#nanoTime}. */
    record Entry(TelemetryRecord record, Receipt receipt, long deadline) {
        int bytes() {
            return RECORD_OVERHEAD + record.payload().length;
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<Entry> entries = new ArrayDeque<>();
    private long bytes;
    private boolean closed;

    /** Accepts a record, or says why not. */
    Failure add(TelemetryRecord record, Receipt receipt, NatsSettings settings) {
        Entry entry = new Entry(
                record, receipt, System.nanoTime() + settings.confirmTimeout().toNanos());
        lock.lock();
        try {
            if (closed) {
                return new Failure(Failure.Kind.CLOSED, "the datastore is closed");
            }
            if (entries.size() >= settings.inflightMaxRecords()) {
                return new Failure(
                        Failure.Kind.FULL,
                        "inflight.max.records = " + settings.inflightMaxRecords() + " records wait for confirmation");
            }
            if (bytes + entry.bytes() > settings.inflightMaxBytes() && !entries.isEmpty()) {
                return new Failure(
                        Failure.Kind.FULL,
                        "inflight.max.bytes = " + settings.inflightMaxBytes() + " are used up: " + bytes
                                + " wait for confirmation");
            }
            entries.add(entry);
            bytes += entry.bytes();
            if (entries.size() == 1) {
                changed.signal();
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** Wakes the publisher: something it looks at has changed. */
    void signal() {
        lock.lock();
        try {
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until there is an entry, the window is closed, or the time has passed. */
    void awaitEntry(long nanos) throws InterruptedException {
        lock.lock();
        try {
            if (entries.isEmpty() && !closed) {
                changed.awaitNanos(nanos);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a signal, at most this long. */
    void awaitSignal(long millis) throws InterruptedException {
        lock.lock();
        try {
            changed.awaitNanos(TimeUnit.MILLISECONDS.toNanos(millis));
        } finally {
            lock.unlock();
        }
    }

    /** The oldest entries, up to both bounds but at least one if there is one. They stay until {@link #remove}. */
    List<Entry> oldest(int maxEntries, long maxBytes) {
        lock.lock();
        try {
            List<Entry> oldest = new ArrayList<>(Math.min(maxEntries, entries.size()));
            long sum = 0;
            for (Entry entry : entries) {
                sum += entry.bytes();
                if (oldest.size() == maxEntries || (sum > maxBytes && !oldest.isEmpty())) {
                    break;
                }
                oldest.add(entry);
            }
            return oldest;
        } finally {
            lock.unlock();
        }
    }

    /** Lets go of this many of the oldest entries. */
    void remove(int count) {
        lock.lock();
        try {
            for (int i = 0; i < count; i++) {
                bytes -= entries.remove().bytes();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Accepts nothing from now on. */
    void close() {
        lock.lock();
        try {
            closed = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    int records() {
        lock.lock();
        try {
            return entries.size();
        } finally {
            lock.unlock();
        }
    }

    long bytes() {
        lock.lock();
        try {
            return bytes;
        } finally {
            lock.unlock();
        }
    }
}
