package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What becomes of a connection that jnats gives up, which it does when the server refuses its credentials twice. */
@Tag("every-server")
class UnexpectedCloseTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration FOR_EVER = Duration.ofHours(1);
    private static final String LETS_IN = "authorization { users: [ { user: fleet, password: hush } ] }";
    private static final String REFUSES = "authorization { users: [ { user: fleet, password: changed } ] }";

    private final List<Map<String, String>> reports = new CopyOnWriteArrayList<>();
    /** Whether the datastore was lost, each time it said that this had changed. */
    private final List<Boolean> turns = new CopyOnWriteArrayList<>();

    private final Outcomes outcomes = new Outcomes();
    private NatsServer server;
    private NatsDatastore datastore;

    @BeforeEach
    void start() {
        server = NatsServer.start(LETS_IN);
    }

    @AfterEach
    void stop() {
        if (datastore != null) {
            datastore.close();
        }
        server.close();
    }

    private Map<String, String> settings(String... more) {
        Map<String, String> settings = new HashMap<>(
                Map.of("url", server.url(), "username", "fleet", ".password", "hush", "reconnect.wait.ms", "20"));
        settings.put("connect.timeout.ms", "1000"); // a refusal is not noticed before that
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return settings;
    }

    private void open(String... more) {
        datastore = new NatsDatastore(
                NatsSettings.parse(settings(more)),
                new Counts(),
                (message, cause, fields) -> {
                    Map<String, String> report = new HashMap<>(fields);
                    report.put("message", message);
                    reports.add(report);
                },
                () -> turns.add(datastore.isLost()));
        datastore.open();
    }

    private void configure(String... more) {
        datastore.configure(NatsSettings.parse(settings(more)));
    }

    private void awaitState(Status.State state) {
        await().atMost(SOON).until(() -> datastore.status().state() == state);
    }

    private void awaitSummary(String text) {
        await().atMost(SOON).until(() -> datastore.status().summary().contains(text));
    }

    private void lose() {
        awaitState(Status.State.OK);
        server.reload(REFUSES);
        awaitState(Status.State.CRITICAL);
        await().atMost(SOON).until(() -> turns.equals(List.of(true)));
    }

    private void produce(int from, int to) {
        IntStream.range(from, to).forEach(i -> datastore.produce(record(i), outcomes));
    }

    private static TelemetryRecord record(int number) {
        return Records.record("VIN", "V", ("" + number).getBytes(UTF_8));
    }

    /** Lets some attempts to connect pass, and says how many there were. */
    private void awaitAttempts(int count) {
        long before = attempts();
        await().atMost(SOON).until(() -> attempts() >= before + count);
    }

    private long attempts() {
        return server.log()
                .lines()
                .filter(line -> line.contains("uthentication error"))
                .count();
    }

    @Test
    void it_is_critical_and_reported_once_until_the_server_lets_it_in_and_nothing_in_flight_is_lost() {
        open();
        produce(0, 10);
        outcomes.awaitEnded(10);
        lose();
        produce(10, 20);
        awaitAttempts(2);
        assertEquals(10, outcomes.ended());
        assertEquals(10, datastore.inFlight());
        Status status = datastore.status();
        assertTrue(status.summary().contains("Authorization Violation"), status.summary());
        assertFalse(status.toString().contains("hush"), status.toString());
        assertEquals(
                List.of(Map.of(
                        "message", "nats_closed",
                        "datastore", "nats",
                        "url", server.url(),
                        "cause", "Authorization Violation")),
                reports);

        server.reload(LETS_IN);
        assertEquals(20, outcomes.awaitEnded(20).confirmed().size());
        awaitState(Status.State.OK);
        assertEquals(List.of(true, false), turns);
        assertEquals(1, reports.size());
    }

    @Test
    void it_is_a_loss_each_time() {
        open();
        lose();
        server.reload(LETS_IN);
        awaitState(Status.State.OK);
        server.reload(REFUSES);
        awaitState(Status.State.CRITICAL);
        await().atMost(SOON).until(() -> turns.equals(List.of(true, false, true)));
        assertEquals(2, reports.size());
    }

    @Test
    void credentials_that_are_refused_from_the_start_are_no_loss_and_are_taken_once_they_are_right() {
        server.reload(REFUSES);
        open();
        produce(0, 1);
        awaitSummary("Authorization Violation");
        awaitAttempts(2);
        assertEquals(Status.State.WARN, datastore.status().state());
        server.reload(LETS_IN);
        outcomes.awaitEnded(1);
        awaitState(Status.State.OK);
        assertEquals(List.of(), turns);
        assertEquals(List.of(), reports);
    }

    @Test
    void new_credentials_bring_it_back() {
        open();
        lose();
        produce(0, 10);
        configure(".password", "changed");
        assertEquals(10, outcomes.awaitEnded(10).confirmed().size());
        awaitState(Status.State.OK);
        await().atMost(SOON).until(() -> turns.equals(List.of(true, false)));
    }

    @Test
    void new_credentials_that_are_wrong_too_do_not_and_both_troubles_are_shown() {
        open();
        lose();
        configure(".password", "still wrong");
        awaitSummary("new settings wait for their connection to " + server.url());
        awaitAttempts(3);
        datastore.refuse(List.of("url = x: is not a URL"));
        assertTrue(datastore.status().summary().contains("url = x: is not a URL"));
        assertEquals(Status.State.CRITICAL, datastore.status().state());
        assertEquals(List.of(true), turns);
        server.reload(LETS_IN);
        await().atMost(SOON).until(() -> turns.equals(List.of(true, false)));
    }

    @Test
    void it_is_lost_also_while_new_settings_are_waiting_and_these_bring_it_back() throws Exception {
        int port = FreePort.next();
        String url = "nats://127.0.0.1:" + port;
        open();
        awaitState(Status.State.OK);
        configure("url", url);
        awaitSummary("new settings wait for their connection to " + url);
        server.reload(REFUSES);
        awaitState(Status.State.CRITICAL);
        produce(0, 10);
        try (NatsServer late = NatsServer.startOn(port)) {
            assertEquals(10, outcomes.awaitEnded(10).confirmed().size());
            await().atMost(SOON).until(() -> turns.equals(List.of(true, false)));
            assertEquals(1, reports.size());
            datastore.close();
        }
    }

    @Test
    void new_settings_whose_connection_is_closed_before_they_take_over_are_no_loss() {
        try (NatsServer other = NatsServer.start(LETS_IN);
                Link link = Link.to(server.port())) {
            open("url", link.url(), "silent.ms", "60000", "drain.timeout.ms", "60000");
            awaitState(Status.State.OK);
            link.freeze(FOR_EVER);
            produce(0, 10);
            // They cannot take over before the old connection has answered.
            configure("url", other.url(), "silent.ms", "60000", "drain.timeout.ms", "60000");
            awaitSummary("new settings wait");
            await().atMost(SOON).until(() -> datastore.status().summary().endsWith("the old ones are in force: "));
            other.reload(REFUSES);
            awaitSummary("the old ones are in force: Authorization Violation");
            assertEquals(Status.State.WARN, datastore.status().state());
            link.heal();
            assertEquals(10, outcomes.awaitEnded(10).confirmed().size());
            assertEquals(List.of(), turns);
            assertEquals(List.of(), reports);
        }
    }

    @Test
    void a_connection_that_is_closed_because_we_ask_for_it_is_no_loss() {
        open();
        awaitState(Status.State.OK);
        produce(0, 10);
        configure("name", "another");
        await().atMost(SOON)
                .until(() -> server.log().contains("Client connection closed: Client Closed")
                        || datastore.status().summary().equals("connected"));
        datastore.close();
        assertEquals(10, outcomes.awaitEnded(10).confirmed().size());
        assertFalse(turns.contains(true), "it was never lost");
        assertEquals(List.of(), reports);
    }

    @Test
    void a_lost_one_that_is_closed_fails_records_in_flight_and_leaves_no_thread() {
        open("datastore", "losing", "drain.timeout.ms", "100");
        lose();
        produce(0, 10);
        datastore.close();
        outcomes.awaitEnded(10).failures().forEach(failure -> assertEquals(Failure.Kind.CLOSED, failure.kind()));
        assertEquals(0, outcomes.confirmed().size());
        assertEquals(List.of(true), turns);
        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("nats-losing")));
    }

    @Test
    void without_osgi_the_status_is_critical_and_records_are_still_accepted() {
        try (CloseableProducer producer = new NatsProducerFactory().open(settings())) {
            await().atMost(SOON).until(() -> producer.status().state() == Status.State.OK);
            server.reload(REFUSES);
            await().atMost(SOON).until(() -> producer.status().state() == Status.State.CRITICAL);
            producer.produce(record(0), outcomes);
            assertEquals(0, outcomes.ended());
            server.reload(LETS_IN);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            await().atMost(SOON).until(() -> producer.status().state() == Status.State.OK);
        }
    }

    @Test
    void without_osgi_there_is_nothing_to_halt() {
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class, () -> new NatsProducerFactory().open(settings("on.closed", "halt")));
        assertTrue(e.getMessage().startsWith("on.closed = halt: "), e.getMessage());
    }

    /** As when the machine has no thread left: jnats' thread that reconnects dies without a word. */
    @Test
    void a_connection_that_jnats_has_stopped_reconnecting_is_replaced() throws Exception {
        open("connect.timeout.ms", "500");
        awaitState(Status.State.OK);
        AtomicInteger deaths = new AtomicInteger();
        ExecutorService none = new ThreadPoolExecutor(0, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>()) {
            @Override
            public void execute(Runnable task) {
                deaths.incrementAndGet();
                throw new OutOfMemoryError("unable to create native thread");
            }
        };
        Object sessions = field(datastore, "sessions").get(datastore);
        Object session = field(sessions, "inUse").get(sessions);
        Object connector = field(session, "connector").get(session);
        Field callbacks = field(connector, "callbacks");
        Object good = callbacks.get(connector);
        callbacks.set(connector, none);
        server.restart();
        await().atMost(SOON).until(() -> deaths.get() > 0);
        produce(0, 5);
        callbacks.set(connector, good);
        assertEquals(5, outcomes.awaitEnded(5).confirmed().size());
        awaitState(Status.State.OK);
    }

    static Field field(Object of, String name) throws NoSuchFieldException {
        Field field = of.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }
}
