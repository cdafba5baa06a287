package io.fleettelemetry.features;

import static java.util.stream.Collectors.toCollection;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.ServerMonitor;
import io.fleettelemetry.testkit.ServerMonitor.Client;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What changes of configuration do to running bundles. Every key of the NATS datastore has its case in ReconfigureTest, where
 * that is quicker; every key of the host has its case here.
 */
class ReconfigureIT extends RunningKaraf {

    private static final Duration OFTEN = Duration.ofMillis(20);
    private static final String SECOND = "datastore=second ";

    private static ServerMonitor monitor;
    /** Lets in user u with password p. */
    private static NatsServer strict;

    @BeforeAll
    static void start() {
        monitor = new ServerMonitor();
        strict = NatsServer.start(monitor.configuration(), "authorization { users: [ { user: u, password: p } ] }");
    }

    @AfterAll
    static void stop() {
        strict.close();
    }

    private static void writeSecond(String... lines) {
        karaf.writeConfig(
                SECOND_CFG,
                "namespace = second\nusername = u\nreconnect.wait.ms = 20\n" + String.join("\n", lines) + "\n");
    }

    private static void awaitSecond(String state) {
        await().atMost(SOON)
                .until(() -> datastore("second").get("state").getAsString().equals(state));
    }

    private static long count(String text, String regex) {
        return Pattern.compile(regex).matcher(text).results().count();
    }

    /** Waits until the log has it, behind this offset; returns all that is behind it. */
    private static String awaitLog(int from, String regex) {
        return await(regex)
                .pollInterval(OFTEN)
                .atMost(SOON)
                .until(() -> karaf.log().substring(from), log -> count(log, regex) > 0);
    }

    // ---- Nothing new -----------------------------------------------------------------------------------------------

    @Test
    void settings_that_say_the_same_once_more_do_nothing() {
        String good = "url = " + strict.url() + "\n.password = p\ndatastore = second";
        writeSecond(good);
        awaitSecond("OK");
        long connections = monitor.clients().size();
        int logged = karaf.log().length();
        // Other words: so FileInstall has Config Admin deliver them.
        writeSecond(good, "inflight.max.records = 262144");
        awaitLog(logged, "Updating configuration \\{io\\.fleettelemetry\\.datastore\\.nats~second\\}");
        // And once more something new: when that is in force, the other has long been delivered.
        writeSecond(good, "name = new");
        String log = awaitLog(logged, "nats_switched " + SECOND);
        assertEquals(1, count(log, "nats_registered " + SECOND));
        assertEquals(connections + 1, monitor.clients().size());

        logged = karaf.log().length();
        writeHost("records.V = nats", "reliable_ack_sources.V = nats", "hold.max.ms = 10000");
        awaitLog(logged, "Updating configuration \\{io\\.fleettelemetry\\.host\\}");
        writeHost("records.V = nats", "reliable_ack_sources.V = nats", "hold.max.ms = 10001");
        log = awaitLog(logged, "host_configured ");
        assertEquals(1, count(log, "host_configured "));
        assertEquals(1, count(log, "Updating configuration \\{io\\.fleettelemetry\\.host\\}") - 1);
    }

    @Test
    void a_mistyped_key_is_said_once_although_nothing_else_has_changed() {
        int logged = karaf.log().length();
        writeNats(server.url() + "\ninflight.max.record = 1");
        writeHost("records.V = nats", "reliable_ack_sources.V = nats", "hold.max.byte = 1");
        awaitLog(logged, "nats_unknown_setting datastore=nats key=inflight\\.max\\.record ");
        awaitLog(logged, "host_unknown_setting key=hold\\.max\\.byte ");
        writeNats(server.url() + "\ninflight.max.record = 1\ninflight.max.records = 7");
        writeHost("records.V = nats", "reliable_ack_sources.V = nats", "hold.max.byte = 1", "hold.max.ms = 7");
        awaitLog(logged, "nats_registered datastore=nats ");
        String log = awaitLog(logged, "host_configured ");
        assertEquals(2, count(log, "_unknown_setting "), log);
    }

    // ---- What cannot work ------------------------------------------------------------------------------------------

    @Test
    void settings_that_cannot_work_leave_the_old_connection_in_use_and_are_shown_until_they_are_corrected() {
        writeHost("records.V = second");
        String[] good = {"url = " + strict.url(), ".password = p", "datastore = second"};
        writeSecond(good);
        awaitSecond("OK");
        Client working = openAt(strict);
        String[][] wrongs = {
            {"url = nats://127.0.0.1:" + FreePort.next(), ".password = p", "datastore = second"},
            {"url = " + strict.url(), ".password = wrong", "datastore = second"},
            {"url = " + strict.url(), ".password = p", "datastore = second", "inflight.max.records = many"}
        };
        String[] reasons = {"Connection refused", "Authorization Violation", "inflight\\.max\\.records = many"};
        for (int i = 0; i < wrongs.length; i++) {
            int logged = karaf.log().length();
            long turnedAway = turnedAway();
            writeSecond(wrongs[i]);
            String reason = reasons[i];
            await(reason)
                    .atMost(SOON)
                    .until(() -> count(datastore("second").get("summary").getAsString(), reason) == 1);
            if (i == 1) { // the server tells how often it was tried
                await().atMost(SOON).until(() -> turnedAway() > turnedAway + 2);
            }
            assertEquals("WARN", datastore("second").get("state").getAsString());
            assertEquals("confirmed", send("X").get("outcome").getAsString());
            String log = karaf.log().substring(logged);
            assertEquals(1, count(log, "\\| nats_\\w+ .*" + reason), log);
            assertEquals(working.id(), openAt(strict).id());

            writeSecond(good);
            awaitSecond("OK");
            assertEquals("confirmed", send("X").get("outcome").getAsString());
            assertEquals(working.id(), openAt(strict).id());
            assertFalse(karaf.log().substring(logged).contains("nats_switched"));
        }
    }

    @Test
    void a_metrics_port_that_is_taken_leaves_the_endpoint_where_it_was_is_said_once_and_had_when_it_is_free()
            throws Exception {
        int logged = karaf.log().length();
        int metrics;
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            writeOver("prometheus_metrics_port = " + taken.getLocalPort());
            await().atMost(SOON).until(() -> status().get("problems").toString().contains("Address already in use"));
            String log = awaitLog(logged, "metrics_endpoint_error ");
            String problem = status().getAsJsonArray("problems").get(0).getAsString();
            assertTrue(problem.startsWith("prometheus_metrics_port = " + taken.getLocalPort() + " at "), problem);
            assertEquals(
                    "127.0.0.1:" + metricsPort, status().get("metrics_address").getAsString());
            Metrics.read(metricsPort);
            // It is tried every two seconds.
            await().during(Duration.ofSeconds(3)).atMost(SOON).until(() -> Metrics.read(metricsPort) != null);
            assertEquals(1, count(karaf.log().substring(logged), "metrics_endpoint_error "), log);
            metrics = taken.getLocalPort();
        }
        // A route to an absent datastore is a route, and stays.
        await().atMost(SOON).until(() -> !status().get("problems").toString().contains("prometheus_metrics_port"));
        Metrics.read(metrics);
        assertThrows(ConnectException.class, () -> Metrics.read(metricsPort));
    }

    private static long turnedAway() {
        return count(strict.log(), "authentication error");
    }

    private static Client openAt(NatsServer server) {
        List<Client> open = monitor.clients().stream().filter(Client::isOpen).toList();
        assertEquals(1, open.size(), server.url() + ": " + open);
        return open.get(0);
    }

    @Test
    void a_new_name_is_used_when_its_server_is_there_and_not_for_the_old_one() {
        writeHost("records.V = second");
        writeSecond("url = " + strict.url(), ".password = p", "datastore = second");
        awaitSecond("OK");
        writeSecond("url = nats://127.0.0.1:" + FreePort.next(), ".password = p", "datastore = renamed");
        await().atMost(SOON)
                .until(() -> datastore("second").get("summary").getAsString().contains("Connection refused"));
        assertEquals("confirmed", send("X").get("outcome").getAsString());
        assertFalse(status().toString().contains("\"renamed\""));

        writeSecond("url = " + strict.url(), ".password = p", "datastore = renamed");
        assertEquals("OK", datastore("renamed").get("state").getAsString());
        await().atMost(SOON).until(() -> !datastore("second").get("present").getAsBoolean());
    }

    // ---- Under load ------------------------------------------------------------------------------------------------

    @Test
    void fifty_changes_of_server_under_load_lose_nothing_and_make_no_connection_but_those_fifty() throws Exception {
        ServerMonitor atA = new ServerMonitor();
        ServerMonitor atB = new ServerMonitor();
        try (NatsServer a = NatsServer.start(atA.configuration());
                NatsServer b = NatsServer.start(atB.configuration());
                FleetArrivals toA = FleetArrivals.at(a.url(), "tesla_telemetry");
                FleetArrivals toB = FleetArrivals.at(b.url(), "tesla_telemetry")) {
            writeNats(a.url());
            await().atMost(SOON).until(() -> isAt(a));
            // Beside it is one whose new server cannot be reached, for as long as this takes, which is said once.
            writeSecond("url = " + strict.url(), ".password = p", "datastore = second");
            awaitSecond("OK");
            List<String> threads = natsThreads();
            int logged = karaf.log().length();
            writeSecond("url = nats://127.0.0.1:" + FreePort.next(), ".password = p", "datastore = second");
            awaitLog(logged, "nats_connect_failed datastore=second ");
            long begin = System.nanoTime();
            FleetLoad load = new FleetLoad(karaf, 500);
            try (load) {
                await().atMost(SOON).until(() -> toA.messages() > 0);
                for (int i = 1; i <= 50; i++) {
                    writeNats(i % 2 == 0 ? a.url() : b.url());
                    int switched = i;
                    await("change " + i)
                            .pollInterval(OFTEN)
                            .atMost(SOON)
                            .until(() -> count(karaf.log().substring(logged), "nats_switched ") == switched);
                }
            }
            await("longer than the log holds back")
                    .atMost(SOON)
                    .until(() ->
                            System.nanoTime() - begin > Duration.ofSeconds(11).toNanos());
            assertEquals(1, count(karaf.log().substring(logged), "nats_connect_failed datastore=second "));
            toA.awaitAll().assertOrderly("at A");
            toB.awaitAll().assertOrderly("at B");
            Set<Long> arrived = new HashSet<>(toA.numbers());
            arrived.addAll(toB.numbers());
            assertEquals(load.offered(), arrived.size());
            assertTrue(toA.messages() > 1_000 && toB.messages() > 1_000, "both got their part");
            assertEquals(1 + 25, ours(atA).count(), "connections at A");
            assertEquals(25, ours(atB).count(), "connections at B");
            assertEquals(
                    0,
                    count(karaf.log().substring(logged), "nats_(disconnected|reconnected|err|error) datastore=nats "));
            writeSecond("url = " + strict.url(), ".password = p", "datastore = second"); // attempts have threads, too
            awaitSecond("OK");
            await("the same threads").atMost(SOON).untilAsserted(() -> assertEquals(threads, natsThreads()));
            writeDefaults();
            await().atMost(SOON).until(() -> isAt(server));
        }
    }

    private static boolean isAt(NatsServer server) {
        JsonObject nats = datastore("nats");
        return nats.get("state").getAsString().equals("OK")
                && nats.getAsJsonObject("details").get("url").getAsString().equals(server.url());
    }

    private static Stream<Client> ours(ServerMonitor at) {
        return at.clients().stream().filter(client -> client.name().equals("fleet-telemetry"));
    }

    /**
     * The names of the threads of all NATS datastores, and the first of each connection of jnats: it makes some of the others
     * a while later.
     */
    private static List<String> natsThreads() {
        return karaf.threads()
                .lines()
                .filter(line -> line.matches("\"(nats|fleet-telemetry:1\").*"))
                .map(line -> line.substring(1, line.indexOf('"', 1)).replaceAll("\\d+", "N"))
                .sorted()
                .toList();
    }

    // ---- Every key of the host -------------------------------------------------------------------------------------

    /** Until it does not throw, and no longer than a moment. */
    private interface Proof {
        void check() throws Exception;
    }

    /** Lines for the host's file, and how one sees that they are in force. */
    private record Change(String lines, Proof proof) {}

    /** A key of the host's Metatype that has no case here fails the test: add it. */
    private static Map<String, Change> cases() {
        Map<String, Change> cases = new TreeMap<>();
        for (String type : List.of("V", "alerts", "errors", "connectivity")) {
            cases.put(
                    "records." + type,
                    new Change("records." + type + " = logger", () -> assertEquals("log", answer(type, "subject"))));
        }
        for (String type : List.of("V", "alerts", "errors")) {
            cases.put(
                    "reliable_ack_sources." + type,
                    new Change(
                            "reliable_ack_sources." + type + " = nats",
                            () -> assertEquals("true", answer(type, "reliable_ack"))));
        }
        int port = FreePort.next();
        cases.put("prometheus_metrics_port", new Change("prometheus_metrics_port = " + port, () -> {
            Metrics.read(port);
            assertThrows(ConnectException.class, () -> Metrics.read(metricsPort));
        }));
        cases.put("prometheus_metrics_host", new Change("prometheus_metrics_host = 127.0.0.2", () -> {
            assertEquals(
                    "127.0.0.2:" + metricsPort, status().get("metrics_address").getAsString());
            Metrics.read("127.0.0.2:" + metricsPort);
            assertThrows(ConnectException.class, () -> Metrics.read(metricsPort));
        }));
        cases.put(
                "hold.max.ms",
                new Change(
                        "hold.max.ms = 123",
                        () -> assertTrue(answer("probe", "reason").startsWith("held for hold.max.ms = 123 "))));
        cases.put(
                "hold.max.bytes",
                new Change("hold.max.bytes = 99\nhold.max.ms = 2000", () -> assertFull("max.bytes = 99 ")));
        cases.put(
                "dispatch.wait.ms",
                new Change(
                        "dispatch.wait.ms = 45\nhold.max.bytes = 99\nhold.max.ms = 2000",
                        () -> assertFull("dispatch.wait.ms = 45")));
        return cases;
    }

    private static String answer(String type, String member) {
        JsonObject answer = json("telemetry:send --type " + type + " --vin X --hex 0a00");
        return answer.has(member) ? answer.get(member).getAsString() : "";
    }

    /** The first record fits whatever its size, and is held; the second finds no room. */
    private static void assertFull(String reason) {
        CompletableFuture<String> held = CompletableFuture.supplyAsync(() -> answer("probe", "reason"));
        await().atMost(SOON).until(() -> datastore("nobody").get("held_records").getAsInt() == 1);
        String answer = answer("probe", "reason");
        held.join();
        assertTrue(answer.contains(reason), answer);
    }

    @Test
    void every_key_of_the_host_changes_under_load_and_nothing_is_lost() {
        Set<String> keys = Kar.texts("OSGI-INF/metatype/").stream()
                .filter(xml -> xml.contains("pid=\"io.fleettelemetry.host\""))
                .flatMap(xml ->
                        Pattern.compile("<AD id=\"([^\"]+)\"").matcher(xml).results())
                .map(found -> found.group(1))
                .collect(toCollection(TreeSet::new));
        Map<String, Change> cases = cases();
        assertEquals(keys, cases.keySet());
        try (FleetLoad load = new FleetLoad(karaf, 100)) {
            cases.forEach((key, change) -> {
                int logged = karaf.log().length();
                writeOver(change.lines());
                awaitLog(logged, "host_configured ");
                await(key).atMost(SOON).ignoreExceptions().untilAsserted(change.proof()::check);
            });
        }
    }

    /** Puts lines over those that all cases begin with. */
    private static void writeOver(String lines) {
        Map<String, String> all = new TreeMap<>(Map.of(
                "records.V", "nats",
                "records.alerts", "nats",
                "records.errors", "nats",
                "records.connectivity", "nats",
                "records.probe", "nobody",
                "prometheus_metrics_port", "" + metricsPort));
        lines.lines().map(line -> line.split(" = ")).forEach(pair -> all.put(pair[0], pair[1]));
        StringBuilder text = new StringBuilder();
        all.forEach((key, value) -> text.append(key).append(" = ").append(value).append('\n'));
        karaf.writeConfig(HOST_CFG, text.toString());
    }
}
