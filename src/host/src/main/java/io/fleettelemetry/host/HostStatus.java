package io.fleettelemetry.host;

import io.fleettelemetry.api.Status;
import java.util.List;
import java.util.Map;

/**
 * How the host is at one moment. Immutable.
 *
 * @param routes datastore names by record type, sorted by it, each list in the order of dispatch
 * @param reliableAckSources by record type, the datastore whose confirmation is the vehicle's reliable ack
 * @param problems one sentence for each setting that was refused and not mended since, for each configuration file that
 *     nobody reads or that is gone, for sources that do not return and so keep the answers of others, for a metrics endpoint that cannot be where it should be, for each datastore in whose
 *     place another of its name works, and for each datastore that is {@link Status.State#WARN} or
 *     {@link Status.State#CRITICAL}; empty if all is well
 * @param metricsAddress {@code host:port} of the metrics endpoint; empty if there is none
 * @param datastores every datastore that a route names, a bundle offers or a bundle tells the health of, by name
 */
public record HostStatus(
        Map<String, List<String>> routes,
        Map<String, String> reliableAckSources,
        List<String> problems,
        String metricsAddress,
        List<Datastore> datastores) {

    /**
     * One datastore, as the host sees it. Counts are of records since the host started.
     *
     * @param name as routes use it
     * @param present whether a bundle offers it now
     * @param routed whether a route names it now
     * @param status what its producer says; if it is absent, what its {@link io.fleettelemetry.api.Health} says, and if
     *     there is none of that name either, {@link Status.State#CRITICAL} if a route names it, else {@link Status#UNKNOWN}
     * @param offered records that routes sent to it
     * @param confirmed of those, what it confirmed
     * @param failed of those, what it, or the host on its behalf, failed
     * @param heldRecords what the host holds for it now
     * @param heldBytes payload bytes of those
     */
    public record Datastore(
            String name,
            boolean present,
            boolean routed,
            Status status,
            long offered,
            long confirmed,
            long failed,
            long heldRecords,
            long heldBytes) {}
}
