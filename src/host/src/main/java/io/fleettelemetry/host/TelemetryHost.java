package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ProviderType;

/** The host: it takes records from vehicles and hands each to the datastores of its type's route. Thread-safe. */
@ProviderType
public interface TelemetryHost {

    /**
     * Opens an intake for records.
     *
     * @param source is told how each record ends
     * @return the intake, which the caller must close
     */
    Intake open(Source source);

    /**
     * Returns the current destinations of a record, for people: those of each datastore of its route, in the order of
     * the route, separated by {@code ", "}; empty if there are none.
     */
    String destination(TelemetryRecord record);

    /**
     * Returns the current destination of a record at one datastore, for people.
     *
     * @param datastore the name that routes use
     * @return the destination; empty if no bundle offers that datastore, or it has no destination for this record
     */
    String destination(TelemetryRecord record, String datastore);

    /** Returns the current state of the host and its datastores. Never blocks. */
    HostStatus status();
}
