package io.fleettelemetry.host.internal;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.Threads;
import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.util.tracker.ServiceTracker;

/**
 * Serves what all {@link Collector} services report, at {@code /metrics} in Prometheus' text format.
 *
 * <p>The JDK's own HTTP server carries it: Karaf has none that a bundle could count on, and delegates {@code com.sun.*}
 * to the VM, so the package is used without being imported. That server would wait for the rest of a request for ever,
 * unless a property of the whole VM says otherwise; so it is interrupted here, see {@link Turn}.
 */
final class MetricsEndpoint implements Metrics {

    private static final Log log = Own.log(MetricsEndpoint.class);

    /** After which an address that cannot be had is tried again: whoever has it may give it back. */
    private static final Duration RETRY = Duration.ofSeconds(2);
    /** How long the head of a request may take from its first byte on. Whoever scrapes sends it in one piece. */
    private static final Duration HEAD = Duration.ofSeconds(3);
    /** How long it may take in any case once a thread has turned to it: what has arrived is read. */
    private static final Duration LEAST = Duration.ofMillis(200);
    /** How long the answer may take. Whoever scrapes has given up by then: Prometheus after 10 s. */
    private static final Duration LIMIT = Duration.ofSeconds(10);
    /** How many requests are answered at a time; a thread that has none ends after a while. */
    private static final int THREADS = 4;
    /** How many may wait for that; the connections of further ones are closed. If all are halves, that takes 5 s. */
    private static final int WAITING = 32;

    private final ServiceTracker<Collector, Collector> collectors;
    private final ServiceRegistration<Collector> registration;
    private final Families families = new Families();
    private final Shown shown;
    private final Duration pause;
    private final Duration head;
    private final Duration limit;
    /** What each thread of {@link #requests} is at. */
    private final Map<Thread, Turn> turns = new ConcurrentHashMap<>();

    private final ExecutorService requests = requests();
    /** Tries again, and ends what takes too long. Its one thread is there only while there is something to wait for. */
    final ScheduledThreadPoolExecutor clock = clock();

    // All below: guarded by this.
    private Address wanted = Address.NONE;
    private Address open = Address.NONE;
    /** Null if none is open. */
    private HttpServer server;

    private String problem = "";
    /** Why the address that is wanted could not be had although ours was closed for it; empty if that was not tried. */
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
        this(context, counts, shown, RETRY, HEAD, LIMIT);
    }

    /**
     * @param pause after which an address that cannot be had is tried again
     * @param head how long the head of a request may take
     * @param limit how long the answer may take
     */
    MetricsEndpoint(BundleContext context, Counts counts, Shown shown, Duration pause, Duration head, Duration limit) {
        Objects.requireNonNull(TextFormat.class, "throws now if it is missing, and not at the first request");
        this.pause = pause;
        this.head = head;
        this.limit = limit;
        HostCollector own = new HostCollector(counts);
        this.registration = context.registerService(Collector.class, own, null);
        this.collectors = collectors(context, registration.getReference(), own);
        this.shown = shown;
        collectors.open();
    }

    /**
     * Ours is not got as a service: Karaf, when it exchanges bundles, stops first those that nobody of them uses, and that is
     * to be the host, before the datastores. One that uses itself would come at a chance place.
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

    private static ExecutorService requests() {
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor requests = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                10,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(WAITING),
                task -> Own.threads.of("telemetry-metrics-" + number.incrementAndGet(), task));
        requests.allowCoreThreadTimeOut(true);
        return requests;
    }

    private static ScheduledThreadPoolExecutor clock() {
        ScheduledThreadPoolExecutor clock = new ScheduledThreadPoolExecutor(
                1,
                task -> Own.threads.of("telemetry-metrics-clock", task),
                new ThreadPoolExecutor.DiscardPolicy()); // of what comes when it is closed
        clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        clock.setRemoveOnCancelPolicy(true);
        clock.setKeepAliveTime(1, TimeUnit.SECONDS);
        clock.allowCoreThreadTimeOut(true);
        return clock;
    }

    @Override
    public synchronized void listen(String host, int port) {
        wanted = port == 0 ? Address.NONE : new Address(host, port);
        closedInVain = "";
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
            retry = clock.schedule(this::move, pause.toMillis(), TimeUnit.MILLISECONDS);
        } catch (OutOfMemoryError e) { // the machine has no thread left
            // It is tried as soon as there is something else to wait for, or with the next settings.
        }
    }

    private String whatStays() {
        return "the endpoint stays at " + open
                + (open.port() == wanted.port() ? "; if that is in the way, set the port to 0 for a moment" : "");
    }

    /** With what happened on the way. */
    private static String reason(Throwable e) {
        StringBuilder reason = new StringBuilder(e.getMessage() == null ? e.toString() : e.getMessage());
        for (Throwable further : e.getSuppressed()) {
            reason.append("; ").append(further.getMessage());
        }
        return reason.toString();
    }

    /** The new one first, if it can be had beside the old one: so there is always one. */
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

    /** One may be part of the other, as every address is of 0.0.0.0. Not for every retry: scrapes would find nothing. */
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

    /** The JDK's server has threads that nobody else can make, and they inherit what the caller has at this moment. */
    private HttpServer serve(Address at) throws IOException {
        Thread caller = Thread.currentThread();
        ClassLoader before = caller.getContextClassLoader();
        caller.setContextClassLoader(MetricsEndpoint.class.getClassLoader());
        try {
            // First, as without it there is none for the server: that would keep the port, and be of no use.
            clock.prestartCoreThread();
            HttpServer made = HttpServer.create(new InetSocketAddress(at.host(), at.port()), 0);
            made.setExecutor(this::exchange);
            made.createContext("/", this::answer);
            made.start();
            return made;
        } finally {
            caller.setContextClassLoader(before);
        }
    }

    /** Runs what the server makes of a connection on which something has come: to read the request, and to answer it. */
    private void exchange(Runnable exchange) {
        Turn turn = new Turn(exchange);
        try {
            requests.execute(turn);
        } catch (RejectedExecutionException e) {
            turn.refuse();
        }
    }

    /**
     * One request and its answer. If either takes too long, as when half a request is all that ever comes, the thread is
     * interrupted, which closes the connection: a channel of java.nio does that.
     */
    private final class Turn implements Runnable {

        private final Runnable exchange;
        private final FutureTask<?> task;
        private final long came = System.nanoTime();
        private Future<?> end = CompletableFuture.completedFuture(null);

        Turn(Runnable exchange) {
            this.exchange = exchange;
            this.task = new FutureTask<>(exchange, null);
        }

        @Override
        public void run() {
            turns.put(Thread.currentThread(), this);
            endIn(Math.max(LEAST.toNanos(), head.toNanos() - (System.nanoTime() - came)));
            try {
                task.run();
            } finally {
                end.cancel(false);
                turns.remove(Thread.currentThread());
            }
        }

        /** The head has been read. */
        void answering() {
            endIn(limit.toNanos());
        }

        private void endIn(long nanos) {
            end.cancel(false);
            try {
                end = clock.schedule(() -> task.cancel(true), nanos, TimeUnit.NANOSECONDS);
            } catch (OutOfMemoryError e) { // the machine has no thread left
                // It is ended as soon as there is one, if it is not over by then.
            }
        }

        /** By the server's own thread: the connection is closed as soon as anything is read from it or written to it. */
        void refuse() {
            Thread.currentThread().interrupt();
            try {
                exchange.run();
            } finally {
                Thread.interrupted();
            }
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        Turn turn = turns.get(Thread.currentThread());
        if (turn != null) { // else it is refused
            turn.answering();
        }
        try (exchange) {
            if (hasBody(exchange)) {
                return; // without an answer, before which the server would wait for all of it
            }
            if (!exchange.getRequestURI().getPath().equals("/metrics")) {
                exchange.sendResponseHeaders(404, -1);
            } else if (!exchange.getRequestMethod().equals("GET")) {
                exchange.sendResponseHeaders(405, -1);
            } else {
                List<MetricFamilySamples> merged =
                        families.merge(collectors.getTracked().values());
                exchange.getResponseHeaders().set("Content-Type", TextFormat.CONTENT_TYPE_004);
                exchange.sendResponseHeaders(200, 0);
                try (Writer writer = new OutputStreamWriter(exchange.getResponseBody(), StandardCharsets.UTF_8)) {
                    TextFormat.write004(writer, Collections.enumeration(merged));
                }
            }
        } catch (RuntimeException | Error e) { // which nobody would hear of: see exchange
            log.error(
                    "metrics_endpoint_error request={}",
                    PlainText.field(exchange.getRequestURI().toString()),
                    e);
        }
    }

    private static boolean hasBody(HttpExchange exchange) {
        String length = exchange.getRequestHeaders().getFirst("Content-Length");
        return length != null && !length.strip().equals("0")
                || exchange.getRequestHeaders().containsKey("Transfer-Encoding");
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
        Threads.end(requests);
        Threads.end(clock);
        registration.unregister();
        collectors.close();
    }
}
