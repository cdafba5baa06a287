package io.fleettelemetry.host.internal;

import com.sun.net.httpserver.HttpServer;
import io.fleettelemetry.api.kit.Log;
import io.prometheus.client.Collector;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.util.tracker.ServiceTracker;

/**
 * Serves the metrics of all {@link Collector} services at {@code /metrics}, in Prometheus' text format.
 *
 * <p>It uses the JDK's HTTP server, because a plain Karaf has none. Karaf delegates {@code com.sun.*} to the JVM, so
 * the package need not be imported. That server waits for the rest of a request without end, unless a property of the
 * whole JVM says otherwise; so {@link TimedRequests} interrupts it.
 */
final class MetricsEndpoint implements Metrics {

    private static final Log log = Own.log(MetricsEndpoint.class);

    /** Pause before an address that could not be opened is tried again, because it may be free by then. */
    private static final Duration RETRY = Duration.ofSeconds(2);

    private final ServiceTracker<Collector, Collector> collectors;
    private final ServiceRegistration<Collector> registration;
    private final Shown shown;
    private final Duration pause;
    final TimedRequests requests;
    private final MetricsPage page;

    // All below: guarded by this.
    private Address wanted = Address.NONE;
    private Address open = Address.NONE;
    /** The server; null if none is open. */
    private HttpServer server;

    private String problem = "";
    /** Why the wanted address could not be opened even after ours was closed; empty if that was not tried. */
    private String closedInVain = "";

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
        this(context, counts, shown, RETRY, new TimedRequests());
    }

    /**
     * @param pause time after which an address that could not be opened is tried again
     * @param requests runs the requests
     */
    MetricsEndpoint(BundleContext context, Counts counts, Shown shown, Duration pause, TimedRequests requests) {
        Objects.requireNonNull(TextFormat.class, "throws now if it is missing, and not at the first request");
        this.pause = pause;
        this.requests = requests;
        HostCollector own = new HostCollector(counts);
        this.registration = context.registerService(Collector.class, own, null);
        this.collectors = collectors(context, registration.getReference(), own);
        this.page = new MetricsPage(() -> collectors.getTracked().values(), requests::answering);
        this.shown = shown;
        collectors.open();
    }

    /**
     * Tracks the collectors, but does not get our own one as a service. When Karaf replaces bundles, it stops first
     * those that no other one uses. That must be the host, before the datastores, and a bundle that uses its own
     * service would stop at a random place.
     */
    private static ServiceTracker<Collector, Collector> collectors(
            BundleContext context, ServiceReference<Collector> ours, Collector own) {
        return new ServiceTracker<>(context, Collector.class, null) {
            @Override
            public Collector addingService(ServiceReference<Collector> reference) {
                return reference.equals(ours) ? own : super.addingService(reference);
            }
        };
    }

    @Override
    public synchronized void listen(String host, int port) {
        wanted = port == 0 ? Address.NONE : new Address(host, port);
        closedInVain = "";
        move();
    }

    /** Moves to the wanted address, if it can be opened. */
    private synchronized void move() {
        retry.cancel(false);
        String before = problem;
        problem = "";
        if (!wanted.equals(open)) {
            try {
                replace();
            } catch (IOException | IllegalArgumentException | OutOfMemoryError e) {
                problem = "prometheus_metrics_port = " + wanted.port() + " at prometheus_metrics_host = "
                        + wanted.host() + ": " + reason(e)
                        + "; choose another port or address, or free this one; the host tries again every "
                        + pause.toSeconds() + " s" + (open.isNone() ? "" : ", and until then " + whatStays());
                retryLater();
            }
        }
        if (!problem.isEmpty() && !problem.equals(before)) {
            log.error("metrics_endpoint_error reason=\"{}\"", problem);
        }
        shown.metrics(open.toString(), problem);
    }

    private void retryLater() {
        try {
            retry = requests.clock.schedule(this::move, pause.toMillis(), TimeUnit.MILLISECONDS);
        } catch (OutOfMemoryError e) { // the machine has no thread left
            // It is tried again with the next timer, or with the next settings.
        }
    }

    private String whatStays() {
        return "the endpoint stays at " + open
                + (open.port() == wanted.port() ? "; if that is in the way, set the port to 0 for a moment" : "");
    }

    /** The reason for an exception, with the suppressed ones. */
    private static String reason(Throwable e) {
        StringBuilder reason = new StringBuilder(e.getMessage() == null ? e.toString() : e.getMessage());
        for (Throwable further : e.getSuppressed()) {
            reason.append("; ").append(further.getMessage());
        }
        return reason.toString();
    }

    /** Opens the new endpoint before it closes the old one, if both can be open, so that there is always one. */
    private void replace() throws IOException {
        HttpServer next;
        try {
            next = wanted.isNone() ? null : serve(wanted);
        } catch (IOException | IllegalArgumentException e) {
            if (open.port() != wanted.port() || reason(e).equals(closedInVain)) {
                throw e;
            }
            closedInVain = reason(e);
            next = serveInPlaceOfOurs();
        }
        stop();
        server = next;
        open = wanted;
        if (next != null) {
            log.info("metrics_endpoint_opened url=http://{}/metrics", open);
        }
    }

    /**
     * Closes our endpoint before it opens the new one, because the addresses may overlap: 0.0.0.0 includes every
     * address. It does so only once, because in the meantime there is no endpoint.
     */
    private HttpServer serveInPlaceOfOurs() throws IOException {
        Address old = open;
        stop();
        try {
            return serve(wanted);
        } catch (IOException | IllegalArgumentException e) {
            try {
                server = serve(old);
                open = old;
            } catch (IOException | IllegalArgumentException again) {
                e.addSuppressed(
                        new IOException("the endpoint could not be opened again at " + old + ": " + reason(again)));
            }
            throw e;
        }
    }

    /** Opens a server. The JDK makes its threads itself, and they inherit the caller's context class loader. */
    private HttpServer serve(Address at) throws IOException {
        Thread caller = Thread.currentThread();
        ClassLoader before = caller.getContextClassLoader();
        caller.setContextClassLoader(MetricsEndpoint.class.getClassLoader());
        try {
            // First, because without a thread left the server would occupy the port and not work.
            requests.clock.prestartCoreThread();
            HttpServer made = HttpServer.create(new InetSocketAddress(at.host(), at.port()), 0);
            made.setExecutor(requests);
            made.createContext("/", page);
            made.start();
            return made;
        } finally {
            caller.setContextClassLoader(before);
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
        requests.close();
        registration.unregister();
        collectors.close();
    }
}
