package io.fleettelemetry.host.internal;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.util.tracker.ServiceTracker;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves what all {@link Collector} services report, at {@code /metrics} in Prometheus' text format.
 *
 * <p>The JDK's own HTTP server carries it: Karaf has none that a bundle could count on, and delegates {@code com.sun.*}
 * to the VM, so the package is used without being imported.
 */
final class MetricsEndpoint implements Metrics {

    private static final Logger log = LoggerFactory.getLogger(MetricsEndpoint.class);

    private final ServiceTracker<Collector, Collector> collectors;
    private final ServiceRegistration<Collector> registration;
    private final Consumer<String> address;
    private HttpServer server;
    private ExecutorService executor;

    MetricsEndpoint(BundleContext context, Counts counts, Consumer<String> address) {
        this.registration = context.registerService(Collector.class, new HostCollector(counts), null);
        this.collectors = new ServiceTracker<>(context, Collector.class, null);
        this.address = address;
        collectors.open();
    }

    @Override
    public void listen(String host, int port) {
        if (server != null
                && port == server.getAddress().getPort()
                && host.equals(server.getAddress().getHostString())) {
            return;
        }
        stop();
        if (port == 0) {
            return;
        }
        try {
            open(new InetSocketAddress(host, port));
        } catch (IOException | IllegalArgumentException e) {
            log.error(
                    "metrics_endpoint_error prometheus_metrics_host={} prometheus_metrics_port={} reason=\"{}; choose"
                            + " another address or free this one\"",
                    host,
                    port,
                    e.getMessage());
            return;
        }
        address.accept(host + ":" + port);
        log.info("metrics_endpoint_opened url=http://{}:{}/metrics", host, port);
    }

    /** The JDK's server has threads that nobody else can make, and they inherit what the caller has at this moment. */
    private void open(InetSocketAddress at) throws IOException {
        Thread caller = Thread.currentThread();
        ClassLoader before = caller.getContextClassLoader();
        caller.setContextClassLoader(MetricsEndpoint.class.getClassLoader());
        try {
            server = HttpServer.create(at, 0);
            executor = Executors.newSingleThreadExecutor(task -> Threads.of("telemetry-metrics", task));
            server.setExecutor(executor);
            server.createContext("/", exchange -> answer(exchange));
            server.start();
        } finally {
            caller.setContextClassLoader(before);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!exchange.getRequestURI().getPath().equals("/metrics")) {
                exchange.sendResponseHeaders(404, -1);
            } else if (!exchange.getRequestMethod().equals("GET")) {
                exchange.sendResponseHeaders(405, -1);
            } else {
                List<MetricFamilySamples> families =
                        Families.merge(collectors.getTracked().values());
                exchange.getResponseHeaders().set("Content-Type", TextFormat.CONTENT_TYPE_004);
                exchange.sendResponseHeaders(200, 0);
                try (Writer writer = new OutputStreamWriter(exchange.getResponseBody(), StandardCharsets.UTF_8)) {
                    TextFormat.write004(writer, Collections.enumeration(families));
                }
            }
        } catch (RuntimeException e) {
            log.error("metrics_endpoint_error request={}", exchange.getRequestURI(), e);
        }
    }

    private void stop() {
        if (server != null) {
            server.stop(0);
            Threads.end(executor);
            server = null;
            address.accept("");
        }
    }

    @Override
    public void close() {
        stop();
        registration.unregister();
        collectors.close();
    }
}
