package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.toCollection;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.connection.Tls;
import io.fleettelemetry.datastore.nats.osgi.NatsConfiguration;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.settings.OnClosed;
import io.fleettelemetry.datastore.nats.settings.TlsSettings;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.NatsOperator;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.ServerMonitor;
import io.fleettelemetry.testkit.ServerMonitor.Client;
import io.fleettelemetry.testkit.TestCa;
import io.fleettelemetry.testkit.TestCa.Identity;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import javax.net.ssl.SSLServerSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every key of a datastore is changed while records flow: it takes effect, no record is lost, and the new connection is up
 * before the old one ends.
 *
 * <p>A key that has no case here fails {@link #every_key_has_a_case}: add it to {@link #cases}, with the server that it
 * needs, the settings before and after, and the proof that the new value is in force.
 */
@Tag("every-server")
class ReconfigureTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    /** In ms: longer than any test waits, so that whatever happens is by the new value. */
    private static final String NEVER = "600000";

    /** What a case has in its hands when its new value should be in force. */
    private record Scene(NatsServer server, ServerMonitor monitor, NatsDatastore datastore) {

        /** Offers a record and waits until it has ended. */
        Outcomes offer(int count) {
            Outcomes outcomes = new Outcomes();
            for (int i = 0; i < count; i++) {
                datastore.produce(record(new byte[1_000]), outcomes);
            }
            return outcomes;
        }

        /** What the server's subscribers get of a record. */
        Message arriving() throws Exception {
            try (Connection connection = Nats.connect(server.url())) {
                Subscription all = connection.subscribe(">");
                connection.flush(SOON);
                offer(1).awaitEnded(1);
                return all.nextMessage(SOON);
            }
        }

        /** The server is gone, and the datastore knows it. */
        void killServer() {
            server.kill();
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.WARN);
        }

        Client lastClient() {
            List<Client> clients = monitor.clients();
            return clients.get(clients.size() - 1);
        }
    }

    private interface Proof {
        void check(Scene scene) throws Exception;
    }

    /**
     * One change.
     *
     * @param server its configuration
     * @param before beside the server's {@code url}, which either may replace
     * @param after the same
     * @param needsConnection whether the new value takes a new connection; if not, the one that is there is kept
     */
    private record Change(
            List<String> server,
            Map<String, String> before,
            Map<String, String> after,
            boolean needsConnection,
            Proof proof) {

        Change(List<String> server, Map<String, String> before, Map<String, String> after, Proof proof) {
            this(server, before, after, true, proof);
        }

        static Change of(String key, String before, String after, Proof proof) {
            return new Change(List.of(), Map.of(key, before), Map.of(key, after), proof);
        }

        /** From a server that asks for nothing to one that asks for this. */
        static Change to(String server, Map<String, String> after) {
            return new Change(
                    List.of(server),
                    Map.of("url", other.url()),
                    after,
                    scene -> assertTrue(scene.lastClient().isOpen()));
        }

        Change with(String key, String value) {
            return new Change(server, plus(before, key, value), plus(after, key, value), needsConnection, proof);
        }

        Change onTheSameConnection() {
            return new Change(server, before, after, false, proof);
        }

        Change at(String... configuration) {
            return new Change(List.of(configuration), before, after, needsConnection, proof);
        }
    }

    private static Map<String, String> plus(Map<String, String> settings, String key, String value) {
        Map<String, String> more = new HashMap<>(settings);
        more.put(key, value);
        return more;
    }

    @TempDir
    private static Path directory;

    private static final ServerMonitor otherMonitor = new ServerMonitor();
    private static NatsServer other;
    /** Of the cluster that a server of the case belongs to. */
    private static NatsServer member;

    private static SSLServerSocket handshakeFirst;
    private static Map<String, Change> cases;

    @BeforeAll
    static void start() throws Exception {
        other = NatsServer.start(otherMonitor.configuration());
        cases = cases();
    }

    @AfterAll
    static void stop() throws Exception {
        handshakeFirst.close();
        other.close();
        member.close();
    }

    private static Map<String, Change> cases() throws Exception {
        Map<String, Change> cases = new TreeMap<>();
        cases.put(
                "url",
                new Change(
                        List.of(),
                        Map.of(),
                        Map.of("url", other.url()),
                        scene -> assertEquals(
                                other.url(), scene.datastore.status().details().get("server"))));
        cases.put(
                "name",
                Change.of(
                        "name",
                        "before",
                        "after",
                        scene -> assertEquals("after", scene.lastClient().name())));
        cases.put(
                "namespace",
                Change.of(
                        "namespace",
                        "before",
                        "after",
                        scene -> assertEquals("after.VIN.data", scene.arriving().getSubject())));
        cases.put(
                "datastore",
                Change.of("datastore", "before", "after", scene -> assertEquals("after", scene.datastore.name())));
        // What a ranking does is tested with the service: SelectionIT.
        cases.put(
                "service.ranking",
                Change.of(
                        "service.ranking",
                        "1",
                        "2",
                        scene -> assertEquals(2, scene.datastore.settings().ranking())));

        Change user = new Change(
                List.of("authorization { users: [ { user: u, password: p }, { user: v, password: q } ] }"),
                Map.of("username", "u", ".password", "p"),
                Map.of("username", "v", ".password", "q"),
                scene -> assertEquals("v", scene.lastClient().user()));
        cases.put("username", user);
        cases.put(".password", user);
        cases.put(".token", Change.to("authorization { token: t }", Map.of(".token", "t")));
        NatsOperator operator = new NatsOperator();
        cases.put(
                "credentials.file",
                new Change(
                        List.of(operator.configuration()),
                        credentials(operator.writeCredentials(directory.resolve("before.creds"))),
                        credentials(operator.writeCredentials(directory.resolve("after.creds"))),
                        scene -> assertNotEquals(
                                scene.monitor.clients().get(0).user(),
                                scene.lastClient().user())));
        addTls(cases);

        cases.put(
                "inflight.max.bytes",
                Change.of("inflight.max.bytes", "1000000", "200000", scene -> assertFull(scene, "max.bytes = 200000")));
        cases.put(
                "inflight.max.records",
                Change.of("inflight.max.records", "1000", "200", scene -> assertFull(scene, "max.records = 200")));
        cases.put("confirm.timeout.ms", Change.of("confirm.timeout.ms", NEVER, "1000", scene -> {
            scene.killServer();
            Failure failure = scene.offer(1).awaitEnded(1).failures().get(0);
            assertEquals(Failure.Kind.EXPIRED, failure.kind());
            assertTrue(failure.reason().contains("confirm.timeout.ms = 1000"), failure.reason());
        }));
        cases.put("drain.timeout.ms", Change.of("drain.timeout.ms", NEVER, "100", scene -> {
            scene.killServer();
            Outcomes outcomes = scene.offer(1);
            scene.datastore.close(); // which would take ten minutes
            assertEquals(
                    Failure.Kind.CLOSED,
                    outcomes.awaitEnded(1).failures().get(0).kind());
        }));
        cases.put(
                "message.ids",
                Change.of(
                        "message.ids",
                        "false",
                        "true",
                        scene -> assertNotNull(scene.arriving().getHeaders().getFirst("Nats-Msg-Id"))));
        addJetStream(cases);
        // What it does is tested with the service: WithdrawIT, HaltIT.
        cases.put(
                "on.closed",
                Change.of(
                        "on.closed",
                        "withdraw",
                        "halt",
                        scene -> assertEquals(
                                OnClosed.HALT, scene.datastore.settings().onClosed())));
        cases.put(
                "heartbeat.ms",
                Change.of("heartbeat.ms", NEVER, "20", scene -> {
                            long before = pings(scene.server);
                            await().atMost(SOON).until(() -> pings(scene.server) > before + 10);
                        })
                        .at("trace: true"));
        cases.put(
                "silent.ms",
                Change.of("silent.ms", "100000", "1000", scene -> {
                            scene.server.pause();
                            await().atMost(SOON)
                                    .until(() -> scene.datastore.status().state() == Status.State.WARN);
                            scene.server.resume();
                        })
                        .with("heartbeat.ms", "100"));
        cases.put("reconnect.wait.ms", Change.of("reconnect.wait.ms", NEVER, "20", scene -> {
            scene.killServer();
            scene.server.restart();
            await().atMost(SOON).until(() -> scene.datastore.status().state() == Status.State.OK);
        }));
        cases.put("connect.timeout.ms", Change.of("connect.timeout.ms", NEVER, "200", scene -> {
            int port = scene.server.port();
            scene.killServer();
            try (ServerSocket silent = new ServerSocket(port, 50, InetAddress.getByName("127.0.0.1"))) {
                await().atMost(SOON)
                        .until(() -> scene.datastore
                                .status()
                                .summary()
                                .contains("no answer within connect.timeout.ms = 200"));
            }
            scene.server.restart();
        }));
        int route = FreePort.next();
        member = NatsServer.start("cluster { name: c, listen: \"127.0.0.1:" + route + "\" }");
        cases.put(
                "discover",
                new Change(
                        List.of("cluster { name: c, listen: \"127.0.0.1:-1\", routes: [\"nats://127.0.0.1:" + route
                                + "\"] }"),
                        Map.of("discover", "false"),
                        Map.of("discover", "true"),
                        scene -> await().atMost(SOON).until(() -> scene.datastore.discovered() == 1)));
        for (String key : Set.of(
                "service.ranking",
                "inflight.max.bytes",
                "inflight.max.records",
                "confirm.timeout.ms",
                "drain.timeout.ms",
                "heartbeat.ms",
                "silent.ms",
                "on.closed")) {
            cases.compute(key, (same, change) -> change.onTheSameConnection());
        }
        return cases;
    }

    private static Map<String, String> credentials(Path file) {
        return Map.of("credentials.file", file.toString());
    }

    private static void assertFull(Scene scene, String bound) {
        scene.killServer();
        Outcomes outcomes = scene.offer(300);
        await().atMost(SOON).until(() -> outcomes.ended() > 0);
        assertEquals(Failure.Kind.FULL, outcomes.failures().get(0).kind());
        assertTrue(outcomes.failures().get(0).reason().contains(bound));
        scene.server.restart();
        outcomes.awaitEnded(300);
    }

    private static long pings(NatsServer server) {
        return server.log().lines().filter(line -> line.contains("<<- [PING]")).count();
    }

    private static void addJetStream(Map<String, Change> cases) {
        String server = "jetstream { store_dir: $DIR, domain: hub }";
        Map<String, String> stored = Map.of("delivery", "jetstream", "stream", "S", "stream.setup", "create");
        cases.put("delivery", new Change(List.of(server), Map.of(), stored, scene -> {
            assertTrue(scene.datastore.status().details().get("streams").startsWith("S: "));
            assertEquals(1, scene.offer(1).awaitEnded(1).confirmed().size());
        }));
        cases.put(
                "stream",
                new Change(
                        List.of(server),
                        stored,
                        Map.of("delivery", "jetstream", "stream", "T"),
                        scene -> assertTrue(
                                scene.datastore.status().summary().contains("the stream T does not store"),
                                scene.datastore.status()::toString)));
        cases.put(
                "stream.setup",
                new Change(
                        List.of(server),
                        stored,
                        plus(stored, "stream.setup", "off"),
                        scene -> assertEquals(
                                "", scene.datastore.status().details().get("streams"))));
        cases.put(
                "js.domain",
                new Change(
                        List.of(server, "trace: true"),
                        stored,
                        plus(stored, "js.domain", "hub"),
                        scene -> await().atMost(SOON)
                                .until(() -> scene.server.log().contains("$JS.hub.API.STREAM.LIST"))));
        cases.put(
                "batch",
                new Change(
                        List.of(server),
                        stored,
                        plus(stored, "batch", "off"),
                        scene -> assertEquals(
                                "batch = off",
                                scene.datastore.status().details().get("why_no_batches"))));
        cases.put(
                "inbox.prefix",
                new Change(
                        List.of(server, "trace: true"),
                        stored,
                        plus(stored, "inbox.prefix", "ANSWERS"),
                        scene -> await().atMost(SOON)
                                .until(() -> scene.server.log().contains("[SUB ANSWERS."))));
    }

    private static void addTls(Map<String, Change> cases) throws Exception {
        TestCa ca = TestCa.create(directory, "ca");
        Identity localhost = ca.issue("localhost", "-ext", "san=dns:localhost");
        Identity client = ca.issue("client");
        String trusted = ca.certificate().toString();
        String tls = "tls { cert_file: \"" + localhost.certificate() + "\", key_file: \"" + localhost.key()
                + "\", ca_file: \"" + trusted + "\", timeout: 5, verify: ";
        cases.put("tls.ca.file", Change.to(tls + "false }", Map.of("url", "tls://localhost", "tls.ca.file", trusted)));
        Change certificate = Change.to(
                tls + "true }",
                Map.of(
                        "url",
                        "tls://localhost",
                        "tls.ca.file",
                        trusted,
                        "tls.cert.file",
                        client.certificate().toString(),
                        "tls.key.file",
                        client.key().toString()));
        cases.put("tls.cert.file", certificate);
        cases.put("tls.key.file", certificate);

        // nats-server 2.9 cannot do the handshake first: a proxy does it, before a plain server.
        handshakeFirst = (SSLServerSocket) new Tls(new TlsSettings(
                        "", localhost.certificate().toString(), localhost.key().toString(), false))
                .context()
                .getServerSocketFactory()
                .createServerSocket(0, 0, InetAddress.getByName("127.0.0.1"));
        Thread proxy = new Thread(ReconfigureTest::doHandshakesFirst, "proxy");
        proxy.setDaemon(true);
        proxy.start();
        cases.put(
                "tls.first",
                new Change(
                        List.of(),
                        Map.of(),
                        Map.of(
                                "url",
                                "tls://localhost:" + handshakeFirst.getLocalPort(),
                                "tls.ca.file",
                                trusted,
                                "tls.first",
                                "true"),
                        scene -> assertEquals(
                                1,
                                otherMonitor.clients().stream()
                                        .filter(found -> found.name().equals("tls.first"))
                                        .count())));
    }

    private static void doHandshakesFirst() {
        try {
            while (true) {
                Socket client = handshakeFirst.accept();
                Socket upstream = new Socket("127.0.0.1", other.port());
                NatsTlsTest.pump(upstream, client);
                NatsTlsTest.pump(client, upstream);
            }
        } catch (Exception e) {
            // the tests are over
        }
    }

    /** Of the configuration's Metatype, by the rules of Declarative Services for names of methods. */
    private static Set<String> keys() {
        return Arrays.stream(NatsConfiguration.class.getDeclaredMethods())
                .map(Method::getName)
                .map(name -> name.replace("__", "\0").replace('_', '.').replace('\0', '_'))
                .collect(toCollection(TreeSet::new));
    }

    @Test
    void every_key_has_a_case() {
        assertEquals(keys(), cases.keySet());
    }

    @ParameterizedTest
    @MethodSource("keys")
    void a_key_changes_while_records_flow_and_none_is_lost(String key) throws Exception {
        Change change = cases.get(key);
        ServerMonitor monitor = new ServerMonitor();
        List<String> configuration = new ArrayList<>(change.server);
        configuration.add(monitor.configuration());
        Instant begin = Instant.now();
        try (NatsServer server = NatsServer.start(configuration.toArray(String[]::new));
                NatsDatastore datastore = NatsDatastoreTest.open(settings(key, server, change.before))) {
            NatsSettings after = NatsSettings.parse(settings(key, server, change.after));
            try (Load load = new Load(datastore)) {
                load.awaitConfirmed(10);
                datastore.configure(after);
                await().atMost(SOON).until(() -> datastore.settings().equals(after));
                load.awaitConfirmed(load.offered() + 10);
            }
            if (change.needsConnection) {
                assertOneMadeBeforeTheOtherBreaks(begin, monitor);
            } else {
                assertEquals(1, monitor.clients().size(), monitor.clients()::toString);
            }
            change.proof.check(new Scene(server, monitor, datastore));
        }
    }

    @Test
    void a_limit_can_be_raised_while_the_server_is_away() {
        try (NatsServer server = NatsServer.start();
                NatsDatastore datastore =
                        NatsDatastoreTest.open(settings("limit", server, Map.of("inflight.max.records", "2")))) {
            Scene scene = new Scene(server, null, datastore);
            scene.offer(1).awaitEnded(1);
            scene.killServer();
            assertEquals(1, scene.offer(3).ended());
            datastore.configure(NatsSettings.parse(settings("limit", server, Map.of("inflight.max.records", "10"))));
            Outcomes outcomes = scene.offer(3);
            assertEquals(0, outcomes.ended());
            server.restart();
            assertEquals(3, outcomes.awaitEnded(3).confirmed().size());
        }
    }

    @Test
    void a_wrong_password_leaves_the_old_connection_at_work() throws Exception {
        ServerMonitor monitor = new ServerMonitor();
        try (NatsServer server = NatsServer.start(
                        monitor.configuration(), "authorization { users: [ { user: u, password: p } ] }");
                NatsDatastore datastore = NatsDatastoreTest.open(
                        settings("password", server, Map.of("username", "u", ".password", "p")));
                Load load = new Load(datastore)) {
            load.awaitConfirmed(10);
            datastore.configure(NatsSettings.parse(settings(
                    "password", server, Map.of("username", "u", ".password", "wrong", "connect.timeout.ms", "1000"))));
            await().atMost(SOON).until(() -> server.log().split("authentication error").length > 3);
            load.awaitConfirmed(load.offered() + 10);
            assertTrue(datastore.status().summary().contains("Authorization Violation"), datastore.status()::summary);
            List<Client> letIn = monitor.clients().stream()
                    .filter(client -> client.messages() > 0)
                    .toList();
            assertEquals(1, letIn.size(), letIn.toString());
            assertTrue(letIn.get(0).isOpen());
        }
    }

    private static Map<String, String> settings(String key, NatsServer server, Map<String, String> more) {
        Map<String, String> settings =
                new HashMap<>(Map.of("url", server.url(), "name", key, "reconnect.wait.ms", "20"));
        settings.putAll(more);
        settings.replace("url", "tls://localhost", "tls://localhost:" + server.port());
        return settings;
    }

    /** There were two connections, no more, and at no time none. */
    private static void assertOneMadeBeforeTheOtherBreaks(Instant begin, ServerMonitor monitor) {
        List<Client> clients = Stream.of(monitor, otherMonitor)
                .flatMap(at -> at.clients().stream())
                .filter(client -> client.start().isAfter(begin))
                .sorted(Comparator.comparing(Client::start))
                .toList();
        assertEquals(2, clients.size(), clients.toString());
        assertTrue(clients.get(1).start().isBefore(clients.get(0).stop()), clients.toString());
        assertTrue(clients.get(1).isOpen(), clients.toString());
    }

    private static TelemetryRecord record(byte[] payload) {
        return Records.record("VIN", "V", payload);
    }

    /** A few hundred records a second. When it is closed, all have ended, and were confirmed. */
    private static final class Load implements AutoCloseable {

        private final Outcomes outcomes = new Outcomes();
        private final Thread thread;
        private volatile boolean ending;
        private volatile int offered;

        Load(NatsDatastore datastore) {
            thread = new Thread(
                    () -> {
                        for (int i = 0; !ending; i++) {
                            offered = i + 1;
                            datastore.produce(record(("" + i).getBytes(UTF_8)), outcomes);
                            LockSupport.parkNanos(2_000_000);
                        }
                    },
                    "load");
            thread.start();
        }

        int offered() {
            return offered;
        }

        void awaitConfirmed(int count) {
            await().atMost(SOON).until(() -> outcomes.confirmed().size() >= count);
        }

        @Override
        public void close() throws InterruptedException {
            ending = true;
            thread.join();
            assertEquals(offered, outcomes.awaitEnded(offered).confirmed().size());
        }
    }
}
