package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One record on its way through its route: the context of what the datastores get, so that their receipts lead back
 * here without a lookup.
 */
final class Delivery {

    private static final Logger log = LoggerFactory.getLogger(Delivery.class);
    private static final VarHandle PENDING;
    private static final VarHandle FAILURE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            PENDING = lookup.findVarHandle(Delivery.class, "pending", int.class);
            FAILURE = lookup.findVarHandle(Delivery.class, "failure", Outcome.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** What datastores get: the offered record with this delivery as its context. */
    final TelemetryRecord record;
    /** Its place among all records of the host: what was offered earlier has a smaller one. */
    final long place;

    private final TelemetryRecord offered;
    private final Source source;
    private final Route route;
    private volatile int pending;
    private volatile Outcome failure;

    Delivery(TelemetryRecord offered, Source source, Route route, long place) {
        this.offered = offered;
        this.source = source;
        this.route = route;
        this.place = place;
        this.pending = route.targets().size();
        this.record = offered.withContext(this);
    }

    static Delivery of(TelemetryRecord record) {
        return (Delivery) record.context();
    }

    /** The target has the record; returns whether the vehicle was told because of it. */
    boolean confirmedBy(Target target) {
        boolean acknowledged = false;
        if (target == route.ackSource()) {
            try {
                acknowledged = source.acknowledge(offered);
            } catch (RuntimeException e) {
                log.error("source_error in=acknowledge record=\"{}\"", offered, e);
            }
        }
        targetEnded();
        return acknowledged;
    }

    void failedBy(Target target, Failure why) {
        FAILURE.compareAndSet(this, null, Outcome.failed(target.name(), why));
        targetEnded();
    }

    private void targetEnded() {
        if ((int) PENDING.getAndAdd(this, -1) == 1) {
            Outcome first = failure;
            tell(source, offered, first == null ? Outcome.CONFIRMED : first);
        }
    }

    /** Tells a source how a record ended; a source that throws is logged and stops nothing. */
    static void tell(Source source, TelemetryRecord record, Outcome outcome) {
        try {
            source.ended(record, outcome);
        } catch (RuntimeException e) {
            log.error("source_error in=ended record=\"{}\"", record, e);
        }
    }
}
