package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import io.fleettelemetry.host.internal.Hold.Held;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One record on its way through its route: the context of what the datastores get, so that their receipts lead back here
 * without a lookup; and in the end the answer to the source.
 */
final class Delivery extends Line.Answer {

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
    private final Line line;
    private final Route route;
    private volatile int pending;
    private volatile Outcome failure;
    private boolean acknowledges;
    /** What its targets hold or have held of it, for those that ever did; guarded by this. */
    private Held held;

    Delivery(TelemetryRecord offered, Line line, Route route, long place) {
        this.offered = offered;
        this.line = line;
        this.route = route;
        this.place = place;
        this.pending = route.targets().size();
        this.record = offered.withContext(this);
    }

    static Delivery of(TelemetryRecord record) {
        return (Delivery) record.context();
    }

    /** Whether somebody else is kept waiting by a target that is slow to take it. */
    boolean hasOtherTargets() {
        return route.targets().size() > 1;
    }

    /** The record for the hold of this target: always the same one, so that coming back does not make it younger. */
    synchronized Held heldBy(Target target) {
        for (Held known = held; known != null; known = known.other()) {
            if (known.target() == target) {
                return known;
            }
        }
        held = new Held(target, this, System.nanoTime(), held);
        return held;
    }

    /** The target has the record; returns whether a reliable ack goes out because of it. */
    boolean confirmedBy(Target target) {
        boolean acknowledge = target == route.ackSource() && line.isOpen();
        if (target == route.ackSource()) {
            if (pending == 1) { // nobody else is left to end it: one answer says both
                acknowledges = true;
            } else {
                acknowledgeSoon();
            }
        }
        targetEnded();
        return acknowledge;
    }

    private void acknowledgeSoon() {
        Ack ack;
        try {
            ack = new Ack();
        } catch (OutOfMemoryError e) {
            route.acks().missed.increment();
            return;
        }
        line.add(ack);
    }

    void failedBy(Target target, Failure why) {
        FAILURE.compareAndSet(this, null, outcome(target, why));
        targetEnded();
    }

    private static Outcome outcome(Target target, Failure why) {
        try {
            return Outcome.failed(target.name(), why);
        } catch (OutOfMemoryError e) {
            return target.noMemory();
        }
    }

    private void targetEnded() {
        if ((int) PENDING.getAndAdd(this, -1) == 1) {
            line.add(this);
        }
    }

    @Override
    void tell(Source source) {
        try {
            if (acknowledges) {
                acknowledge(source);
            }
        } finally {
            if (source != null) {
                source.ended(offered, failure == null ? Outcome.CONFIRMED : failure);
            }
        }
    }

    private void acknowledge(Source source) {
        boolean passed = false;
        try {
            passed = source != null && source.acknowledge(offered);
        } finally {
            (passed ? route.acks().passed : route.acks().missed).increment();
        }
    }

    /** A reliable ack that goes out while other datastores still have the record. */
    private final class Ack extends Line.Answer {
        @Override
        void tell(Source source) {
            acknowledge(source);
        }
    }
}
