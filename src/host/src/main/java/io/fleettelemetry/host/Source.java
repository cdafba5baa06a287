package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Who brings records: the side that the vehicles are connected to.
 *
 * <p>Called by one thread at a time, for one answer after the other. A source that takes long delays its own answers and,
 * in the end, its own offers, and nobody else's.
 */
@ConsumerType
public interface Source {

    /**
     * The record is safe: the datastore that is its type's {@code reliable_ack_sources} entry has confirmed it. Called
     * at most once per record, before {@link #ended}, and only for types that have such an entry.
     *
     * @param record the object that was offered
     * @return true if the vehicle is still there to be told
     */
    boolean acknowledge(TelemetryRecord record);

    /**
     * Every datastore of the route has said what became of the record. Called exactly once per record, unless the
     * {@link Intake} is closed first.
     *
     * @param record the object that was offered
     * @param outcome {@link Outcome#CONFIRMED} if all confirmed it; otherwise the first failure
     */
    void ended(TelemetryRecord record, Outcome outcome);
}
