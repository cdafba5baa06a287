package io.fleettelemetry.host.internal;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.AttributeType;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/**
 * What configuration tools show of the host's settings. Further record types are configured in the same way, by
 * {@code records.<type>} and {@code reliable_ack_sources.<type>}; {@link HostSettings} reads them all.
 */
@ObjectClassDefinition(
        id = HostConfiguration.PID,
        name = "Fleet Telemetry host",
        description = "Which datastores get the records of which type, and what the host does when one is not there.")
@interface HostConfiguration {

    String PID = "io.fleettelemetry.host";

    @AttributeDefinition(
            name = "Route of vehicle data",
            description = "Names of the datastores that get records of type V, separated by commas.",
            required = false)
    String records_V();

    @AttributeDefinition(
            name = "Route of alerts",
            description = "Names of the datastores that get records of type alerts, separated by commas.",
            required = false)
    String records_alerts();

    @AttributeDefinition(
            name = "Route of errors",
            description = "Names of the datastores that get records of type errors, separated by commas.",
            required = false)
    String records_errors();

    @AttributeDefinition(
            name = "Route of connectivity",
            description = "Names of the datastores that get records of type connectivity, separated by commas.",
            required = false)
    String records_connectivity();

    @AttributeDefinition(
            name = "Reliable acks for vehicle data",
            description =
                    "The datastore of the route whose confirmation is the vehicle's reliable ack; empty for none.",
            required = false)
    String reliable__ack__sources_V();

    @AttributeDefinition(
            name = "Reliable acks for alerts",
            description =
                    "The datastore of the route whose confirmation is the vehicle's reliable ack; empty for none.",
            required = false)
    String reliable__ack__sources_alerts();

    @AttributeDefinition(
            name = "Reliable acks for errors",
            description =
                    "The datastore of the route whose confirmation is the vehicle's reliable ack; empty for none.",
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
            description =
                    "Address that the Prometheus endpoint binds. It has no authentication: keep it on loopback, or"
                            + " behind a firewall.")
    String prometheus__metrics__host() default "127.0.0.1";

    @AttributeDefinition(
            name = "Hold, bytes",
            description = "Bytes (payloads, and 128 for each record) that are held for one datastore that is absent,"
                    + " full or being replaced; one record always is.",
            min = "0")
    long hold_max_bytes() default 16_777_216;

    @AttributeDefinition(
            name = "Hold, ms",
            description =
                    "Milliseconds that a record is held before it fails. The time in which a datastore that is replaced"
                            + " ends its records, as much and 2 s at most, does not count.",
            min = "0")
    long hold_max_ms() default 10_000;

    @AttributeDefinition(
            name = "Wait, ms",
            description =
                    "Milliseconds that an offer waits when the hold is full; then the record fails, and so do further"
                            + " ones at once until the datastore confirms something. For a record that goes to other"
                            + " datastores as well, offers wait 5 % of the time at most.",
            min = "0")
    long dispatch_wait_ms() default 1_000;
}
