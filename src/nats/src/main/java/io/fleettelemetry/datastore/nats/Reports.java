package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.logging.Logs;
import java.util.Map;

/** Passes error reports to an error reporter. Its exceptions must not affect records and connections. */
final class Reports {

    private static final Log log = Logs.of(NatsDatastore.class);

    private final ErrorReporter reporter;
    private final RepeatedLog failures = new RepeatedLog();

    Reports(ErrorReporter reporter) {
        this.reporter = reporter;
    }

    /** @param fields the fields, including the datastore */
    void report(String event, Map<String, String> fields) {
        try {
            reporter.report(event, null, fields);
        } catch (RuntimeException | Error e) {
            failures.write(leftOut -> log.error(
                    "nats_callback_failed datastore={} reason=\"an error reporter threw an exception\" left_out={}",
                    fields.get("datastore"),
                    leftOut,
                    e));
        }
    }
}
