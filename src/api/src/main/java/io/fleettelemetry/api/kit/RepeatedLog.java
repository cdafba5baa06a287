package io.fleettelemetry.api.kit;

import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Keeps an event that can come with every record from flooding the log: at most one line in ten seconds. */
public final class RepeatedLog {

    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final LongSupplier nanoTime;
    // All below: guarded by this.
    private long lastWritten;
    private long unwritten;

    /** One that has written nothing yet. */
    public RepeatedLog() {
        this(System::nanoTime);
    }

    /** @param nanoTime in place of {@link System#nanoTime} */
    public RepeatedLog(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.lastWritten = nanoTime.getAsLong() - PAUSE_NANOS;
    }

    /**
     * Writes, unless the last line was less than ten seconds ago. Never throws.
     *
     * @param write is given how many such events were left out since that line; called without a lock
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

    /** How many events were left out before this one; -1 if this one is to be, too. */
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
