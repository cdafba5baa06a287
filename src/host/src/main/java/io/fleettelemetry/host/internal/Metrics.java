package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Log;
import org.osgi.framework.BundleContext;

/** Exports metrics if there is a Prometheus client to do it with; without one, does nothing. */
interface Metrics extends AutoCloseable {

    /** What the status shows of it. */
    interface Shown {
        /**
         * @param address {@code host:port} of the endpoint; empty if there is none
         * @param problem why it is not where it should be, and the way out; empty if it is
         */
        void metrics(String address, String problem);
    }

    /**
     * Serves at this address from now on; port 0: not at all. One that cannot be had is logged and shown, not thrown, and
     * changes nothing until it can: it is tried again.
     */
    void listen(String host, int port);

    @Override
    void close();

    /**
     * @param counts the host's own, which are offered as a collector service like everybody's
     */
    static Metrics of(BundleContext context, Counts counts, Shown shown) {
        try {
            return new MetricsEndpoint(context, counts, shown);
        } catch (NoClassDefFoundError e) {
            return new Metrics() {
                private final Log log = Logs.of(Metrics.class);

                @Override
                public void listen(String host, int port) {
                    String problem = port == 0
                            ? ""
                            : "prometheus_metrics_port = " + port + ": the Prometheus client bundles"
                                    + " (io.prometheus.simpleclient, io.prometheus.simpleclient_common) are not there,"
                                    + " in version 0.9";
                    shown.metrics("", problem);
                    if (!problem.isEmpty()) {
                        log.warn("metrics_unavailable reason=\"{}\"", problem);
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
