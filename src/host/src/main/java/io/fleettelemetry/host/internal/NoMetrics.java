package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Log;
import org.osgi.framework.BundleContext;

/** Replaces the metrics endpoint if there is no Prometheus client, and reports that if an endpoint is configured. */
final class NoMetrics implements Metrics {

    private static final Log log = Own.log(NoMetrics.class);

    private final Shown shown;

    private NoMetrics(Shown shown) {
        this.shown = shown;
    }

    /**
     * Returns the metrics endpoint, or an object of this class if the Prometheus client is missing.
     *
     * @param counts the host's own counts, which are offered as a collector service like all others
     */
    static Metrics orEndpoint(BundleContext context, Counts counts, Shown shown) {
        try {
            return new MetricsEndpoint(context, counts, shown);
        } catch (NoClassDefFoundError e) {
            return new NoMetrics(shown);
        }
    }

    @Override
    public void listen(String host, int port) {
        String problem = port == 0
                ? ""
                : "prometheus_metrics_port = " + port + ": the Prometheus client bundles"
                        + " (io.prometheus.simpleclient, io.prometheus.simpleclient_common) are not"
                        + " installed in version 0.9";
        shown.metrics("", problem);
        if (!problem.isEmpty()) {
            log.warn("metrics_unavailable reason=\"{}\"", problem);
        }
    }

    @Override
    public void close() {
        // nothing was opened
    }
}
