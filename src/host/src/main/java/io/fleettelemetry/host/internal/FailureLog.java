package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Says in the log what the host itself has failed, for one datastore, which knows nothing of it. That can be every record,
 * so there is at most one line in ten seconds.
 */
final class FailureLog {

    private static final Log log = Logs.of(FailureLog.class);
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final String datastore;
    private final LongSupplier nanoTime;
    private long lastWritten;
    private long leftOut;

    FailureLog(String datastore, LongSupplier nanoTime) {
        this.datastore = datastore;
        this.nanoTime = nanoTime;
        this.lastWritten = nanoTime.getAsLong() - PAUSE_NANOS;
    }

    /** Never blocks and never throws. */
    void write(TelemetryRecord record, Failure why) {
        long before;
        synchronized (this) {
            long now = nanoTime.getAsLong();
            if (now - lastWritten < PAUSE_NANOS) {
                leftOut++;
                return;
            }
            lastWritten = now;
            before = leftOut;
            leftOut = 0;
        }
        try {
            write(record, why, before);
        } catch (RuntimeException | Error e) { // no memory for the line
            synchronized (this) {
                leftOut += before + 1;
            }
        }
    }

    private void write(TelemetryRecord record, Failure why, long before) {
        log.error(
                "record_failed datastore={} kind={} reason=\"{}\" vin=\"{}\" record_type=\"{}\" txid=\"{}\" left_out={}",
                datastore,
                why.kind(),
                PlainText.field(why.reason()),
                PlainText.field(record.vin()),
                PlainText.field(record.type()),
                PlainText.field(record.txid()),
                before);
    }
}
