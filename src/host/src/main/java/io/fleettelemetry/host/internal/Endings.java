package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import java.util.concurrent.atomic.LongAdder;

/**
 * Ends records at one datastore: the one place that counts how they ended and logs those that the host itself failed.
 */
final class Endings {

    private static final Log log = Own.log(Endings.class);

    final LongAdder confirmed = new LongAdder();
    final LongAdder failed = new LongAdder();
    private final DatastoreId id;
    private final FailureLog failures;
    private final RepeatedLog throwing = new RepeatedLog();

    Endings(DatastoreId id) {
        this.id = id;
        this.failures = new FailureLog(id.name, System::nanoTime);
    }

    /** A producer has confirmed the record; returns whether a reliable ack goes out because of it. */
    boolean confirm(Dispatch dispatch) {
        confirmed.increment();
        return dispatch.confirmedBy(id);
    }

    void fail(Dispatch dispatch, Failure why) {
        failed.increment();
        dispatch.failedBy(id, why);
    }

    /** Fails a record for which there is no memory. */
    void failForWantOfMemory(Dispatch dispatch) {
        fail(dispatch, id.noMemory);
    }

    /** Fails a record that no producer has. The host logs it, because no datastore does. */
    void giveUp(Dispatch dispatch, Failure why) {
        failures.write(dispatch.record, why);
        fail(dispatch, why);
    }

    /** Logs that a producer has thrown, which it must not; returns the record's failure. */
    Failure producerThrew(Dispatch dispatch, Throwable e) {
        try {
            throwing.write(leftOut -> log.error(
                    "datastore_error datastore={} record=\"{}\" left_out={}",
                    id.name,
                    PlainText.field(dispatch.record.toString()),
                    leftOut,
                    e));
            return new Failure(Failure.Kind.ERROR, "the datastore '" + id.name + "' threw " + e);
        } catch (RuntimeException | Error noMemory) {
            return id.noMemory;
        }
    }
}
