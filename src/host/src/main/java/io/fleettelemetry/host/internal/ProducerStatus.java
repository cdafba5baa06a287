package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.RepeatedLog;

/** Asks producers for their status and destinations, and catches what they throw. Never called under a lock. */
final class ProducerStatus {

    private static final Log log = Own.log(ProducerStatus.class);
    private static final RepeatedLog throwing = new RepeatedLog();

    private ProducerStatus() {}

    static Status of(String datastore, Producer producer) {
        return of(datastore, (Health) producer::status);
    }

    static Status of(String datastore, Health health) {
        try {
            Status status = health.status();
            return status == null ? Status.UNKNOWN : status;
        } catch (RuntimeException | Error e) { // against its contract
            logThrown(datastore, "status()", e);
            return Status.UNKNOWN;
        }
    }

    /** The destination of a record at a producer; empty if it has none, or if there is no producer. */
    static String destination(String datastore, Producer producer, TelemetryRecord record) {
        try {
            return producer == null ? "" : producer.destination(record);
        } catch (RuntimeException | Error e) { // against its contract
            logThrown(datastore, "destination()", e);
            return "";
        }
    }

    private static void logThrown(String datastore, String method, Throwable e) {
        throwing.write(leftOut -> log.error(
                "datastore_error datastore={} reason=\"its {} threw an exception\" left_out={}",
                datastore,
                method,
                leftOut,
                e));
    }
}
