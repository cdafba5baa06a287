package io.fleettelemetry.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * The live end of a datastore: it takes records and reports how each one ended.
 *
 * <p>In OSGi a producer is a service with the property {@link #DATASTORE}. The host finds it by
 * {@code (telemetry.datastore=<name>)}. If two services have the same name, the host uses the one with the higher
 * {@code service.ranking}. The service may come and go at any time.
 *
 * <p>A producer makes these promises:
 *
 * <ul>
 *   <li>Every record ends exactly once: {@link Receipt#confirmed} or {@link Receipt#failed}.
 *   <li>{@code confirmed} means that the record is at its destination, not in a buffer on the way.
 *   <li>{@code failed} means that the record is not known to be at its destination.
 *   <li>Records of one vehicle that are offered one after the other arrive in that order.
 * </ul>
 */
@ConsumerType
public interface Producer {

    /**
     * Name of the service property that holds the datastore's name, as routes use it: a String such as {@code nats}.
     */
    String DATASTORE = "telemetry.datastore";

    /**
     * Takes a record. Never blocks and never throws: the receipt gets every failure. Many threads may call this at
     * once.
     *
     * <p>If the producer has no room, or is closing, it refuses the record with {@link Failure.Kind#FULL} or
     * {@link Failure.Kind#CLOSED}. A host may then offer the record again.
     *
     * @param record the record to deliver
     * @param receipt called once, with this same record object, when the record has ended. The producer calls it on its
     *     one completion thread; if it refuses the record, on the caller's thread before this method returns; if it is
     *     closed, possibly on the thread that closes it. It never holds a lock while it calls the receipt
     */
    void produce(TelemetryRecord record, Receipt receipt);

    /**
     * Returns the destination of a record: its subject or topic. For people and logs, not for the hot path.
     *
     * @param record any record, whether it was offered or not
     * @return the destination; empty if this producer has no destinations or the record has none
     */
    default String destination(TelemetryRecord record) {
        return "";
    }

    /**
     * Returns the producer's current state. Never blocks. Any thread may call it at any time, even after the producer
     * was closed. The details may have a number {@code in_flight_max_bytes}: the limit (bytes) on the records that this
     * producer has accepted and that have not ended. A host then warns if the heap is too small for it.
     *
     * @return the current state; {@link Status#UNKNOWN} if this producer does not report one
     */
    default Status status() {
        return Status.UNKNOWN;
    }
}
