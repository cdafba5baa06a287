package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import com.sun.management.ThreadMXBean;
import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.ProducerFactory;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.protos.ConnectivityEvent;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.protos.VehicleAlert;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleError;
import io.fleettelemetry.protos.VehicleErrors;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.ServerMonitor;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the datastore promises, against a real nats-server. */
@Tag("every-server")
class NatsDatastoreTest {

    private static final String VIN = "5YJ3E1EA1NF123456";
    private static final Duration SOON = Duration.ofSeconds(20);

    private static final ThreadMXBean ALLOCATION = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static NatsServer server;
    private static Connection subscriber;

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start("max_payload: 65536");
        subscriber = Nats.connect(server.url());
    }

    @AfterAll
    static void stop() throws Exception {
        subscriber.close();
        server.close();
    }

    static NatsDatastore open(Map<String, String> settings) {
        return open(settings, System::nanoTime);
    }

    static NatsDatastore open(Map<String, String> settings, LongSupplier nanoTime) {
        NatsDatastore datastore = new NatsDatastore(
                NatsSettings.parse(settings), new Counts(), (message, cause, fields) -> {}, () -> {}, nanoTime);
        datastore.open();
        return datastore;
    }

    private static NatsDatastore open() {
        return open(Map.of("url", server.url()));
    }

    private static NatsDatastore connected() {
        NatsDatastore datastore = open();
        awaitState(datastore, Status.State.OK);
        return datastore;
    }

    private static void awaitState(NatsDatastore datastore, Status.State state) {
        await().atMost(SOON).until(() -> datastore.status().state() == state);
    }

    private static TelemetryRecord record(String vin, String type, byte[] payload) {
        return Records.record(vin, type, payload);
    }

    private static TelemetryRecord record(String text) {
        return record(VIN, "V", text.getBytes(UTF_8));
    }

    private static Subscription subscribe(String subject) throws Exception {
        Subscription subscription = subscriber.subscribe(subject);
        subscriber.flush(SOON);
        return subscription;
    }

    private static io.nats.client.Message next(Subscription subscription) throws InterruptedException {
        return subscription.nextMessage(SOON);
    }

    static Stream<Arguments> subjectStructure() {
        return Stream.of(
                Arguments.of(
                        "V",
                        "tesla_telemetry." + VIN + ".data",
                        Payload.newBuilder()
                                .setVin(VIN)
                                .addData(Datum.newBuilder()
                                        .setKey(Field.VehicleSpeed)
                                        .setValue(Value.newBuilder().setDoubleValue(63.5)))
                                .build(),
                        Payload.parser()),
                Arguments.of(
                        "alerts",
                        "tesla_telemetry." + VIN + ".alerts",
                        VehicleAlerts.newBuilder()
                                .setVin(VIN)
                                .addAlerts(VehicleAlert.newBuilder().setName("DI_a001"))
                                .build(),
                        VehicleAlerts.parser()),
                Arguments.of(
                        "errors",
                        "tesla_telemetry." + VIN + ".errors",
                        VehicleErrors.newBuilder()
                                .setVin(VIN)
                                .addErrors(
                                        VehicleError.newBuilder().setName("e").putTags("a", "b"))
                                .build(),
                        VehicleErrors.parser()),
                Arguments.of(
                        "connectivity",
                        "tesla_telemetry." + VIN + ".connectivity",
                        VehicleConnectivity.newBuilder()
                                .setVin(VIN)
                                .setStatus(ConnectivityEvent.CONNECTED)
                                .build(),
                        VehicleConnectivity.parser()));
    }

    @ParameterizedTest
    @MethodSource("subjectStructure")
    void a_record_arrives_under_namespace_vin_and_topic_and_decodes(
            String type, String subject, Message message, Parser<? extends Message> parser) throws Exception {
        Subscription exactly = subscribe(subject);
        Subscription ofVehicle = subscribe("tesla_telemetry." + VIN + ".>");
        Subscription ofTopic = subscribe("tesla_telemetry.*." + subject.substring(subject.lastIndexOf('.') + 1));
        Subscription all = subscribe("tesla_telemetry.>");
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = open()) {
            TelemetryRecord record = record(VIN, type, message.toByteArray());
            assertEquals(subject, datastore.destination(record));
            datastore.produce(record, outcomes);
            for (Subscription subscription : List.of(exactly, ofVehicle, ofTopic, all)) {
                io.nats.client.Message received = next(subscription);
                assertEquals(subject, received.getSubject());
                assertEquals(message, decode(parser, received.getData()));
                assertFalse(received.hasHeaders());
                assertEquals(null, received.getReplyTo());
                subscription.unsubscribe();
            }
            assertEquals(List.of(record), outcomes.awaitEnded(1).confirmed());
        }
    }

    private static Message decode(Parser<? extends Message> parser, byte[] bytes)
            throws InvalidProtocolBufferException {
        return parser.parseFrom(bytes);
    }

    @Test
    void the_wildcards_separate_vehicles_and_topics() throws Exception {
        Subscription ofVehicle = subscribe("ns.VIN1.>");
        Subscription ofTopic = subscribe("ns.*.data");
        Subscription all = subscribe("ns.>");
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = open(Map.of("url", server.url(), "namespace", "ns"))) {
            for (String vin : List.of("VIN1", "VIN2")) {
                for (String type : List.of("V", "alerts", "my_type")) {
                    datastore.produce(record(vin, type, new byte[] {1}), outcomes);
                }
            }
            outcomes.awaitEnded(6);
        }
        assertEquals(List.of("ns.VIN1.data", "ns.VIN1.alerts", "ns.VIN1.my_type"), subjects(ofVehicle, 3));
        assertEquals(List.of("ns.VIN1.data", "ns.VIN2.data"), subjects(ofTopic, 2));
        assertEquals(6, subjects(all, 6).size());
    }

    private static List<String> subjects(Subscription subscription, int count) throws Exception {
        List<String> subjects = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            subjects.add(next(subscription).getSubject());
        }
        assertEquals(null, subscription.nextMessage(Duration.ofMillis(1)), "one too many");
        subscription.unsubscribe();
        return subjects;
    }

    @Test
    void a_namespace_may_have_several_tokens() {
        try (NatsDatastore datastore = open(Map.of("url", server.url(), "namespace", "fleet.eu"))) {
            assertEquals("fleet.eu." + VIN + ".data", datastore.destination(record("x")));
        }
    }

    @Test
    void an_empty_payload_is_an_empty_message() throws Exception {
        Subscription subscription = subscribe("tesla_telemetry.>");
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = open()) {
            datastore.produce(record(VIN, "V", new byte[0]), outcomes);
            assertArrayEquals(new byte[0], next(subscription).getData());
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        }
        subscription.unsubscribe();
    }

    static Stream<String> noTokens() {
        return Stream.of(
                "", "a b", "a.b", "*", ">", "a\r\nPUB x 1\r\n1", "\n", "\t", "\u0000", "ü", "$SYS", "x".repeat(300));
    }

    @ParameterizedTest
    @MethodSource("noTokens")
    void a_name_that_is_not_a_token_fails_with_the_reason_and_sends_nothing(String text) throws Exception {
        Subscription everything = subscribe(">");
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = connected()) {
            datastore.produce(record(text, "V", new byte[] {1}), outcomes);
            datastore.produce(record(VIN, text, new byte[] {1}), outcomes);
            datastore.produce(record("after"), outcomes);
            outcomes.awaitEnded(3);
            assertEquals("after", new String(next(everything).getData(), UTF_8), "only the good record arrives");
            assertEquals("0", datastore.status().details().get("reconnects"));
            assertEquals("", datastore.destination(record(text, "V", new byte[0])));
        }
        everything.unsubscribe();
        assertEquals(1, outcomes.confirmed().size());
        outcomes.failures().forEach(failure -> assertEquals(Failure.Kind.INVALID, failure.kind()));
        assertTrue(outcomes.failures().get(0).reason().startsWith("the VIN "));
        assertTrue(outcomes.failures().get(1).reason().startsWith("the record type "));
    }

    @Test
    void a_payload_over_the_servers_limit_fails_with_both_sizes_and_one_at_the_limit_goes() {
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = connected()) {
            datastore.produce(record(VIN, "V", new byte[65_537]), outcomes);
            datastore.produce(record(VIN, "V", new byte[65_536]), outcomes);
            outcomes.awaitEnded(2);
        }
        Failure failure = outcomes.failures().get(0);
        assertEquals(Failure.Kind.TOO_LARGE, failure.kind());
        assertTrue(failure.reason().contains("65537") && failure.reason().contains("65536"), failure.reason());
        assertEquals(65_536, outcomes.confirmed().get(0).payload().length);
    }

    @Test
    void one_too_large_that_was_accepted_before_the_limit_was_known_fails_alone() {
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = open()) {
            datastore.produce(record("before"), outcomes);
            datastore.produce(record(VIN, "V", new byte[70_000]), outcomes);
            datastore.produce(record("after"), outcomes);
            outcomes.awaitEnded(3);
        }
        assertEquals(2, outcomes.confirmed().size());
        assertEquals(Failure.Kind.TOO_LARGE, outcomes.failures().get(0).kind());
    }

    @Test
    void records_of_a_vehicle_arrive_in_the_order_of_offering() throws Exception {
        Subscription subscription = subscribe("tesla_telemetry.*.data");
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = open()) {
            IntStream.range(0, 10_000).forEach(i -> datastore.produce(record("" + i), outcomes));
            outcomes.awaitEnded(10_000);
        }
        for (int i = 0; i < 10_000; i++) {
            assertEquals("" + i, new String(next(subscription).getData(), UTF_8));
        }
        subscription.unsubscribe();
    }

    @Test
    void offers_from_many_threads_arrive_whole_and_in_order() throws Exception {
        Subscription subscription = subscribe("tesla_telemetry.>");
        subscription.setPendingLimits(-1, -1);
        Outcomes outcomes = new Outcomes();
        int each = 5_000;
        try (NatsDatastore datastore = open()) {
            List<Thread> threads = IntStream.range(0, 4)
                    .mapToObj(t -> new Thread(() -> IntStream.range(0, each)
                            .forEach(i ->
                                    datastore.produce(record("VIN" + t, "V", ("" + i).getBytes(UTF_8)), outcomes))))
                    .toList();
            threads.forEach(Thread::start);
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(4 * each, outcomes.awaitEnded(4 * each).confirmed().size());
        }
        Map<String, Integer> next = new HashMap<>();
        for (int i = 0; i < 4 * each; i++) {
            io.nats.client.Message message = next(subscription);
            int number = next.merge(message.getSubject(), 1, Integer::sum) - 1;
            assertEquals("" + number, new String(message.getData(), UTF_8));
        }
        subscription.unsubscribe();
    }

    @Test
    void records_offered_before_the_server_starts_are_confirmed_when_it_appears_and_not_before() throws Exception {
        int port = freePort();
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = open(Map.of("url", "nats://127.0.0.1:" + port, "reconnect.wait.ms", "50"))) {
            datastore.produce(record("early"), outcomes);
            await().atMost(SOON).until(() -> datastore.status().summary().contains("refused"));
            assertEquals(Status.State.WARN, datastore.status().state());
            assertEquals(0, outcomes.ended());
            try (NatsServer late = NatsServer.startOn(port)) {
                assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
                awaitState(datastore, Status.State.OK);
            }
        }
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Test
    void a_server_that_is_killed_and_comes_back_gets_everything_and_loses_nothing_that_was_confirmed() {
        Outcomes outcomes = new Outcomes();
        try (NatsServer mortal = NatsServer.start();
                NatsDatastore datastore = open(Map.of("url", mortal.url(), "reconnect.wait.ms", "50"))) {
            datastore.produce(record("0"), outcomes);
            outcomes.awaitEnded(1);
            mortal.kill();
            IntStream.range(1, 500).forEach(i -> datastore.produce(record("" + i), outcomes));
            awaitState(datastore, Status.State.WARN);
            assertEquals(1, outcomes.ended());
            mortal.restart();
            assertEquals(500, outcomes.awaitEnded(500).confirmed().size());
        }
    }

    @Test
    void a_subject_that_the_server_denies_fails_alone() throws Exception {
        try (NatsServer strict =
                        NatsServer.start("authorization { users = [ { user: u, password: p, permissions: { publish: {"
                                + " allow: \"tesla_telemetry.>\", deny: \"tesla_telemetry.DENIED.>\" } } } ] }");
                NatsDatastore datastore = open(Map.of("url", strict.url(), "username", "u", ".password", "p"))) {
            Outcomes outcomes = new Outcomes();
            datastore.produce(record("first"), outcomes);
            datastore.produce(record("DENIED", "V", new byte[] {1}), outcomes);
            datastore.produce(record("last"), outcomes);
            outcomes.awaitEnded(3);
            assertEquals(2, outcomes.confirmed().size());
            assertEquals(Failure.Kind.DENIED, outcomes.failures().get(0).kind());
            assertTrue(outcomes.failures().get(0).reason().contains("tesla_telemetry.DENIED.data"));
            assertEquals("0", datastore.status().details().get("reconnects"));
        }
    }

    @Test
    void a_wrong_password_is_shown_and_a_right_one_mends_it() {
        try (NatsServer strict = NatsServer.start("authorization { user: u, password: p }");
                NatsDatastore datastore = open(Map.of(
                        "url",
                        strict.url(),
                        "username",
                        "u",
                        ".password",
                        "wrong",
                        "reconnect.wait.ms",
                        "50",
                        "connect.timeout.ms",
                        "1000"))) {
            Outcomes outcomes = new Outcomes();
            datastore.produce(record("x"), outcomes);
            await().atMost(SOON).until(() -> datastore.status().summary().contains("Authorization Violation"));
            assertFalse(datastore.status().toString().contains("wrong"), "no secret is shown");
            assertEquals(0, outcomes.ended());
            datastore.configure(NatsSettings.parse(Map.of("url", strict.url(), "username", "u", ".password", "p")));
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        }
    }

    @Test
    void a_credential_in_the_url_works_and_is_never_shown() {
        try (NatsServer strict = NatsServer.start("authorization { user: u, password: secret }");
                NatsDatastore datastore = open(Map.of("url", strict.url().replace("nats://", "nats://u:secret@")))) {
            awaitState(datastore, Status.State.OK);
            assertFalse(datastore.status().toString().contains("secret"));
        }
    }

    @Test
    void new_settings_move_to_another_server_without_losing_a_record() throws Exception {
        Outcomes outcomes = new Outcomes();
        try (NatsServer other = NatsServer.start();
                NatsDatastore datastore = connected()) {
            Connection there = Nats.connect(other.url());
            Subscription arrived = there.subscribe("moved.>");
            there.flush(SOON);
            IntStream.range(0, 200).forEach(i -> datastore.produce(record("" + i), outcomes));
            datastore.configure(NatsSettings.parse(Map.of("url", other.url(), "namespace", "moved")));
            await().atMost(SOON)
                    .until(() -> datastore.status().summary().equals("connected")
                            && datastore.status().details().get("url").equals(other.url()));
            datastore.produce(record("there"), outcomes);
            assertEquals(201, outcomes.awaitEnded(201).confirmed().size());
            assertEquals("moved." + VIN + ".data", next(arrived).getSubject());
            there.close();
        }
    }

    @Test
    void fifty_changes_of_server_under_load_lose_nothing_and_leave_no_thread() throws Exception {
        Outcomes outcomes = new Outcomes();
        int records = 20_000;
        try (NatsServer other = NatsServer.start();
                NatsDatastore datastore = open(moving(server.url()))) {
            Thread load = new Thread(() -> IntStream.range(0, records).forEach(i -> {
                datastore.produce(record("" + i), outcomes);
                LockSupport.parkNanos(100_000);
            }));
            load.start();
            for (int i = 0; i < 50; i++) {
                String url = i % 2 == 0 ? other.url() : server.url();
                datastore.configure(NatsSettings.parse(moving(url)));
                await().pollInterval(Duration.ofMillis(1))
                        .atMost(SOON)
                        .until(() -> datastore.status().details().get("url").equals(url));
            }
            load.join();
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
        }
        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().matches("(nats-)?moving.*"))); // jnats' own ones, too
    }

    private static Map<String, String> moving(String url) {
        return Map.of("url", url, "datastore", "moving", "name", "moving");
    }

    @Test
    void however_quickly_settings_follow_each_other_the_last_are_in_force_in_the_end() {
        Random random = new Random(1);
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = connected()) {
            for (int round = 0; round < 40; round++) {
                String name = "";
                for (int i = 0; i < 3; i++) {
                    name = round + "-" + i;
                    datastore.configure(NatsSettings.parse(Map.of("url", server.url(), "name", name)));
                    LockSupport.parkNanos(random.nextInt(8_000_000));
                }
                String last = name;
                await(last)
                        .atMost(Duration.ofSeconds(5))
                        .pollInterval(Duration.ofMillis(1))
                        .until(() -> datastore.settings().connection().name().equals(last));
                datastore.produce(record(last), outcomes);
            }
            assertEquals(40, outcomes.awaitEnded(40).confirmed().size());
        }
    }

    @Test
    void a_frame_that_kills_the_connection_fails_with_the_servers_words_and_the_others_get_through() {
        Outcomes outcomes = new Outcomes();
        try (NatsServer strict = NatsServer.start("max_control_line: 256");
                NatsDatastore datastore =
                        open(Map.of("url", strict.url(), "namespace", "n".repeat(128), "reconnect.wait.ms", "20"))) {
            awaitState(datastore, Status.State.OK);
            for (int i = 0; i < 200; i++) {
                datastore.produce(record("VIN" + i, i == 77 ? "t".repeat(128) : "V", new byte[] {1}), outcomes);
            }
            outcomes.awaitEnded(200);
            assertEquals(199, outcomes.confirmed().size());
            assertEquals("VIN77", outcomes.failed().get(0).vin());
            assertEquals(Failure.Kind.ERROR, outcomes.failures().get(0).kind());
            assertTrue(
                    outcomes.failures().get(0).reason().toLowerCase(Locale.ROOT).contains("control line"),
                    outcomes.failures().get(0).reason());
        }
    }

    @Test
    void a_lowered_max_payload_fails_only_the_records_that_no_longer_fit() {
        Outcomes outcomes = new Outcomes();
        try (NatsServer shrinking = NatsServer.start("max_payload: 4096");
                NatsDatastore datastore = open(Map.of("url", shrinking.url(), "reconnect.wait.ms", "20"))) {
            awaitState(datastore, Status.State.OK);
            shrinking.reload("max_payload: 1024");
            for (int i = 0; i < 100; i++) {
                datastore.produce(record("VIN" + i, "V", new byte[i == 50 ? 2_000 : 100]), outcomes);
            }
            outcomes.awaitEnded(100);
            assertEquals(99, outcomes.confirmed().size());
            assertEquals("VIN50", outcomes.failed().get(0).vin());
            assertEquals(Failure.Kind.TOO_LARGE, outcomes.failures().get(0).kind());
        }
    }

    @Test
    void every_message_has_an_id_of_its_own_if_that_is_asked_for() throws Exception {
        Subscription subscription = subscribe("tesla_telemetry.>");
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = open(Map.of("url", server.url(), "message.ids", "true"))) {
            IntStream.range(0, 100).forEach(i -> datastore.produce(record("" + i), outcomes));
            outcomes.awaitEnded(100);
        }
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < 100; i++) {
            io.nats.client.Message message = next(subscription);
            assertEquals("" + i, new String(message.getData(), UTF_8));
            ids.add(message.getHeaders().getFirst("Nats-Msg-Id"));
        }
        assertEquals(100, ids.size());
        subscription.unsubscribe();
    }

    @Test
    void a_receipt_may_offer() {
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore = connected()) {
            Receipt again = new Receipt() {
                @Override
                public boolean confirmed(TelemetryRecord record) {
                    datastore.produce(record("offered by a receipt"), outcomes);
                    return false;
                }

                @Override
                public void failed(TelemetryRecord record, Failure why) {
                    outcomes.failed(record, why);
                }
            };
            datastore.produce(record("x"), again);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        }
    }

    @Test
    void new_settings_that_cannot_connect_leave_the_old_connection_at_work_until_they_are_mended() throws Exception {
        Outcomes outcomes = new Outcomes();
        String nowhere = "nats://127.0.0.1:" + freePort();
        try (NatsDatastore datastore = connected()) {
            datastore.configure(NatsSettings.parse(Map.of("url", nowhere, "reconnect.wait.ms", "50")));
            await().atMost(SOON).until(() -> datastore.status().summary().contains("refused"));
            assertEquals(Status.State.WARN, datastore.status().state());
            datastore.produce(record("x"), outcomes);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            datastore.configure(NatsSettings.parse(Map.of("url", server.url())));
            awaitState(datastore, Status.State.OK);
        }
    }

    @Test
    void new_settings_that_the_server_does_not_let_in_leave_the_old_connection_at_work() {
        Outcomes outcomes = new Outcomes();
        try (NatsServer strict = NatsServer.start("authorization { user: u, password: p }");
                NatsDatastore datastore = open(Map.of("url", strict.url(), "username", "u", ".password", "p"))) {
            awaitState(datastore, Status.State.OK);
            datastore.configure(NatsSettings.parse(Map.of(
                    "url",
                    strict.url(),
                    "username",
                    "u",
                    ".password",
                    "wrong",
                    "reconnect.wait.ms",
                    "50",
                    "connect.timeout.ms",
                    "1000")));
            await().atMost(SOON).until(() -> datastore.status().summary().contains("Authorization Violation"));
            for (int i = 0; i < 20; i++) { // some attempts
                datastore.produce(record("" + i), outcomes);
                outcomes.awaitEnded(i + 1);
                LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
            }
            assertEquals(20, outcomes.confirmed().size());
            assertTrue(
                    datastore.status().summary().startsWith("new settings wait"),
                    datastore.status().summary());
        }
    }

    @Test
    void a_limit_is_in_force_at_once_while_other_settings_wait_which_it_takes_back() throws Exception {
        ServerMonitor monitor = new ServerMonitor();
        Outcomes outcomes = new Outcomes();
        try (NatsServer own = NatsServer.start(monitor.configuration());
                NatsDatastore datastore = open(Map.of("url", own.url()))) {
            awaitState(datastore, Status.State.OK);
            datastore.configure(NatsSettings.parse(Map.of("url", "nats://127.0.0.1:" + freePort())));
            assertEquals(Status.State.WARN, datastore.status().state());
            NatsSettings limited = NatsSettings.parse(Map.of("url", own.url(), "inflight.max.records", "7"));
            datastore.configure(limited);
            assertEquals(limited, datastore.settings());
            assertEquals(Status.State.OK, datastore.status().state());
            datastore.produce(record("1"), outcomes);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            assertEquals(1, monitor.clients().size(), "all on the connection that was there");
        }
    }

    @Test
    void no_thread_of_settings_that_were_taken_back_is_left_when_it_is_closed() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            NatsDatastore datastore = open(Map.of("url", server.url(), "datastore", "gone"));
            awaitState(datastore, Status.State.OK);
            datastore.configure(NatsSettings.parse(
                    Map.of("url", "nats://127.0.0.1:" + silent.getLocalPort(), "datastore", "gone")));
            silent.accept().close(); // it is trying
            datastore.configure(NatsSettings.parse(Map.of("url", server.url(), "datastore", "gone")));
            datastore.close();
            assertEquals(
                    List.of(),
                    Thread.getAllStackTraces().keySet().stream()
                            .map(Thread::getName)
                            .filter(name -> name.matches("nats-gone-(write|complete|watch|connect|events)"))
                            .toList());
        }
    }

    @Test
    void closing_while_new_settings_take_over_ends_although_the_new_server_stands_still() throws Exception {
        Outcomes outcomes = new Outcomes();
        Map<String, String> common = Map.of("drain.timeout.ms", "6000", "silent.ms", "100000");
        try (NatsServer a = NatsServer.start();
                NatsServer b = NatsServer.start()) {
            NatsDatastore datastore = open(with(common, "url", a.url()));
            awaitState(datastore, Status.State.OK);
            a.pause();
            datastore.produce(record("for a"), outcomes);
            datastore.configure(NatsSettings.parse(with(common, "url", b.url())));
            Object sessions = UnexpectedCloseTest.field(datastore, "sessions").get(datastore);
            await("let in there, as the status cannot say")
                    .atMost(SOON)
                    .until(() -> UnexpectedCloseTest.field(sessions, "prepared").get(sessions) != null);
            datastore.produce(record("for b"), outcomes);
            b.pause();
            Thread closing = new Thread(datastore::close);
            closing.start();
            await().atMost(SOON).until(() -> datastore.status().summary().equals("closed"));
            a.resume();
            closing.join(SOON.toMillis());
            assertFalse(closing.isAlive());
            outcomes.awaitEnded(2);
            assertEquals(List.of("for a"), texts(outcomes.confirmed()));
            assertEquals(Failure.Kind.CLOSED, outcomes.failures().get(0).kind());
        }
    }

    private static List<String> texts(List<TelemetryRecord> records) {
        return records.stream()
                .map(record -> new String(record.payload(), UTF_8))
                .toList();
    }

    private static Map<String, String> with(Map<String, String> settings, String key, String value) {
        Map<String, String> more = new HashMap<>(settings);
        more.put(key, value);
        return more;
    }

    @Test
    void an_error_reporter_that_throws_keeps_no_record_from_its_end() {
        Outcomes outcomes = new Outcomes();
        NatsSettings settings = NatsSettings.parse(Map.of("url", server.url()));
        ErrorReporter broken = (message, cause, fields) -> {
            throw new NoClassDefFoundError("its bundle is being refreshed");
        };
        try (NatsDatastore datastore = new NatsDatastore(settings, new Counts(), broken)) {
            datastore.open();
            awaitState(datastore, Status.State.OK);
            datastore.produce(record("no token", "V", new byte[1]), outcomes); // fails on this thread
            datastore.produce(record(VIN, "V", new byte[65_537]), outcomes);
            assertEquals(2, outcomes.ended());
            datastore.produce(record("good"), outcomes);
            assertEquals(1, outcomes.awaitEnded(3).confirmed().size());
        }
    }

    @Test
    void an_error_reporter_that_throws_does_not_stop_the_thread_that_ends_records() throws Exception {
        Outcomes outcomes = new Outcomes();
        NatsSettings settings = NatsSettings.parse(
                Map.of("url", "nats://127.0.0.1:" + freePort(), "confirm.timeout.ms", "1000", "drain.timeout.ms", "0"));
        ErrorReporter broken = (message, cause, fields) -> {
            throw new IllegalStateException("broken");
        };
        try (NatsDatastore datastore = new NatsDatastore(settings, new Counts(), broken)) {
            datastore.open();
            for (int i = 1; i <= 2; i++) {
                datastore.produce(record("" + i), outcomes);
                assertEquals(
                        Failure.Kind.EXPIRED,
                        outcomes.awaitEnded(i).failures().get(i - 1).kind());
            }
        }
    }

    @Test
    void the_window_is_bounded_and_says_so() throws Exception {
        String nowhere = "nats://127.0.0.1:" + freePort();
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore =
                open(Map.of("url", nowhere, "inflight.max.records", "3", "drain.timeout.ms", "0"))) {
            IntStream.range(0, 5).forEach(i -> datastore.produce(record("" + i), outcomes));
            assertEquals(2, outcomes.ended());
            assertEquals(Failure.Kind.FULL, outcomes.failures().get(0).kind());
            assertTrue(outcomes.failures().get(0).reason().contains("inflight.max.records = 3"));
        }
        Outcomes bytes = new Outcomes();
        try (NatsDatastore datastore =
                open(Map.of("url", nowhere, "inflight.max.bytes", "2500", "drain.timeout.ms", "0"))) {
            IntStream.range(0, 3).forEach(i -> datastore.produce(record(VIN, "V", new byte[1_000]), bytes));
            assertEquals(1, bytes.ended());
            assertTrue(bytes.failures().get(0).reason().contains("inflight.max.bytes = 2500"));
        }
    }

    @Test
    void a_record_that_is_not_confirmed_in_time_expires() throws Exception {
        Outcomes outcomes = new Outcomes();
        try (NatsDatastore datastore =
                open(Map.of("url", "nats://127.0.0.1:" + freePort(), "confirm.timeout.ms", "100"))) {
            datastore.produce(record("x"), outcomes);
            outcomes.awaitEnded(1);
            assertEquals(Failure.Kind.EXPIRED, outcomes.failures().get(0).kind());
            assertTrue(outcomes.failures().get(0).reason().contains("confirm.timeout.ms = 100"));
        }
    }

    @Test
    void closing_confirms_as_many_records_as_it_can_fails_the_rest_and_leaves_no_thread() throws Exception {
        Outcomes outcomes = new Outcomes();
        NatsDatastore live = open(Map.of("url", server.url(), "datastore", "closing"));
        IntStream.range(0, 1_000).forEach(i -> live.produce(record("" + i), outcomes));
        live.close();
        assertEquals(1_000, outcomes.confirmed().size());

        Outcomes stranded = new Outcomes();
        NatsDatastore dead = open(
                Map.of("url", "nats://127.0.0.1:" + freePort(), "datastore", "closing", "drain.timeout.ms", "100"));
        dead.produce(record("x"), stranded);
        dead.close();
        assertEquals(Failure.Kind.CLOSED, stranded.failures().get(0).kind());
        dead.produce(record("y"), stranded);
        assertEquals(Failure.Kind.CLOSED, stranded.failures().get(1).kind());
        dead.close();

        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("nats-closing")));
    }

    @Test
    void a_receipt_that_throws_stops_nothing() {
        Outcomes outcomes = new Outcomes();
        Receipt throwing = new Receipt() {
            @Override
            public boolean confirmed(TelemetryRecord record) {
                throw new IllegalStateException("thrown on purpose");
            }

            @Override
            public void failed(TelemetryRecord record, Failure why) {
                throw new IllegalStateException("thrown on purpose");
            }
        };
        try (NatsDatastore datastore = connected()) {
            datastore.produce(record("x"), throwing);
            datastore.produce(record("no token", "V", new byte[0]), throwing);
            datastore.produce(record("y"), outcomes);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"nats://no-such-host.invalid:4222", "nats://127.0.0.1:1"})
    void a_server_that_cannot_be_reached_is_named_with_the_reason_and_closing_does_not_wait_for_it(String url) {
        NatsDatastore datastore = open(Map.of("url", url));
        await().atMost(SOON)
                .until(() -> datastore.status().summary().contains(url)
                        && !datastore.status().summary().endsWith(": "));
        long before = System.nanoTime();
        datastore.close();
        assertTrue(System.nanoTime() - before < Duration.ofSeconds(5).toNanos());
    }

    @Test
    void it_is_found_by_service_loader_and_takes_the_keys_of_the_cfg_file() {
        ProducerFactory factory = ServiceLoader.load(ProducerFactory.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(f -> f.datastore().equals("nats"))
                .findFirst()
                .orElseThrow();
        Map<String, String> settings = new HashMap<>(Map.of("url", server.url(), "namespace", "loaded"));
        Outcomes outcomes = new Outcomes();
        try (CloseableProducer producer = factory.open(settings)) {
            producer.produce(record("x"), outcomes);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            assertEquals("loaded." + VIN + ".data", producer.destination(record("x")));
        }
    }

    @Test
    void a_record_allocates_nothing_on_its_way() {
        TelemetryRecord record = record(VIN, "V", new byte[300]);
        AtomicLong confirmed = new AtomicLong();
        Receipt receipt = new Receipt() {
            @Override
            public boolean confirmed(TelemetryRecord ended) {
                confirmed.incrementAndGet();
                return true;
            }

            @Override
            public void failed(TelemetryRecord ended, Failure why) {
                throw new AssertionError(why);
            }
        };
        try (NatsDatastore datastore = open(Map.of("url", server.url(), "datastore", "frugal"))) {
            int burst = 10_000;
            long[] before = {};
            int bursts = 0;
            long offering = Long.MAX_VALUE;
            for (int round = 0; round < 30; round++) {
                if (round == 10) { // until then the journal gets its blocks
                    before = allocated("frugal");
                    bursts = 0;
                }
                long mine = ALLOCATION.getThreadAllocatedBytes(
                        Thread.currentThread().getId());
                for (int i = 0; i < burst; i++) {
                    datastore.produce(record, receipt);
                }
                offering = ALLOCATION.getThreadAllocatedBytes(
                                Thread.currentThread().getId())
                        - mine;
                bursts++;
                long enough = (round + 1L) * burst;
                await().atMost(SOON).pollInterval(Duration.ofMillis(1)).until(() -> confirmed.get() >= enough);
            }
            assertTrue(offering < burst, offering + " B by the offering thread in the last burst");
            long[] after = allocated("frugal");
            assertEquals(2, after.length);
            for (int thread = 0; thread < after.length; thread++) {
                double each = (double) (after[thread] - before[thread]) / bursts / burst;
                assertTrue(each < 8, each + " B a record by thread " + thread); // a barrier is not for nothing
            }
        }
    }

    /** Bytes that confirmer and writer of this datastore have allocated. */
    private static long[] allocated(String datastore) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().matches("nats-" + datastore + "-(write|confirm)"))
                .sorted(Comparator.comparing(Thread::getName))
                .mapToLong(thread -> ALLOCATION.getThreadAllocatedBytes(thread.getId()))
                .toArray();
    }
}
