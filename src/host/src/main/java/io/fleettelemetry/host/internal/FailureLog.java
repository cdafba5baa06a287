package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import java.util.function.LongSupplier;

/**
 * Logs the records of one datastore that the host itself failed, because the datastore does not know them. That may be
 * every record, so there is at most one line in ten seconds.
 */
final class FailureLog {

    private static final Log log = Own.log(FailureLog.class);

    private final String datastore;
    private final RepeatedLog lines;

    FailureLog(String datastore, LongSupplier nanoTime) {
        this.datastore = datastore;
        this.lines = new RepeatedLog(nanoTime);
    }

    /** Logs a failed record. Never blocks and never throws. */
    void write(TelemetryRecord record, Failure why) {
        try {
            lines.write(leftOut -> write(record, why, leftOut));
        } catch (OutOfMemoryError e) {
            // Then there is nowhere to report it.
        }
    }

    private void write(TelemetryRecord record, Failure why, long leftOut) {
        log.error(
                "record_failed datastore={} kind={} reason=\"{}\" vin=\"{}\" record_type=\"{}\" txid=\"{}\" left_out={}",
                datastore,
                why.kind(),
                PlainText.field(why.reason()),
                PlainText.field(record.vin()),
                PlainText.field(record.type()),
                PlainText.field(record.txid()),
                leftOut);
    }
}
