package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.PlainText;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in the log what the host itself has failed, for one datastore, which knows nothing of it. That can be every record,
 * so there is at most one line in ten seconds. Each has a thread of its own: a log that hangs, which may be why the logger
 * datastore takes nothing, holds up nobody who offers records to others.
 */
final class FailureLog {

    private static final Logger log = LoggerFactory.getLogger(FailureLog.class);
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final String datastore;
    private final LongSupplier nanoTime;
    private long lastWritten;
    private long leftOut;
    /** Whether the last line is still being written. */
    private boolean writing;

    FailureLog(String datastore, LongSupplier nanoTime) {
        this.datastore = datastore;
        this.nanoTime = nanoTime;
        this.lastWritten = nanoTime.getAsLong() - PAUSE_NANOS;
    }

    void write(TelemetryRecord record, Failure why) {
        long before;
        synchronized (this) {
            long now = nanoTime.getAsLong();
            if (writing || now - lastWritten < PAUSE_NANOS) {
                leftOut++;
                return;
            }
            writing = true;
            lastWritten = now;
            before = leftOut;
            leftOut = 0;
        }
        try {
            Threads.of("telemetry-log-" + datastore, () -> write(record, why, before))
                    .start();
        } catch (OutOfMemoryError e) { // the machine has no thread left
            synchronized (this) {
                writing = false;
                leftOut += before + 1;
            }
        }
    }

    private void write(TelemetryRecord record, Failure why, long before) {
        try {
            log.error(
                    "record_failed datastore={} kind={} reason=\"{}\" vin=\"{}\" record_type=\"{}\" txid=\"{}\" left_out={}",
                    datastore,
                    why.kind(),
                    PlainText.field(why.reason()),
                    PlainText.field(record.vin()),
                    PlainText.field(record.type()),
                    PlainText.field(record.txid()),
                    before);
        } finally {
            synchronized (this) {
                writing = false;
            }
        }
    }
}
