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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
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

    /** After which an address that cannot be had is tried again: whoever has it may give it back. */
    private static final long RETRY_SECONDS = 2;

    private final ServiceTracker<Collector, Collector> collectors;
    private final ServiceRegistration<Collector> registration;
    private final Shown shown;
    /** Its one thread answers requests, and tries again. */
    private final ScheduledExecutorService executor =
            Executors.newSingleThreadScheduledExecutor(task -> Threads.of("telemetry-metrics", task));

    // All below: guarded by this.
    private Address wanted = Address.NONE;
    private Address open = Address.NONE;
    /** Null if none is open. */
    private HttpServer server;

    private String problem = "";
    private Future<?> retry = CompletableFuture.completedFuture(null);

    private record Address(String host, int port) {
        static final Address NONE = new Address("", 0);

        boolean isNone() {
            return port == 0;
        }

        @Override
        public String toString() {
            return isNone() ? "" : host + ":" + port;
        }
    }

    MetricsEndpoint(BundleContext context, Counts counts, Shown shown) {
        this.registration = context.registerService(Collector.class, new HostCollector(counts), null);
        this.collectors = new ServiceTracker<>(context, Collector.class, null);
        this.shown = shown;
        collectors.open();
    }

    @Override
    public synchronized void listen(String host, int port) {
        wanted = port == 0 ? Address.NONE : new Address(host, port);
        move();
    }

    /** To the address that is wanted, if it can be had. */
    private synchronized void move() {
        retry.cancel(false);
        String before = problem;
        problem = "";
        if (!wanted.equals(open)) {
            try {
                replace();
            } catch (IOException | IllegalArgumentException e) {
                problem =
                        "prometheus_metrics_port = " + wanted.port() + " at prometheus_metrics_host = " + wanted.host()
                                + ": " + (e.getMessage() == null ? e : e.getMessage())
                                + "; choose another, or free it: it is tried every " + RETRY_SECONDS + " s"
                                + (open.isNone() ? "" : ", and until then the endpoint stays at " + open);
                retry = executor.schedule(this::move, RETRY_SECONDS, TimeUnit.SECONDS);
            }
        }
        if (!problem.isEmpty() && !problem.equals(before)) {
            log.error("metrics_endpoint_error reason=\"{}\"", problem);
        }
        shown.metrics(open.toString(), problem);
    }

    private void replace() throws IOException {
        Address old = open;
        if (old.port() == wanted.port()) { // one may be part of the other, as every address is of 0.0.0.0
            stop();
        }
        HttpServer next = null;
        try {
            next = wanted.isNone() ? null : serve(wanted);
        } catch (IOException | IllegalArgumentException e) {
            if (server == null && !old.isNone()) {
                server = serve(old);
                open = old;
            }
            throw e;
        }
        stop();
        server = next;
        open = wanted;
        if (next != null) {
            log.info("metrics_endpoint_opened url=http://{}/metrics", open);
        }
    }

    /** The JDK's server has threads that nobody else can make, and they inherit what the caller has at this moment. */
    private HttpServer serve(Address at) throws IOException {
        Thread caller = Thread.currentThread();
        ClassLoader before = caller.getContextClassLoader();
        caller.setContextClassLoader(MetricsEndpoint.class.getClassLoader());
        try {
            HttpServer made = HttpServer.create(new InetSocketAddress(at.host(), at.port()), 0);
            made.setExecutor(executor);
            made.createContext("/", exchange -> answer(exchange));
            made.start();
            return made;
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
            server = null;
            open = Address.NONE;
        }
    }

    @Override
    public void close() {
        listen("", 0);
        Threads.end(executor);
        registration.unregister();
        collectors.close();
    }
}
