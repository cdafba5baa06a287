package io.fleettelemetry.api;

import java.util.Map;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Opens producers where there is no OSGi framework; found with {@link java.util.ServiceLoader}.
 *
 * <p>In OSGi nothing needs it: there the datastore's bundle registers its producers as services.
 */
@ConsumerType
public interface ProducerFactory {

    /** The kind of datastore this factory opens, and the name a route uses unless told otherwise: {@code nats}. */
    String datastore();

    /**
     * Opens a producer. Returns at once: connections are made in the background and tried for ever, so an absent
     * server is no error here.
     *
     * @param settings by key, the same keys and texts as in the datastore's {@code .cfg} file; absent keys have their
     *     defaults
     * @return the open producer, which the caller closes
     * @throws IllegalArgumentException if a setting is wrong; the message names each key, its value and the reason
     */
    CloseableProducer open(Map<String, String> settings);
}
