package io.fleettelemetry.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * The state of a datastore, available for as long as the datastore is configured, even while its {@link Producer} is
 * withdrawn. In OSGi it is a service with the property {@link #DATASTORE}. A datastore need not have one.
 */
@ConsumerType
public interface Health {

    /**
     * Name of the service property that holds the datastore's name, as routes use it: a String such as {@code nats}.
     */
    String DATASTORE = "telemetry.health";

    /**
     * Returns the datastore's current state. Never blocks. Any thread may call it.
     *
     * @return the current state; {@link Status.State#CRITICAL} while the producer is withdrawn
     */
    Status status();
}
