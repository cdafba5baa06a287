package io.fleettelemetry.api.kit;

import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Limits an event that may come with every record to one log line in ten seconds. Thread-safe. */
public final class RepeatedLog {

    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final LongSupplier nanoTime;
    // All below: guarded by this.
    private long lastWritten;
    private long unwritten;

    /** A log that has written nothing yet. */
    public RepeatedLog() {
        this(System::nanoTime);
    }

    /** @param nanoTime in place of {@link System#nanoTime} */
    public RepeatedLog(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.lastWritten = nanoTime.getAsLong() - PAUSE_NANOS;
    }

    /**
     * Writes a line, unless the last one was less than ten seconds ago. Never throws.
     *
     * @param write writes the line; gets the number of events that were left out since the last line; called without a
     *     lock
     */
    public void write(LongConsumer write) {
        long leftOut = take();
        if (leftOut >= 0) {
            try {
                write.accept(leftOut);
            } catch (RuntimeException | Error e) { // no memory, most likely: the next line counts this one
                putBack(leftOut + 1);
            }
        }
    }

    /** The number of events that were left out before this one; -1 if this one is left out, too. */
    private synchronized long take() {
        long now = nanoTime.getAsLong();
        if (now - lastWritten < PAUSE_NANOS) {
            unwritten++;
            return -1;
        }
        lastWritten = now;
        long leftOut = unwritten;
        unwritten = 0;
        return leftOut;
    }

    private synchronized void putBack(long count) {
        unwritten += count;
    }
}
