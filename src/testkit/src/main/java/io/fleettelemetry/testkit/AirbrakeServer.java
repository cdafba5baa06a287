package io.fleettelemetry.testkit;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A replacement for Airbrake: an HTTP server on 127.0.0.1 and a free port that keeps its requests. Thread-safe. */
public final class AirbrakeServer implements AutoCloseable {

    private final HttpServer server;
    private final ExecutorService executor = Executors.newCachedThreadPool();
    private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    private volatile int status = 201;
    private volatile CountDownLatch silence = new CountDownLatch(0);

    private AirbrakeServer(HttpServer server) {
        this.server = server;
    }

    /**
     * A request that the server received.
     *
     * @param method for example {@code POST}
     * @param path the path, with the query if there is one
     * @param headers the first value of each header, by its name in upper or lower case
     * @param body the body as text
     */
    public record Request(String method, String path, Map<String, String> headers, String body) {}

    /** Starts a server that answers every request with 201. */
    public static AirbrakeServer start() {
        try {
            AirbrakeServer airbrake = new AirbrakeServer(
                    HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0));
            airbrake.server.setExecutor(airbrake.executor);
            airbrake.server.createContext("/", airbrake::answer);
            airbrake.server.start();
            return airbrake;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The server's URL: {@code http://127.0.0.1:<port>}. */
    public String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /** Answers with this status from the next request on. */
    public void answerWith(int status) {
        this.status = status;
        silence.countDown();
    }

    /** Gives no answer from the next request on, until {@link #answerWith} or {@link #close}. */
    public void fallSilent() {
        silence = new CountDownLatch(1);
    }

    /** Number of requests that were received and not {@linkplain #take taken} yet. */
    public int pending() {
        return requests.size();
    }

    /**
     * Takes the oldest request. If there is none, it waits for one.
     *
     * @param limit longest wait
     * @throws IllegalStateException if no request comes within the limit
     */
    public Request take(Duration limit) throws InterruptedException {
        Request request = requests.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
        if (request == null) {
            throw new IllegalStateException("no request within " + limit);
        }
        return request;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, values.get(0)));
            requests.add(new Request(
                    exchange.getRequestMethod(),
                    exchange.getRequestURI().toString(),
                    headers,
                    new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
            silence.await();
            byte[] body = "{\"id\":\"1\"}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Stops the server. A client that waits for an answer sees its connection end. */
    @Override
    public void close() {
        silence.countDown();
        executor.shutdownNow();
        server.stop(0);
    }
}
