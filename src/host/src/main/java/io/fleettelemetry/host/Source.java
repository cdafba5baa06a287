package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The origin of records: the connection of a vehicle, or a gateway.
 *
 * <p>One thread at a time calls a source, for one answer after the other. A slow source delays its own answers and, in
 * the end, its own offers, but not those of other sources.
 */
@ConsumerType
public interface Source {

    /**
     * The record is safe: the datastore that {@code reliable_ack_sources} names for its type has confirmed it. Called
     * at most once per record, before {@link #ended}, and only for types that have a source of reliable acks.
     *
     * @param record the object that was offered
     * @return true if the ack was passed to the vehicle; false if the vehicle is gone
     */
    boolean acknowledge(TelemetryRecord record);

    /**
     * The record has ended at every datastore of its route. Called exactly once per record, unless the {@link Intake}
     * is closed first.
     *
     * @param record the object that was offered
     * @param outcome {@link Outcome#CONFIRMED} if all confirmed it; otherwise the first failure
     */
    void ended(TelemetryRecord record, Outcome outcome);
}
