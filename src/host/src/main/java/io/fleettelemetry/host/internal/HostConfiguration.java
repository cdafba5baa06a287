package io.fleettelemetry.host.internal;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.AttributeType;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/**
 * Describes the host's settings for configuration tools. Further record types have the keys {@code records.<type>} and
 * {@code reliable_ack_sources.<type>} as well; {@link HostSettings} reads all of them.
 */
@ObjectClassDefinition(
        id = HostConfiguration.PID,
        name = "Fleet Telemetry host",
        description = "Routes of records to datastores, reliable acks, the hold, and the metrics endpoint.")
@interface HostConfiguration {

    String PID = "io.fleettelemetry.host";

    @AttributeDefinition(
            name = "Route of vehicle data",
            description = "Datastores that get records of type V, separated by commas.",
            required = false)
    String records_V();

    @AttributeDefinition(
            name = "Route of alerts",
            description = "Datastores that get records of type alerts, separated by commas.",
            required = false)
    String records_alerts();

    @AttributeDefinition(
            name = "Route of errors",
            description = "Datastores that get records of type errors, separated by commas.",
            required = false)
    String records_errors();

    @AttributeDefinition(
            name = "Route of connectivity",
            description = "Datastores that get records of type connectivity, separated by commas.",
            required = false)
    String records_connectivity();

    @AttributeDefinition(
            name = "Reliable acks for vehicle data",
            description = "Datastore of the route whose confirmation is the vehicle's reliable ack; empty for none.",
            required = false)
    String reliable__ack__sources_V();

    @AttributeDefinition(
            name = "Reliable acks for alerts",
            description = "Datastore of the route whose confirmation is the vehicle's reliable ack; empty for none.",
            required = false)
    String reliable__ack__sources_alerts();

    @AttributeDefinition(
            name = "Reliable acks for errors",
            description = "Datastore of the route whose confirmation is the vehicle's reliable ack; empty for none.",
            required = false)
    String reliable__ack__sources_errors();

    @AttributeDefinition(
            name = "Metrics port",
            description = "TCP port of the Prometheus endpoint /metrics; 0 for none.",
            type = AttributeType.INTEGER,
            min = "0",
            max = "65535")
    int prometheus__metrics__port() default 0;

    @AttributeDefinition(
            name = "Metrics address",
            description = "Address of the Prometheus endpoint. The endpoint has no authentication: keep it on loopback,"
                    + " or behind a firewall.")
    String prometheus__metrics__host() default "127.0.0.1";

    @AttributeDefinition(
            name = "Hold, bytes",
            description = "Limit on the records held for one datastore that is absent, full or being replaced, in"
                    + " bytes: payloads, plus 128 for each record. One record is always held.",
            min = "0")
    long hold_max_bytes() default 16_777_216;

    @AttributeDefinition(
            name = "Hold, ms",
            description = "Longest time (ms) that a record is held before it fails. When one datastore replaces"
                    + " another, the new one waits until the old one has ended its records, at most this time plus"
                    + " 2 s. That wait does not count.",
            min = "0")
    long hold_max_ms() default 10_000;

    @AttributeDefinition(
            name = "Wait, ms",
            description = "Longest time (ms) that an offer waits when the hold is full. Then the record fails, and"
                    + " further records fail at once until the datastore confirms something. If a record also goes"
                    + " to other datastores, offers wait at most 5 % of the time.",
            min = "0")
    long dispatch_wait_ms() default 1_000;
}
