package io.fleettelemetry.host.internal;

import java.util.function.Consumer;
import org.osgi.framework.BundleContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Exports metrics if there is a Prometheus client to do it with; without one, does nothing. */
interface Metrics extends AutoCloseable {

    /** Serves at this address from now on; port 0: not at all. A port that cannot be had is logged, not thrown. */
    void listen(String host, int port);

    @Override
    void close();

    /**
     * @param counts the host's own, which are offered as a collector service like everybody's
     * @param address is told {@code host:port} when the endpoint opens and an empty text when it closes
     */
    static Metrics of(BundleContext context, Counts counts, Consumer<String> address) {
        try {
            return new MetricsEndpoint(context, counts, address);
        } catch (NoClassDefFoundError e) {
            return new Metrics() {
                private final Logger log = LoggerFactory.getLogger(Metrics.class);

                @Override
                public void listen(String host, int port) {
                    if (port != 0) {
                        log.warn(
                                "metrics_unavailable prometheus_metrics_port={} reason=\"the Prometheus client bundles"
                                        + " (io.prometheus.simpleclient, io.prometheus.simpleclient_common) are not installed\"",
                                port);
                    }
                }

                @Override
                public void close() {
                    // nothing was opened
                }
            };
        }
    }
}
