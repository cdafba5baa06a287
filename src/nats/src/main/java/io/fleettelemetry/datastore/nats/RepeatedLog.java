package io.fleettelemetry.datastore.nats;

import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;

/** Keeps an event that can come with every record from flooding the log: at most one line in ten seconds. */
final class RepeatedLog {

    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private long lastWritten = System.nanoTime() - PAUSE_NANOS;
    private long unwritten;

    /**
     * Writes, unless the last line was less than ten seconds ago.
     *
     * @param write is given how many such events were left out since that line
     */
    synchronized void write(LongConsumer write) {
        long now = System.nanoTime();
        if (now - lastWritten < PAUSE_NANOS) {
            unwritten++;
            return;
        }
        lastWritten = now;
        long leftOut = unwritten;
        unwritten = 0;
        write.accept(leftOut);
    }
}
