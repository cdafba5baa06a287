package io.fleettelemetry.api;

import java.util.Map;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Opens producers without an OSGi framework. {@link java.util.ServiceLoader} finds the factories.
 *
 * <p>OSGi does not need it: there the datastore's bundle registers its producers as services.
 */
@ConsumerType
public interface ProducerFactory {

    /** The kind of datastore that this factory opens, such as {@code nats}. It is also the default name in routes. */
    String datastore();

    /**
     * Opens a producer. Returns at once: the producer connects in the background and never stops trying, so an absent
     * server is not an error here.
     *
     * @param settings values by key, the same as in the datastore's {@code .cfg} file; absent keys have their defaults
     * @return the open producer, which the caller must close
     * @throws IllegalArgumentException if a setting is wrong; the message names each key, its value and the reason
     */
    CloseableProducer open(Map<String, String> settings);
}
