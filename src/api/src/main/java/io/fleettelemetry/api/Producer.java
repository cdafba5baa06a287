package io.fleettelemetry.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * The live end of a datastore: it takes records and says what became of each.
 *
 * <p>In OSGi a producer is a service with the property {@link #DATASTORE}; the host finds it by
 * {@code (telemetry.datastore=<name>)}, and of two with one name takes the one with the higher
 * {@code service.ranking}. The service may come and go at any time.
 *
 * <p>What a producer promises:
 *
 * <ul>
 *   <li>Every record ends exactly once: {@link Receipt#confirmed} or {@link Receipt#failed}.
 *   <li>{@code confirmed} means that the record is at its destination, not that it sits in a buffer.
 *   <li>{@code failed} means that it is not known to be there.
 *   <li>Records of one vehicle, offered one after the other, arrive in that order.
 * </ul>
 */
@ConsumerType
public interface Producer {

    /** Name of the service property that holds the datastore's name, as routes use it: a String such as {@code nats}. */
    String DATASTORE = "telemetry.datastore";

    /**
     * Takes a record. Never blocks and never throws: what is wrong goes to the receipt. Called by many threads at once.
     *
     * <p>A producer that has no room, or is closing, refuses with {@link Failure.Kind#FULL} or
     * {@link Failure.Kind#CLOSED}; a host may then offer the record again.
     *
     * @param record what to deliver
     * @param receipt where to say what became of it, by this very record object: on the producer's one completion
     *     thread, or, for a refusal, on the caller's before this method returns, or, for what is left when the producer is
     *     closed, on the thread that closes it; never while holding a lock
     */
    void produce(TelemetryRecord record, Receipt receipt);

    /**
     * Where a record goes: the subject, the topic. For people and logs, not for the hot path.
     *
     * @param record any record, whether it was offered or not
     * @return the destination; empty if this producer has no such thing or the record has none
     */
    default String destination(TelemetryRecord record) {
        return "";
    }

    /**
     * How it is now. Never blocks; callable by any thread at any time, also after the producer has been closed. If the
     * details have a number {@code in_flight_max_bytes}, a host takes it for the bound of what this producer has accepted and
     * not ended, and warns if the heap is too small for it.
     *
     * @return the state at this moment; {@link Status#UNKNOWN} if this producer does not say
     */
    default Status status() {
        return Status.UNKNOWN;
    }
}
