package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.prometheus.client.Collector;
import io.prometheus.client.GaugeMetricFamily;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.ServiceRegistration;

class MetricsEndpointTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final Duration OFTEN = Duration.ofMillis(50);
    private static final String HERE = "127.0.0.1";
    /** No machine's: it is for documentation (RFC 5737). */
    private static final String NOWHERE = "192.0.2.1";

    private final Services services = new Services();
    private final List<Socket> sockets = new ArrayList<>();
    private final AtomicInteger attempts = new AtomicInteger();
    private volatile String address = "";
    private volatile String problem = "";
    private MetricsEndpoint endpoint = endpoint(OFTEN, LONG);

    private MetricsEndpoint endpoint(Duration retry, Duration head) {
        return new MetricsEndpoint(services.context, new Counts(), this::shown, retry, new TimedRequests(head, LONG));
    }

    private void shown(String address, String problem) {
        this.address = address;
        this.problem = problem;
        attempts.incrementAndGet();
    }

    @AfterEach
    void close() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
        endpoint.close();
        assertEquals(0, services.count(), "no service is left");
        await("no thread is left").atMost(SOON).until(() -> !threads("telemetry-metrics"));
    }

    private static boolean threads(String name) {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith(name));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(HERE))) {
            return socket.getLocalPort();
        }
    }

    private static ServerSocket taking(String host, int port) throws IOException {
        ServerSocket socket = new ServerSocket();
        try {
            socket.bind(new InetSocketAddress(host, port));
        } catch (IOException e) {
            socket.close();
            throw e;
        }
        return socket;
    }

    /** Waits for the next attempts to have what is wanted. */
    private void awaitAttempts(int more) {
        int before = attempts.get();
        await().atMost(SOON).until(() -> attempts.get() >= before + more);
    }

    private Socket send(int port, String text) throws IOException {
        Socket socket = new Socket(HERE, port);
        sockets.add(socket);
        socket.setSoTimeout((int) SOON.toMillis());
        socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static String get(int port) throws Exception {
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://" + HERE + ":" + port + "/metrics"))
                                .timeout(SOON)
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertEquals(200, response.statusCode());
        return response.body();
    }

    /** Sends a request and reads one answer, on a connection that stays. */
    private static String getBy(Socket connection) throws IOException {
        connection
                .getOutputStream()
                .write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        StringBuilder answer = new StringBuilder();
        while (answer.indexOf("\r\n0\r\n\r\n") < 0) {
            int next = connection.getInputStream().read();
            assertTrue(next >= 0, "the connection was closed behind: " + answer);
            answer.append((char) next);
        }
        return answer.toString();
    }

    /** From 19 on the JDK's pools do not call a thread's start(), which would throw this. */
    private static Thread noThread(Runnable task) {
        throw new OutOfMemoryError("unable to create native thread");
    }

    @Test
    void an_endpoint_for_which_there_is_no_thread_keeps_nobody_from_the_port_and_is_opened_later() throws Exception {
        int port = freePort();
        ThreadFactory threads = endpoint.requests.clock.getThreadFactory();
        endpoint.requests.clock.setThreadFactory(MetricsEndpointTest::noThread);
        endpoint.listen(HERE, port);
        assertTrue(problem.contains("unable to create native thread"), problem);
        taking(HERE, port).close();
        endpoint.requests.clock.setThreadFactory(threads);
        endpoint.listen(HERE, port);
        assertEquals("", problem);
        assertTrue(get(port).contains("# TYPE record_total counter"), "it answers");
    }

    @Test
    void a_request_is_answered_although_there_is_no_thread_that_would_end_it() throws Exception {
        int port = freePort();
        endpoint.listen(HERE, port);
        await().atMost(SOON).until(() -> !threads("telemetry-metrics-clock"));
        ThreadFactory threads = endpoint.requests.clock.getThreadFactory();
        endpoint.requests.clock.setThreadFactory(MetricsEndpointTest::noThread);
        assertTrue(get(port).contains("# TYPE record_total counter"), "it answers");
        endpoint.requests.clock.setThreadFactory(threads);
    }

    @Test
    void it_is_there_until_it_is_switched_off() throws Exception {
        int port = freePort();
        endpoint.listen(HERE, port);
        assertEquals(HERE + ":" + port, address);
        assertTrue(get(port).contains("# TYPE record_total counter\n"));
        endpoint.listen("", 0);
        assertEquals("", address);
        taking(HERE, port).close();
    }

    @Test
    void half_a_request_keeps_nobody_from_the_metrics() throws Exception {
        int port = freePort();
        endpoint.listen(HERE, port);
        send(port, "GET /metrics HTTP/1.1\r\n");
        assertTrue(get(port).contains("# TYPE record_total counter\n"));
    }

    @Test
    void many_halves_of_requests_are_cut_off_in_the_end() throws Exception {
        endpoint.close();
        endpoint = endpoint(OFTEN, Duration.ofMillis(200));
        int port = freePort();
        endpoint.listen(HERE, port);
        for (int i = 0; i < 10; i++) {
            send(port, "GET /metrics HTTP/1.1\r\n");
        }
        assertTrue(get(port).contains("# TYPE record_total counter\n"));
        for (Socket socket : sockets) {
            assertEquals(-1, socket.getInputStream().read(), "it is closed");
        }
    }

    /** What comes with a body is not answered at all: nothing here takes one, and the server would wait for it. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /metrics HTTP/1.1\r\n",
                "G",
                "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
                "POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            })
    void sixteen_that_never_send_the_rest_cost_a_scrape_no_more_than_the_time_for_a_head(String begin)
            throws Exception {
        endpoint.close();
        endpoint = endpoint(OFTEN, Duration.ofSeconds(1));
        int port = freePort();
        endpoint.listen(HERE, port);
        for (int i = 0; i < 16; i++) {
            send(port, begin);
        }
        long start = System.nanoTime();
        assertTrue(get(port).contains("# TYPE record_total counter\n"));
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        // 1 s for the first four, and a moment for each four of the rest; Prometheus waits for 10 s.
        assertTrue(took.compareTo(Duration.ofSeconds(9)) < 0, took::toString);
        for (Socket socket : sockets) {
            assertEquals(-1, socket.getInputStream().read(), "it is closed");
        }
    }

    @Test
    void what_waits_for_a_thread_is_bounded_and_what_is_beyond_is_closed_at_once() throws Exception {
        int port = freePort();
        endpoint.listen(HERE, port);
        for (int i = 0; i < 60; i++) {
            send(port, "GET /metrics HTTP/1.1\r\n");
        }
        // Four are being read, and 32 wait: for the five minutes that a head may take here.
        await().atMost(SOON).until(() -> closed() >= 24);
        assertEquals(24, closed());
        for (Socket socket : sockets) {
            socket.close();
        }
        sockets.clear();
        await().atMost(SOON).ignoreExceptions().until(() -> get(port).contains("# TYPE record_total counter\n"));
    }

    /** How many connections the server has closed. */
    private long closed() throws IOException {
        int closed = 0;
        for (Socket socket : sockets) {
            socket.setSoTimeout(1);
            try {
                closed += socket.getInputStream().read() < 0 ? 1 : 0;
            } catch (SocketTimeoutException e) {
                // it is open
            } catch (SocketException e) {
                closed++; // with what was sent unread
            }
        }
        return closed;
    }

    @Test
    void an_answer_may_take_longer_than_a_head() throws Exception {
        endpoint.close();
        CountDownLatch later = new CountDownLatch(1);
        ServiceRegistration<?> slow = services.register(new Collector() {
            @Override
            public List<MetricFamilySamples> collect() {
                try {
                    later.await(1_200, TimeUnit.MILLISECONDS);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                return List.of(new GaugeMetricFamily("slow", "It takes its time.", 1));
            }
        });
        endpoint = endpoint(OFTEN, Duration.ofSeconds(1));
        int port = freePort();
        endpoint.listen(HERE, port);
        assertTrue(get(port).contains("slow 1.0\n"));
        slow.unregister();
    }

    @Test
    void half_a_request_keeps_nobody_from_having_a_port_that_becomes_free() throws Exception {
        int first = freePort();
        endpoint.listen(HERE, first);
        send(first, "GET /metrics HTTP/1.1\r\n");
        int second;
        try (ServerSocket taken = taking(HERE, 0)) {
            second = taken.getLocalPort();
            endpoint.listen(HERE, second);
            assertEquals(HERE + ":" + first, address);
            assertTrue(
                    problem.startsWith("prometheus_metrics_port = " + second
                            + " at prometheus_metrics_host = 127.0.0.1: Address already in use; "),
                    problem);
            assertTrue(problem.endsWith("and until then the endpoint stays at " + HERE + ":" + first), problem);
            awaitAttempts(2);
        }
        await().atMost(SOON).until(() -> problem.isEmpty());
        assertEquals(HERE + ":" + second, address);
        get(second);
        await("nothing to wait for, no thread that waits")
                .atMost(SOON)
                .until(() -> !threads("telemetry-metrics-clock"));
    }

    @Test
    void another_address_with_the_same_port_is_had_although_ours_is_in_its_way() throws Exception {
        int port = freePort();
        endpoint.listen(HERE, port);
        endpoint.listen("0.0.0.0", port);
        assertEquals("0.0.0.0:" + port, address);
        get(port);
        endpoint.listen(HERE, port);
        assertEquals(HERE + ":" + port, address);
        get(port);
        assertEquals("", problem);
    }

    @Test
    void an_address_with_the_same_port_that_cannot_be_had_disturbs_the_endpoint_no_more_than_once() throws Exception {
        int port = freePort();
        endpoint.listen(HERE, port);
        endpoint.listen(NOWHERE, port);
        assertEquals(HERE + ":" + port, address);
        assertTrue(problem.contains("= " + NOWHERE + ": Cannot assign requested address"), problem);
        Socket scraper = send(port, "");
        getBy(scraper);
        awaitAttempts(3);
        assertTrue(getBy(scraper).startsWith("HTTP/1.1 200 "));
    }

    @Test
    void an_endpoint_that_cannot_be_opened_again_is_named_beside_the_reason_that_it_was_closed_for() throws Exception {
        endpoint.close();
        endpoint = endpoint(LONG, LONG);
        int port = freePort();
        try (ServerSocket inTheWay = taking("127.0.0.2", port)) {
            List<ServerSocket> taken = new ArrayList<>();
            Thread greedy = new Thread(() -> {
                while (taken.isEmpty()) {
                    try {
                        taken.add(taking(HERE, port));
                    } catch (IOException e) {
                        // until it is free
                    }
                }
            });
            greedy.setDaemon(true);
            endpoint.listen(HERE, port);
            greedy.start();
            await().atMost(SOON).pollInterval(Duration.ofMillis(1)).until(() -> {
                endpoint.listen("0.0.0.0", port);
                return address.isEmpty();
            });
            greedy.join();
            assertTrue(
                    problem.contains("= 0.0.0.0: Address already in use; the endpoint could not be opened again at "
                            + HERE + ":" + port + ": Address already in use; "),
                    problem);
            assertFalse(problem.contains("stays at"), problem);
            taken.get(0).close();
        }
    }

    @Test
    void a_collector_that_cannot_do_its_work_costs_no_more_than_what_it_has() throws Exception {
        endpoint.close();
        ServiceRegistration<?> broken = services.register(new Collector() {
            @Override
            public List<MetricFamilySamples> collect() {
                throw new NoClassDefFoundError("its bundle was refreshed");
            }
        });
        endpoint = endpoint(OFTEN, LONG);
        int port = freePort();
        endpoint.listen(HERE, port);
        assertTrue(get(port).contains("# TYPE record_total counter\n"));
        broken.unregister();
    }
}
