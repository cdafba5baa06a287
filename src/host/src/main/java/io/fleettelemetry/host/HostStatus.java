package io.fleettelemetry.host;

import io.fleettelemetry.api.Status;
import java.util.List;
import java.util.Map;

/**
 * The state of the host at one moment. Immutable.
 *
 * @param routes datastore names by record type, sorted by type, each list in the order of dispatch
 * @param reliableAckSources by record type, the datastore whose confirmation is the vehicle's reliable ack
 * @param problems one sentence for each problem; empty if there are none. Problems are: wrong settings; configuration
 *     files that have no effect or are missing; sources that do not return and so delay the answers of others; a
 *     metrics endpoint that could not be opened; a heap that is too small; a datastore that another one of the same
 *     name has replaced; and a datastore that is {@link Status.State#WARN} or {@link Status.State#CRITICAL}
 * @param metricsAddress {@code host:port} of the metrics endpoint; empty if there is none
 * @param datastores every datastore that a route names, or that has a producer or a health service, sorted by name
 */
public record HostStatus(
        Map<String, List<String>> routes,
        Map<String, String> reliableAckSources,
        List<String> problems,
        String metricsAddress,
        List<Datastore> datastores) {

    /**
     * One datastore, as the host sees it. The counts begin at the start of the host.
     *
     * @param name the name that routes use
     * @param present whether a bundle offers it now
     * @param routed whether a route names it now
     * @param status the status of its producer; if there is no producer, that of its
     *     {@link io.fleettelemetry.api.Health}; if there is neither, {@link Status.State#CRITICAL} if a route names it,
     *     else {@link Status#UNKNOWN}
     * @param offered number of records that routes sent to it
     * @param confirmed number of these that it confirmed
     * @param failed number of these that it, or the host on its behalf, failed
     * @param heldRecords number of records that the host holds for it now
     * @param heldBytes payload bytes of the held records
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
