package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One record on its way to the datastores of its route. It is the context of the record that they get, so that their
 * receipts find it without a lookup. In the end it is the answer to the source.
 */
final class Dispatch extends AckQueue.Answer {

    /**
     * The data that all records of a route share.
     *
     * @param datastores number of datastores that get the record
     * @param ackSource the datastore whose confirmation is the vehicle's reliable ack; null if the type has no reliable
     *     acks
     * @param acks counts these acks; null if there is no ack source
     */
    record Plan(int datastores, DatastoreId ackSource, Counts.OfAcks acks) {}

    private static final VarHandle PENDING;
    private static final VarHandle FAILURE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            PENDING = lookup.findVarHandle(Dispatch.class, "pending", int.class);
            FAILURE = lookup.findVarHandle(Dispatch.class, "failure", Outcome.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The record that datastores get: the offered record with this dispatch as its context. */
    final TelemetryRecord record;
    /** The record's place among all records of the host: records offered earlier have a smaller one. */
    final long place;

    private final TelemetryRecord offered;
    private final AckQueue answers;
    private final Plan plan;
    private volatile int pending;
    private volatile Outcome failure;
    private boolean acknowledges;
    /** The newest of its entries in holds, one for each datastore that ever held it; guarded by this. */
    private Held held;

    Dispatch(TelemetryRecord offered, AckQueue answers, Plan plan, long place) {
        this.offered = offered;
        this.answers = answers;
        this.plan = plan;
        this.place = place;
        this.pending = plan.datastores();
        this.record = offered.withContext(this);
    }

    static Dispatch of(TelemetryRecord record) {
        return (Dispatch) record.context();
    }

    /** The record's entry in the hold of one datastore. It stays after the record has left the hold. */
    final class Held {
        private final DatastoreId datastore;
        /** When the record first came to the hold, in {@link System#nanoTime}. */
        final long since;
        /** The same record in the hold of another datastore; null if there is none. */
        private final Held other;

        private Held(DatastoreId datastore, long since, Held other) {
            this.datastore = datastore;
            this.since = since;
            this.other = other;
        }

        Dispatch dispatch() {
            return Dispatch.this;
        }
    }

    /** Whether the route has other datastores, which wait while one datastore is slow to take the record. */
    boolean hasOtherDatastores() {
        return plan.datastores() > 1;
    }

    /**
     * The entry for the hold of this datastore: always the same object, so that a record that returns keeps its age.
     */
    synchronized Held heldFor(DatastoreId datastore) {
        for (Held known = held; known != null; known = known.other) {
            if (known.datastore == datastore) {
                return known;
            }
        }
        held = new Held(datastore, System.nanoTime(), held);
        return held;
    }

    /** The datastore has confirmed the record; returns whether a reliable ack goes out because of it. */
    boolean confirmedBy(DatastoreId datastore) {
        boolean isAckSource = datastore == plan.ackSource();
        boolean acknowledge = isAckSource && answers.isOpen();
        if (isAckSource) {
            if (pending == 1) { // no other datastore has the record, so one answer carries the ack and the outcome
                acknowledges = true;
            } else {
                acknowledgeSoon();
            }
        }
        datastoreEnded();
        return acknowledge;
    }

    private void acknowledgeSoon() {
        Ack ack;
        try {
            ack = new Ack();
        } catch (OutOfMemoryError e) {
            plan.acks().missed.increment();
            return;
        }
        answers.add(ack);
    }

    void failedBy(DatastoreId datastore, Failure why) {
        FAILURE.compareAndSet(this, null, outcome(datastore, why));
        datastoreEnded();
    }

    private static Outcome outcome(DatastoreId datastore, Failure why) {
        try {
            return Outcome.failed(datastore.name, why);
        } catch (OutOfMemoryError e) {
            return datastore.noMemoryOutcome;
        }
    }

    private void datastoreEnded() {
        if ((int) PENDING.getAndAdd(this, -1) == 1) {
            answers.add(this);
        }
    }

    @Override
    void sendTo(Source source) {
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
            (passed ? plan.acks().passed : plan.acks().missed).increment();
        }
    }

    /** A reliable ack that goes out while other datastores still have the record. */
    private final class Ack extends AckQueue.Answer {
        @Override
        void sendTo(Source source) {
            acknowledge(source);
        }
    }
}
