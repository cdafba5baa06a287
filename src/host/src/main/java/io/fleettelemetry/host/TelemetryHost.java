package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ProviderType;

/** The host: takes records from vehicles and hands each to the datastores that its record type is routed to. */
@ProviderType
public interface TelemetryHost {

    /**
     * Opens a way in for records.
     *
     * @param source is told what becomes of them
     * @return the way in; whoever opened it closes it
     */
    Intake open(Source source);

    /**
     * Where a record goes at this moment, for people: the destinations that the datastores of its route name, in the
     * order of the route, separated by {@code ", "}; empty if there are none.
     */
    String destination(TelemetryRecord record);

    /**
     * Where one datastore puts a record at this moment, for people.
     *
     * @param datastore its name, as routes use it
     * @return the destination; empty if nobody offers that datastore, or it names none for this record
     */
    String destination(TelemetryRecord record, String datastore);

    /** How the host and its datastores are now. Never blocks. */
    HostStatus status();
}
