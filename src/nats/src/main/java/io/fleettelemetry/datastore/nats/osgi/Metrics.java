package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.datastore.nats.NatsDatastore;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.metrics.NatsCollector;
import io.prometheus.client.Collector;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;

/** Offers the counts as a service for exporters of metrics, if there is a Prometheus client. */
final class Metrics {

    private static final Log log = Logs.of(Metrics.class);

    private Metrics() {}

    /**
     * Registers a collector as a service.
     *
     * @return unregisters it when it is closed
     */
    static AutoCloseable register(BundleContext context, Counts counts, NatsDatastore datastore) {
        try {
            ServiceRegistration<Collector> registration = context.registerService(
                    Collector.class,
                    new NatsCollector(counts, datastore::name, datastore::inFlight, datastore::unsent),
                    null);
            return registration::unregister;
        } catch (NoClassDefFoundError e) {
            log.info(
                    "nats_metrics_unavailable datastore={} reason=\"the bundle io.prometheus.simpleclient, 0.9, is"
                            + " not installed\"",
                    datastore.name());
            return () -> {};
        }
    }
}
