package io.fleettelemetry.airbrake;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.fleettelemetry.testkit.AirbrakeServer;
import io.fleettelemetry.testkit.CapturedLog;
import io.fleettelemetry.testkit.FreePort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What Airbrake gets, and what it cannot do to whoever reports, over real HTTP. */
class AirbrakeReporterTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String KEY = "0123456789abcdef";
    private static final Map<String, String> FIELDS =
            Map.of("reason", "the VIN has a blank at position 2", "vin", "a b", "record_type", "V");

    private final AirbrakeServer airbrake = AirbrakeServer.start();
    private final CapturedLog log = new CapturedLog();
    private AirbrakeReporter reporter;

    @BeforeEach
    void open() {
        reporter = open(settings(airbrake.url(), 100), Duration.ofMillis(20));
    }

    @AfterEach
    void close() {
        reporter.close();
        airbrake.close();
        log.close();
        assertEquals(0, threads(), "no thread is left");
        assertFalse(log.text().contains(KEY), log.text());
    }

    private static AirbrakeReporter open(AirbrakeSettings settings, Duration logPause) {
        return open(settings, logPause, Endpoint.ANSWER_LIMIT);
    }

    private static AirbrakeReporter open(AirbrakeSettings settings, Duration logPause, Duration answerLimit) {
        AirbrakeReporter reporter = new AirbrakeReporter(settings, "1.2.3", logPause, answerLimit);
        reporter.open();
        return reporter;
    }

    private static AirbrakeSettings settings(String host, int queueMax) {
        return new AirbrakeSettings(host, 42, KEY, "config_file", "staging", queueMax);
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("airbrake-report"))
                .count();
    }

    private JsonObject notice() throws InterruptedException {
        return JsonParser.parseString(airbrake.take(SOON).body()).getAsJsonObject();
    }

    private static JsonObject error(JsonObject notice) {
        JsonArray errors = notice.getAsJsonArray("errors");
        assertEquals(1, errors.size());
        return errors.get(0).getAsJsonObject();
    }

    @Test
    void a_report_is_posted_to_the_project_with_its_key() throws Exception {
        reporter.report("nats_err", null, FIELDS);
        AirbrakeServer.Request request = airbrake.take(SOON);
        assertEquals("POST", request.method());
        assertEquals("/api/v3/projects/42/notices", request.path());
        assertEquals("Bearer " + KEY, request.headers().get("Authorization"));
        assertEquals("application/json", request.headers().get("Content-Type"));
        assertEquals("fleet-telemetry/1.2.3", request.headers().get("User-Agent"));
    }

    /** Null if not even this machine knows its name. */
    private static JsonElement hostname() {
        try {
            return new JsonPrimitive(InetAddress.getLocalHost().getHostName());
        } catch (UnknownHostException e) {
            return null;
        }
    }

    @Test
    void a_notice_says_what_happened_where_and_to_which_record() throws Exception {
        reporter.report("nats_err", null, FIELDS);
        JsonObject notice = notice();
        assertEquals(
                JsonParser.parseString("{\"type\":\"nats_err\",\"message\":\"nats_err\",\"backtrace\":[]}"),
                error(notice));
        JsonObject context = notice.getAsJsonObject("context");
        assertEquals("staging", context.get("environment").getAsString());
        assertEquals("error", context.get("severity").getAsString());
        assertEquals(hostname(), context.get("hostname"));
        assertEquals(
                JsonParser.parseString("{\"name\":\"fleet-telemetry\",\"version\":\"1.2.3\"}"),
                context.get("notifier"));
        JsonObject params = notice.getAsJsonObject("params");
        assertEquals("the VIN has a blank at position 2", params.get("reason").getAsString());
        assertEquals("a b", params.get("vin").getAsString());
        assertEquals(3, params.size());
        assertTrue(notice.has("environment") && notice.has("session"));
    }

    @Test
    void a_cause_gives_its_class_and_its_stack() throws Exception {
        reporter.report("nats_err", new IllegalStateException("no \"connection\"\n"), Map.of());
        JsonObject notice = notice();
        JsonObject error = error(notice);
        assertEquals("java.lang.IllegalStateException", error.get("type").getAsString());
        assertEquals("nats_err", error.get("message").getAsString());
        JsonObject frame = error.getAsJsonArray("backtrace").get(0).getAsJsonObject();
        assertEquals("AirbrakeReporterTest.java", frame.get("file").getAsString());
        assertTrue(frame.get("line").getAsInt() > 0);
        assertTrue(frame.get("function").getAsString().startsWith(AirbrakeReporterTest.class.getName() + "."));
        assertEquals(
                "java.lang.IllegalStateException: no \"connection\"\n",
                notice.getAsJsonObject("params").get("error").getAsString());
    }

    @Test
    void a_report_of_any_form_fits_into_what_airbrake_takes() throws Exception {
        Map<String, String> fields = new HashMap<>();
        fields.put(null, null);
        fields.put("long", "x".repeat(1_000_000));
        reporter.report(null, new StackOverflowError(), null);
        reporter.report("m".repeat(100_000), deep(1_000), fields);
        assertEquals("null", error(notice()).get("message").getAsString());
        String body = airbrake.take(SOON).body();
        assertTrue(body.length() < 64_000, body.length() + " characters");
        assertTrue(body.contains("\"null\":\"null\""));
    }

    private static Throwable deep(int frames) {
        return frames == 0 ? new IllegalStateException() : deep(frames - 1);
    }

    @Test
    void other_settings_hold_for_the_next_report_and_for_what_is_queued() throws Exception {
        try (AirbrakeServer other = AirbrakeServer.start()) {
            airbrake.fallSilent();
            reporter.report("first", null, Map.of());
            assertEquals("first", error(notice()).get("message").getAsString());
            reporter.report("second", null, Map.of());
            reporter.use(settings(other.url(), 100));
            airbrake.answerWith(201);
            assertTrue(other.take(SOON).body().contains("second"));
        }
    }

    @Test
    void a_full_queue_drops_reports_counts_them_and_holds_nobody_up() throws Exception {
        reporter.close();
        reporter = open(settings(airbrake.url(), 3), Duration.ofMillis(20));
        airbrake.fallSilent();
        reporter.report("taken", null, Map.of());
        await().until(() -> airbrake.pending() == 1);
        assertTimeout(Duration.ofSeconds(2), () -> {
            for (int i = 0; i < 1000; i++) {
                reporter.report("more", null, Map.of());
            }
        });
        airbrake.answerWith(201);
        await().until(() -> airbrake.pending() == 4);
        await().until(() -> log.text()
                .contains("airbrake_reports_lost queue_full=997 failed=0 lost_total=997"
                        + " queue.max=3 last_failure=\"\""));
    }

    @Test
    void a_report_is_lost_if_airbrake_does_not_take_it() throws Exception {
        for (int status : new int[] {302, 400, 401, 429, 500}) {
            airbrake.answerWith(status);
            reporter.report("refused", null, Map.of());
            airbrake.take(SOON);
            await().until(() -> log.text()
                    .contains("last_failure=\"java.io.IOException: the server answered with HTTP status " + status
                            + "\""));
        }
        assertTrue(log.text().contains("lost_total=5 "), log.text());
        assertEquals(0, airbrake.pending(), "nothing is sent twice");
    }

    @Test
    void a_connection_that_ends_without_an_answer_loses_one_report_and_is_not_tried_again() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            reporter.use(settings("http://127.0.0.1:" + server.getLocalPort(), 100));
            reporter.report("cut", null, Map.of());
            try (Socket socket = server.accept()) {
                assertTrue(socket.getInputStream().read() > 0);
            }
            await().until(() -> log.text().contains("failed=1 lost_total=1"));
        }
    }

    @Test
    void a_dead_endpoint_costs_one_line_in_a_while() throws Exception {
        reporter.close();
        reporter = open(settings("http://127.0.0.1:" + FreePort.next(), 1000), Duration.ofMinutes(1));
        for (int i = 0; i < 500; i++) {
            reporter.report("nobody there", null, Map.of());
        }
        await().until(() -> log.text().contains("airbrake_reports_lost queue_full=0 failed=1 lost_total=1 "));
        reporter.close();
        assertEquals(2, log.count("airbrake_reports_lost"), "the first, and the rest at the end: " + log.text());
        assertTrue(log.text().contains(" lost_total=500 "), log.text());
    }

    @Test
    void after_a_dead_time_reports_arrive_again() throws Exception {
        reporter.use(settings("http://127.0.0.1:" + FreePort.next(), 100));
        reporter.report("lost", null, Map.of());
        await().until(() -> log.text().contains(" lost_total=1 "));
        reporter.use(settings(airbrake.url(), 100));
        reporter.report("there", null, Map.of());
        assertEquals("there", error(notice()).get("message").getAsString());
    }

    @Test
    void it_ends_at_once_while_a_slow_endpoint_keeps_it_waiting() throws Exception {
        airbrake.fallSilent();
        for (int i = 0; i < 5; i++) {
            reporter.report("waiting", null, Map.of());
        }
        airbrake.take(SOON);
        assertTimeout(Duration.ofSeconds(4), reporter::close);
        assertEquals(0, threads());
        assertTrue(log.text().contains(" lost_total=5 "), log.text());
        reporter.report("too late", null, Map.of());
        reporter.close();
    }

    @Test
    void an_endpoint_that_does_not_answer_in_time_loses_the_report() throws Exception {
        assertEquals(Duration.ofSeconds(10), Endpoint.ANSWER_LIMIT);
        reporter.close();
        reporter = open(settings(airbrake.url(), 100), Duration.ofMillis(20), Duration.ofMillis(700));
        airbrake.fallSilent();
        long before = System.nanoTime();
        reporter.report("waiting", null, Map.of());
        await().atMost(SOON).until(() -> log.text().contains("SocketTimeoutException"));
        double seconds = (System.nanoTime() - before) / 1e9;
        assertTrue(seconds > 0.65 && seconds < 5, seconds + " s");
    }

    @Test
    void the_thread_does_not_hold_on_to_whoever_configured_it() throws IOException {
        Thread thread = Thread.getAllStackTraces().keySet().stream()
                .filter(candidate -> candidate.getName().equals("airbrake-report"))
                .findFirst()
                .orElseThrow();
        assertTrue(thread.isDaemon());
        assertEquals(AirbrakeReporter.class.getClassLoader(), thread.getContextClassLoader());
    }

    /** Somebody else's exceptions are somebody else's code. */
    @Test
    void an_exception_that_throws_an_error_or_leaves_an_interrupt_ends_no_thread() throws Exception {
        reporter.report(
                "a",
                new IllegalStateException() {
                    @Override
                    public String getMessage() {
                        throw new OutOfMemoryError("Java heap space");
                    }
                },
                FIELDS);
        reporter.report(
                "b",
                new IllegalStateException() {
                    @Override
                    public String getMessage() {
                        Thread.currentThread().interrupt();
                        throw new LinkageError("its bundle was refreshed");
                    }
                },
                FIELDS);
        reporter.report("c", null, FIELDS);
        assertEquals("c", error(notice()).get("type").getAsString());
    }
}
