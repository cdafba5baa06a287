package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Who offers records: the side that the vehicles are connected to.
 *
 * <p>Called by the completion threads of the datastores, and by the offering thread for a record that ends at once;
 * different records may be reported by several threads at the same time. Implementations must not block.
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
     * Every datastore of the route has said what became of the record. Called exactly once per record.
     *
     * @param record the object that was offered
     * @param outcome {@link Outcome#CONFIRMED} if all confirmed it; otherwise the first failure
     */
    void ended(TelemetryRecord record, Outcome outcome);
}
