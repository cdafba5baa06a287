package io.fleettelemetry.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Says how a datastore is for as long as it is configured, also while it has withdrawn its {@link Producer} because
 * records would only pile up there. In OSGi a service with the property {@link #DATASTORE}; a datastore need not have one.
 */
@ConsumerType
public interface Health {

    /** Name of the service property that holds the datastore's name, as routes use it: a String such as {@code nats}. */
    String DATASTORE = "telemetry.health";

    /**
     * How it is now. Never blocks; callable by any thread.
     *
     * @return the state at this moment; {@link Status.State#CRITICAL} while the producer is withdrawn
     */
    Status status();
}
