package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a real server denies is never confirmed, whatever the server calls it. */
@Tag("every-server")
@Tag("newest-server")
class DeniedTest {

    private static final Duration SOON = Duration.ofSeconds(60);

    private final Outcomes outcomes = new Outcomes();
    private final TestClock clock = new TestClock();

    /** A server on which {@code fleet} has these permissions, and {@code tap} hears everything. */
    private static NatsServer server(String permissions, String... more) {
        String[] config = new String[more.length + 1];
        System.arraycopy(more, 0, config, 1, more.length);
        config[0] = "authorization { users = [ { user: tap, password: p }, { user: fleet, password: p, permissions: { "
                + permissions + " } } ] }";
        return NatsServer.start(config);
    }

    private static Map<String, String> settings(NatsServer server, String... more) {
        Map<String, String> settings =
                new HashMap<>(Map.of("url", server.url(), "username", "fleet", ".password", "p"));
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return settings;
    }

    private static TelemetryRecord record(String vin, String type, int number) {
        return TelemetryRecord.of(vin, type, "" + number, ("" + number).getBytes(UTF_8), Map.of());
    }

    /** The numbers of the records that arrive, as the server delivers them. */
    private static Set<String> arrivals(Connection tap) throws Exception {
        Set<String> arrived = ConcurrentHashMap.newKeySet();
        tap.createDispatcher(message -> arrived.add(new String(message.getData(), UTF_8)))
                .subscribe(">");
        tap.flush(SOON);
        return arrived;
    }

    private static Connection tap(NatsServer server) throws Exception {
        return Nats.connect(server.url().replace("//", "//tap:p@"));
    }

    private void awaitEnded(int count) {
        await().atMost(SOON).until(() -> outcomes.ended() >= count);
        assertEquals(count, outcomes.ended());
    }

    private void assertAllDenied(int count, String words) {
        awaitEnded(count);
        assertEquals(List.of(), outcomes.confirmed());
        outcomes.failures().forEach(failure -> {
            assertEquals(Failure.Kind.DENIED, failure.kind());
            assertTrue(failure.reason().contains(words), failure.reason());
        });
    }

    @Test
    void a_record_denied_under_its_mapped_subject_is_not_confirmed() throws Exception {
        try (NatsServer server =
                        server("publish: \"tesla_telemetry.>\"", "mappings { \"tesla_telemetry.*.*\": \"eu.$1.$2\" }");
                NatsDatastore datastore = NatsDatastoreTest.open(settings(server))) {
            for (int i = 0; i < 100; i++) {
                datastore.produce(record("VIN" + i % 10, "V", i), outcomes);
            }
            assertAllDenied(100, "Permissions Violation for Publish to \"eu.VIN");
            Status status = datastore.status();
            assertEquals(Status.State.WARN, status.state());
            assertTrue(status.summary().contains("Permissions Violation for Publish to \"eu.VIN"), status.summary());
            assertEquals("0", status.details().get("reconnects"));
        }
    }

    /** Core: one vehicle of many, under load. */
    @Test
    void one_vehicle_that_is_denied_under_another_name_is_found_and_the_others_go_on() throws Exception {
        int count = 30_000;
        try (NatsServer server = server(
                        "publish: \"tesla_telemetry.>\"",
                        "mappings { \"tesla_telemetry.DENIED.data\": \"eu.DENIED\" }");
                Connection tap = tap(server);
                NatsDatastore datastore = NatsDatastoreTest.open(settings(server))) {
            Set<String> arrived = arrivals(tap);
            Set<String> denied = new HashSet<>();
            for (int i = 0; i < count; i++) {
                boolean bad = i % 50 == 7;
                if (bad) {
                    denied.add("" + i);
                }
                datastore.produce(record(bad ? "DENIED" : "VIN" + i % 50, "V", i), outcomes);
            }
            awaitEnded(count);
            assertEquals(denied, ids(outcomes.failed()));
            assertEquals(count - denied.size(), outcomes.confirmed().size());
            await().atMost(SOON).until(() -> arrived.containsAll(ids(outcomes.confirmed())));
            assertTrue(arrived.stream().noneMatch(denied::contains));
        }
    }

    /** Of which the server is asked once. So what was on its way then is sent twice, and nothing else. */
    @ParameterizedTest
    @ValueSource(strings = {"nats", "ws"})
    void a_server_that_has_refused_a_record_is_asked_to_answer_each_and_nothing_is_sent_a_third_time(String scheme)
            throws Exception {
        int count = 20_000;
        int port = FreePort.next();
        try (NatsServer server = server(
                        "publish: { deny: \"tesla_telemetry.DENIED.data\" }",
                        "websocket { listen: \"127.0.0.1:" + port + "\", no_tls: true }");
                Connection tap = tap(server);
                NatsDatastore datastore = NatsDatastoreTest.open(
                        settings(server, "url", scheme.equals("ws") ? "ws://127.0.0.1:" + port : server.url()))) {
            Map<String, Integer> arrived = new ConcurrentHashMap<>();
            tap.createDispatcher(message -> arrived.merge(new String(message.getData(), UTF_8), 1, Integer::sum))
                    .subscribe(">");
            tap.flush(SOON);
            for (int i = 0; i < count; i++) {
                datastore.produce(record(i % 7 == 3 ? "DENIED" : "VIN" + i % 50, "V", i), outcomes);
            }
            awaitEnded(count);
            int denied = IntStream.range(0, count).map(i -> i % 7 == 3 ? 1 : 0).sum();
            assertEquals(denied, outcomes.failed().size());
            assertTrue(
                    outcomes.failed().stream().allMatch(record -> record.vin().equals("DENIED")));
            await().atMost(SOON).until(() -> arrived.size() == count - denied);
            assertEquals(
                    Set.of(),
                    Set.copyOf(
                            arrived.values().stream().filter(times -> times > 2).toList()));
            assertEquals("0", datastore.status().details().get("reconnects"));
        }
    }

    private static Set<String> ids(List<TelemetryRecord> records) {
        Set<String> ids = new HashSet<>();
        records.forEach(record -> ids.add(record.txid()));
        return ids;
    }

    /** Links that break while refusals are on their way, or are being looked for, and in the end a close. */
    @Test
    void a_record_denied_while_links_break_is_not_confirmed() throws Exception {
        int rounds = 20;
        try (NatsServer server = server(
                        "publish: \"tesla_telemetry.>\"",
                        "mappings { \"tesla_telemetry.DENIED.*\": \"eu.DENIED.$1\" }");
                Connection tap = tap(server);
                Link link = Link.to(server.port())) {
            Set<String> arrived = arrivals(tap);
            int offered = 0;
            try (NatsDatastore datastore = NatsDatastoreTest.open(
                    settings(server, "url", link.url(), "reconnect.wait.ms", "10", "drain.timeout.ms", "1000"))) {
                for (int round = 0; round < rounds; round++) {
                    int before = outcomes.ended();
                    for (int i = 0; i < 500; i++) {
                        String vin = i % 10 == 7 ? "DENIED" : "VIN" + i % 10;
                        datastore.produce(record(vin, i % 3 == 0 ? "alerts" : "V", offered++), outcomes);
                    }
                    if (round % 2 == 0) {
                        await().atMost(SOON).until(() -> outcomes.ended() > before);
                    }
                    if (round < rounds - 1) {
                        link.cut(round % 4 < 2 ? Link.Cut.RST : Link.Cut.FIN);
                    }
                }
            }
            assertEquals(offered, outcomes.ended());
            outcomes.confirmed().forEach(record -> assertFalse(record.vin().equals("DENIED")));
            assertEquals(
                    offered,
                    ids(outcomes.confirmed()).size() + ids(outcomes.failed()).size(),
                    "each once");
            await().atMost(SOON).until(() -> arrived.containsAll(ids(outcomes.confirmed())));
        }
    }

    @Test
    void the_record_mapped_to_another_records_subject_is_the_one_that_is_denied() throws Exception {
        try (NatsServer server = server(
                        "publish: { allow: \">\", deny: \"tesla_telemetry.*.errors\" }",
                        "mappings { \"tesla_telemetry.*.alerts\": \"tesla_telemetry.$1.errors\","
                                + " \"tesla_telemetry.*.errors\": \"archive.$1\" }");
                NatsDatastore datastore = NatsDatastoreTest.open(settings(server))) {
            for (int i = 0; i < 1_000; i++) {
                datastore.produce(record("VIN" + i / 2 % 7, i % 2 == 0 ? "alerts" : "errors", i), outcomes);
            }
            awaitEnded(1_000);
            assertEquals(500, outcomes.confirmed().size());
            outcomes.confirmed().forEach(record -> assertEquals("errors", record.type()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"core", "jetstream"})
    void a_denied_subject_that_the_server_quotes_is_not_confirmed(String delivery) throws Exception {
        List<String> vins = List.of("O'HARA", "A\"B", "A\\B", "A'\"\\'", "VIN");
        String[] more = delivery.equals("core") ? new String[0] : new String[] {"jetstream { store_dir: $DIR }"};
        try (NatsServer server = server("publish: \"$JS.API.>\"", more);
                NatsDatastore datastore = NatsDatastoreTest.open(settings(
                        server,
                        "delivery",
                        delivery,
                        "stream",
                        "S",
                        "stream.setup",
                        "create",
                        "heartbeat.ms",
                        "100"))) {
            for (int i = 0; i < 50; i++) {
                datastore.produce(record(vins.get(i % 5), "V", i), outcomes);
            }
            assertAllDenied(50, "Permissions Violation for Publish to");
        }
    }

    @Test
    void quoted_subjects_fail_alone() throws Exception {
        try (NatsServer server = server("publish: { allow: \">\", deny: [\"*.O'HARA.>\", '*.A\\B.>'] }");
                NatsDatastore datastore = NatsDatastoreTest.open(settings(server))) {
            List<String> vins = List.of("O'HARA", "A\\B", "VIN");
            for (int i = 0; i < 300; i++) {
                datastore.produce(record(vins.get(i % 3), "V", i), outcomes);
            }
            awaitEnded(300);
            assertEquals(100, outcomes.confirmed().size());
            outcomes.confirmed().forEach(record -> assertEquals("VIN", record.vin()));
        }
    }

    /** The journal changes over as soon as the last barrier has passed, while that is still being judged. */
    @Test
    void a_record_denied_while_the_namespace_changes_is_not_confirmed() throws Exception {
        try (NatsServer server = server("publish: { deny: \">\" }");
                NatsDatastore datastore = NatsDatastoreTest.open(settings(server))) {
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
            int offered = 0;
            for (int round = 0; round < 12; round++) {
                for (int i = 0; i < 2_000; i++) {
                    datastore.produce(record("VIN" + i % 20, "V", offered++), outcomes);
                    if (i == 1_000) {
                        datastore.configure(NatsSettings.parse(settings(server, "namespace", "n" + round % 2)));
                    }
                }
            }
            assertAllDenied(offered, "Permissions Violation for Publish to");
        }
    }

    /** There is no answer to a denied frame, and the error does not say which record it was. */
    @Test
    void in_jetstream_a_record_denied_under_another_name_expires_with_the_servers_words() throws Exception {
        try (NatsServer server = server(
                        "publish: { allow: \">\", deny: \"eu.>\" }",
                        "jetstream { store_dir: $DIR }",
                        "mappings { \"tesla_telemetry.DENIED.*\": \"eu.DENIED.$1\" }");
                NatsDatastore datastore = NatsDatastoreTest.open(settings(
                        server,
                        "delivery",
                        "jetstream",
                        "stream",
                        "S",
                        "stream.setup",
                        "create",
                        "confirm.timeout.ms",
                        "3000"))) {
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
            datastore.produce(record("DENIED", "V", 1), outcomes);
            datastore.produce(record("VIN", "V", 2), outcomes);
            awaitEnded(2);
            assertEquals(Set.of("2"), ids(outcomes.confirmed()));
            Failure failure = outcomes.failures().get(0);
            assertEquals(Failure.Kind.EXPIRED, failure.kind());
            assertTrue(
                    failure.reason().contains("Permissions Violation for Publish to \"eu.DENIED.data\""),
                    failure.reason());
        }
    }

    @Test
    void after_denied_records_have_ended_the_status_is_ok_again() throws Exception {
        try (NatsServer server = server("publish: { allow: \">\", deny: \"*.DENIED.>\" }");
                NatsDatastore datastore = NatsDatastoreTest.open(settings(server), clock)) {
            datastore.produce(record("DENIED", "V", 1), outcomes);
            awaitEnded(1);
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.WARN);
            clock.pass(Duration.ofSeconds(5)); // for 10 s the status says that records were refused
            assertEquals(Status.State.WARN, datastore.status().state());
            clock.pass(Duration.ofSeconds(5));
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
            datastore.produce(record("VIN", "V", 2), outcomes);
            awaitEnded(2);
            assertFalse(outcomes.confirmed().isEmpty());
        }
    }

    /** The server calls A by B's name; and B is stored, elsewhere. That C is called as we do says nothing of B. */
    @Test
    void the_record_mapped_to_another_vehicles_subject_is_the_one_that_is_denied() {
        try (NatsServer server = NatsServer.start(
                        "mappings: { \"ns.A.data\": \"ns.B.data\", \"ns.B.data\": \"ns.Z.data\" }",
                        "authorization { users = [ { user: u, password: p, permissions: { publish: {"
                                + " allow: \"ns.>\", deny: [\"ns.B.data\", \"ns.C.data\"] } } } ] }");
                NatsDatastore datastore = NatsDatastoreTest.open(
                        Map.of("url", server.url().replace("://", "://u:p@"), "namespace", "ns"))) {
            Outcomes outcomes = new Outcomes();
            datastore.produce(Records.record("C", "V", new byte[10]), outcomes);
            outcomes.awaitEnded(1);
            for (int i = 0; i < 2_000; i++) {
                String vin = i == 1_500 ? "A" : i == 1_600 ? "B" : "D";
                datastore.produce(Records.record(vin, "V", new byte[10]), outcomes);
            }
            outcomes.awaitEnded(2_001);
            assertEquals(
                    List.of("C", "A"),
                    outcomes.failed().stream().map(TelemetryRecord::vin).toList());
        }
    }

    /** The same subject is refused sometimes: half of what each vehicle sends goes where it may not. */
    @Test
    void a_record_mapped_by_weights_is_confirmed_only_if_it_has_arrived() throws Exception {
        assertConfirmedHasArrived(
                "publish: { allow: \">\", deny: \"us.>\" }",
                "mappings { \"tesla_telemetry.*.*\": [ { destination: \"eu.$1.$2\", weight: 50% },"
                        + " { destination: \"us.$1.$2\", weight: 50% } ] }");
    }

    /** And goes by the name of a vehicle which is there, too, and is refused by its own name sometimes. */
    @Test
    void a_record_mapped_by_weights_to_another_vehicles_subject_is_confirmed_only_if_it_has_arrived() throws Exception {
        assertConfirmedHasArrived(
                "publish: { allow: \">\", deny: \"tesla_telemetry.A.>\" }", mappingEach("tesla_telemetry.A.data"));
    }

    /** Nor does one name for all hide which it is about. */
    @Test
    void a_record_mapped_by_weights_to_one_subject_for_all_is_confirmed_only_if_it_has_arrived() throws Exception {
        assertConfirmedHasArrived("publish: { allow: \">\", deny: \"part.>\" }", mappingEach("part.data"));
    }

    private static String mappingEach(String other) {
        return Stream.of("A", "B0", "B1", "B2", "B3", "B4")
                .map(vin -> "\"tesla_telemetry." + vin + ".data\": [ { destination: \"eu." + vin
                        + "\", weight: 50% }, { destination: \"" + other + "\", weight: 50% } ]")
                .collect(Collectors.joining(", ", "mappings { ", " }"));
    }

    /** Many first encounters, each on a connection of its own, by twos, by threes, and at last under load. */
    private static void assertConfirmedHasArrived(String permissions, String mappings) throws Exception {
        try (NatsServer server = server(permissions, mappings);
                Connection tap = tap(server)) {
            Set<String> arrived = arrivals(tap);
            List<TelemetryRecord> confirmed = new ArrayList<>();
            int number = 0;
            for (int connection = 0; connection < 20; connection++) {
                Outcomes outcomes = new Outcomes();
                int offered = 0;
                try (NatsDatastore datastore = NatsDatastoreTest.open(settings(server))) {
                    await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
                    for (int round = 0; round < 30; round++) {
                        int some = round == 29 ? 500 : 2 + round % 2;
                        for (int i = 0; i < some; i++, offered++) {
                            datastore.produce(record(i == 0 ? "A" : "B" + i % 5, "V", number++), outcomes);
                        }
                        int all = offered;
                        await().pollInterval(Duration.ofMillis(1)).atMost(SOON).until(() -> outcomes.ended() == all);
                    }
                }
                confirmed.addAll(outcomes.confirmed());
            }
            assertTrue(confirmed.size() > number / 4, confirmed.size() + " of " + number);
            tap.flush(SOON);
            await().atMost(SOON)
                    .untilAsserted(() -> assertEquals(
                            List.of(),
                            confirmed.stream()
                                    .filter(record -> !arrived.contains(record.txid()))
                                    .toList()));
        }
    }
}
