package io.fleettelemetry.api.kit;

import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;

/** Keeps an event that can come with every record from flooding the log: at most one line in ten seconds. */
public final class RepeatedLog {

    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private long lastWritten = System.nanoTime() - PAUSE_NANOS;
    private long unwritten;

    /** One that has written nothing yet. */
    public RepeatedLog() {}

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
            } catch (RuntimeException | Error e) { // no memory, most likely
                // Then there is no place to say it.
            }
        }
    }

    /** How many events were left out before this one; -1 if this one is to be, too. */
    private synchronized long take() {
        long now = System.nanoTime();
        if (now - lastWritten < PAUSE_NANOS) {
            unwritten++;
            return -1;
        }
        lastWritten = now;
        long leftOut = unwritten;
        unwritten = 0;
        return leftOut;
    }
}
