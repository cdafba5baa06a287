package io.fleettelemetry.host;

import io.fleettelemetry.api.TelemetryRecord;
import org.osgi.annotation.versioning.ProviderType;

/** The host: takes records from vehicles and hands each to the datastores that its record type is routed to. */
@ProviderType
public interface TelemetryHost {

    /**
     * Hands a record to every datastore of its route. When this returns, each of them has the record or holds it, or
     * has refused it; what becomes of it then is said to the source. Called by many threads at once; records of one
     * vehicle that are offered one after the other arrive in that order.
     *
     * <p>Returns at once, unless a datastore is full or absent and the memory for holding its records is full too: then
     * it waits, at most {@code dispatch.wait.ms} for each such datastore.
     *
     * @param record what to deliver; its {@linkplain TelemetryRecord#context() context} belongs to the source
     * @param source whom to tell; called exactly once with {@link Source#ended}, possibly before this returns
     */
    void offer(TelemetryRecord record, Source source);

    /**
     * Where a record goes at this moment, for people: the destinations that the datastores of its route name, in the
     * order of the route, separated by {@code ", "}; empty if there are none.
     */
    String destination(TelemetryRecord record);

    /** How the host and its datastores are now. Never blocks. */
    HostStatus status();
}
