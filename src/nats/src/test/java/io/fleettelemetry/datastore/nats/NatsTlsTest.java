package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.api.Status;
import io.fleettelemetry.datastore.nats.connection.Tls;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.settings.TlsSettings;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.TestCa;
import io.fleettelemetry.testkit.TestCa.Identity;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Encrypted connections: to a real nats-server, with certificates that were made a moment ago. */
@Tag("every-server")
@Tag("newest-server")
class NatsTlsTest {

    private static final Pattern ALERT =
            Pattern.compile("Received fatal alert: (bad_certificate|certificate_required);");
    private static final Duration SOON = Duration.ofSeconds(30);
    /** What a TLS record begins with that belongs to a handshake. */
    private static final byte TLS_HANDSHAKE = 0x16;

    @TempDir
    private static Path directory;

    private static TestCa ca;
    private static TestCa otherCa;
    private static Identity localhost;

    @BeforeAll
    static void make() {
        ca = TestCa.create(directory, "ca");
        otherCa = TestCa.create(directory, "other-ca");
        localhost = ca.issue("localhost", "-ext", "san=dns:localhost");
    }

    private static String tls(Identity identity, String... more) {
        return "tls { cert_file: \"" + identity.certificate() + "\", key_file: \"" + identity.key() + "\", timeout: 5, "
                + String.join(", ", more) + " }";
    }

    private static String verifyClients() {
        return "ca_file: \"" + ca.certificate() + "\", verify: true";
    }

    /** Opens a datastore with these keys and values, and with short pauses between its attempts to connect. */
    private static NatsDatastore open(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(Map.of("reconnect.wait.ms", "50"));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return NatsDatastoreTest.open(settings);
    }

    /** Opens a datastore that trusts the CA of the server's certificate. */
    private static NatsDatastore trusting(NatsServer server, String... more) {
        Stream<String> keysAndValues = Stream.of(
                "url",
                "tls://localhost:" + server.port(),
                "tls.ca.file",
                ca.certificate().toString());
        return open(Stream.concat(keysAndValues, Stream.of(more)).toArray(String[]::new));
    }

    private static void assertWorks(NatsDatastore datastore) {
        Outcomes outcomes = new Outcomes();
        datastore.produce(Records.record("VIN1", "V", "x".getBytes(UTF_8)), outcomes);
        assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        // The port is open, and so a record confirmed, a moment before jnats calls itself connected.
        await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
    }

    private static void awaitReason(NatsDatastore datastore, String... parts) {
        for (String part : parts) {
            await(part).atMost(SOON).until(() -> datastore.status().summary(), summary -> summary.contains(part));
        }
    }

    /** What a nats-server says to a client without a certificate that it trusts; newer ones have a name of its own for it. */
    private static void awaitAlert(NatsDatastore datastore) {
        await("alert")
                .atMost(SOON)
                .until(
                        () -> datastore.status().summary(),
                        summary -> ALERT.matcher(summary).find());
    }

    @Test
    void a_server_that_is_half_a_second_of_round_trip_away_is_reached_with_the_default_timeout() {
        try (NatsServer server = NatsServer.start(tls(localhost));
                Link link = Link.to(server.port())) {
            link.delay(Duration.ofMillis(250)); // each way
            try (NatsDatastore datastore = open(
                    "url",
                    "tls://localhost:" + link.port(),
                    "tls.ca.file",
                    ca.certificate().toString())) {
                assertWorks(datastore);
                assertEquals(1, link.connections(), "at the first attempt");
            }
        }
    }

    @Test
    void a_server_whose_certificate_is_for_its_host_is_trusted() {
        try (NatsServer server = NatsServer.start(tls(localhost));
                NatsDatastore datastore = trusting(server)) {
            assertWorks(datastore);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tls", "nats", "wss"})
    void a_certificate_for_another_host_is_refused_whatever_the_url(String scheme) {
        int websocket = FreePort.next();
        try (NatsServer server = NatsServer.start(tls(localhost), websocket(websocket, tls(localhost)));
                NatsDatastore datastore = open(
                        "url",
                        scheme + "://127.0.0.1:" + (scheme.equals("wss") ? websocket : server.port()),
                        "tls.ca.file",
                        ca.certificate().toString())) {
            awaitReason(
                    datastore,
                    "TLS with 127.0.0.1:",
                    "the server's certificate is not for this host: No subject alternative names matching IP address"
                            + " 127.0.0.1 found");
        }
        Identity elsewhere = ca.issue("elsewhere-" + scheme, "-ext", "san=dns:elsewhere.example");
        try (NatsServer server = NatsServer.start(tls(elsewhere), websocket(websocket, tls(elsewhere)));
                NatsDatastore datastore = open(
                        "url",
                        scheme + "://localhost:" + (scheme.equals("wss") ? websocket : server.port()),
                        "tls.ca.file",
                        ca.certificate().toString())) {
            awaitReason(
                    datastore,
                    "the server's certificate is not for this host: No subject alternative DNS name matching localhost"
                            + " found");
        }
    }

    @Test
    void a_certificate_of_an_unknown_ca_is_refused_with_the_file_that_says_who_is_known() {
        String reason = "no CA that is trusted here has signed the server's certificate";
        try (NatsServer server = NatsServer.start(tls(localhost))) {
            String url = "tls://localhost:" + server.port();
            try (NatsDatastore datastore = open("url", url)) {
                awaitReason(datastore, reason, "tls.ca.file = (what the JVM trusts)");
            }
            try (NatsDatastore datastore =
                    open("url", url, "tls.ca.file", otherCa.certificate().toString())) {
                awaitReason(datastore, reason, "tls.ca.file = " + otherCa.certificate());
            }
        }
    }

    @Test
    void an_expired_certificate_of_the_server_is_refused() {
        Identity expired =
                ca.issue("expired-server", "-ext", "san=dns:localhost", "-startdate", "-2d", "-validity", "1");
        try (NatsServer server = NatsServer.start(tls(expired));
                NatsDatastore datastore = trusting(server)) {
            awaitReason(datastore, "the server's certificate has expired: NotAfter");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"RSA", "EC", "Ed25519"})
    void a_server_that_asks_for_a_certificate_gets_ours(String algorithm) {
        Identity client = ca.issue("client-" + algorithm, "-keyalg", algorithm);
        try (NatsServer server = NatsServer.start(tls(localhost, verifyClients()));
                NatsDatastore datastore = trusting(
                        server,
                        "tls.cert.file",
                        client.certificate().toString(),
                        "tls.key.file",
                        client.key().toString())) {
            assertWorks(datastore);
        }
    }

    @Test
    void a_server_that_does_not_get_a_certificate_that_it_trusts_is_quoted() {
        try (NatsServer server = NatsServer.start(tls(localhost, verifyClients()))) {
            String url = "tls://localhost:" + server.port();
            String trusted = ca.certificate().toString();
            String timeout = "1000"; // jnats waits so long although it was refused
            try (NatsDatastore datastore = open("url", url, "connect.timeout.ms", timeout, "tls.ca.file", trusted)) {
                awaitAlert(datastore);
                awaitReason(datastore, "tls.cert.file = (none)");
            }
            Identity stranger = otherCa.issue("stranger");
            try (NatsDatastore datastore = open(
                    "url",
                    url,
                    "connect.timeout.ms",
                    timeout,
                    "tls.ca.file",
                    trusted,
                    "tls.cert.file",
                    stranger.certificate().toString(),
                    "tls.key.file",
                    stranger.key().toString())) {
                awaitAlert(datastore);
                awaitReason(datastore, "tls.cert.file = " + stranger.certificate());
            }
        }
    }

    @Test
    void an_expired_certificate_is_mended_by_replacing_the_files() throws IOException {
        Identity expired = ca.issue("expired", "-startdate", "-2d", "-validity", "1");
        Identity good = ca.issue("good");
        try (NatsServer server = NatsServer.start(tls(localhost, verifyClients()));
                NatsDatastore datastore = trusting(
                        server,
                        "tls.cert.file",
                        expired.certificate().toString(),
                        "tls.key.file",
                        expired.key().toString())) {
            awaitReason(datastore, "TLS with localhost:", "tls.cert.file = " + expired.certificate());
            Files.copy(good.certificate(), expired.certificate(), StandardCopyOption.REPLACE_EXISTING);
            Files.copy(good.key(), expired.key(), StandardCopyOption.REPLACE_EXISTING);
            assertWorks(datastore);
        }
    }

    @Test
    void files_are_read_again_for_every_reconnect_and_an_unreadable_one_is_tried_again() throws IOException {
        Path trusted = directory.resolve("trusted.pem");
        try (NatsServer server = NatsServer.start(tls(localhost));
                NatsDatastore datastore =
                        open("url", "tls://localhost:" + server.port(), "tls.ca.file", trusted.toString())) {
            awaitReason(datastore, "tls.ca.file = " + trusted + ": cannot be read: NoSuchFileException");
            Files.copy(ca.certificate(), trusted);
            assertWorks(datastore);

            Files.delete(trusted);
            server.restart();
            awaitReason(datastore, "disconnected: tls.ca.file = " + trusted + ": cannot be read: NoSuchFileException");
            Files.copy(ca.certificate(), trusted);
            assertWorks(datastore);
            assertEquals("1", datastore.status().details().get("reconnects"));
        }
    }

    @Test
    void a_server_that_requires_tls_gets_it_and_is_verified_with_the_cas_of_the_jvm() {
        try (NatsServer server = NatsServer.start(tls(localhost));
                NatsDatastore datastore = open("url", "nats://localhost:" + server.port())) {
            awaitReason(
                    datastore,
                    "no CA that is trusted here has signed the server's certificate",
                    "tls.ca.file = (what the JVM trusts)");
            System.setProperty("javax.net.ssl.trustStore", ca.trustStore().toString());
            assertWorks(datastore);
        } finally {
            System.clearProperty("javax.net.ssl.trustStore");
        }
    }

    @Test
    void a_server_may_begin_and_cease_to_require_tls() {
        System.setProperty("javax.net.ssl.trustStore", ca.trustStore().toString());
        int port = FreePort.next();
        List<String> losses = new CopyOnWriteArrayList<>();
        try (NatsDatastore datastore = new NatsDatastore(
                NatsSettings.parse(Map.of("url", "nats://localhost:" + port, "reconnect.wait.ms", "20")),
                new Counts(),
                (message, cause, fields) -> losses.add(message),
                () -> losses.add("turn"))) {
            datastore.open();
            try (NatsServer plain = NatsServer.startOn(port)) {
                assertWorks(datastore);
            }
            try (NatsServer secure = NatsServer.startOn(port, tls(localhost))) {
                assertWorks(datastore);
            }
            try (NatsServer plain = NatsServer.startOn(port)) {
                assertWorks(datastore);
            }
            assertEquals(List.of(), losses, "to connect anew is our own wish");
        } finally {
            System.clearProperty("javax.net.ssl.trustStore");
        }
    }

    @Test
    void a_server_without_tls_is_refused_where_tls_is_asked_for() {
        try (NatsServer server = NatsServer.start()) {
            try (NatsDatastore datastore = open("url", "tls://localhost:" + server.port())) {
                awaitReason(datastore, "the server offers no TLS");
            }
            try (NatsDatastore datastore = open(
                    "url",
                    "nats://localhost:" + server.port(),
                    "tls.ca.file",
                    ca.certificate().toString())) {
                awaitReason(datastore, "the server offers no TLS");
            }
        }
    }

    private static String websocket(int port, String tls) {
        return "websocket { listen: \"127.0.0.1:" + port + "\", " + tls + " }";
    }

    @Test
    void websockets_work_encrypted_and_plain() {
        int port = FreePort.next();
        try (NatsServer server = NatsServer.start(websocket(port, tls(localhost)));
                NatsDatastore datastore = open(
                        "url",
                        "wss://localhost:" + port,
                        "tls.ca.file",
                        ca.certificate().toString())) {
            assertWorks(datastore);
            server.restart();
            await().atMost(SOON)
                    .until(() -> "1".equals(datastore.status().details().get("reconnects")));
            assertWorks(datastore);
        }
        try (NatsServer server = NatsServer.start(websocket(port, "no_tls: true"));
                NatsDatastore datastore = open("url", "ws://localhost:" + port)) {
            assertWorks(datastore);
        }
    }

    /**
     * nats-server 2.9 cannot do the handshake first, so a proxy does it here: TLS outside, the plain protocol behind it.
     */
    @Test
    void the_handshake_may_come_before_the_server_says_anything() throws Exception {
        Tls serverSide = new Tls(new TlsSettings(
                "", localhost.certificate().toString(), localhost.key().toString(), false));
        try (NatsServer server = NatsServer.start();
                SSLServerSocket proxy = (SSLServerSocket) serverSide
                        .context()
                        .getServerSocketFactory()
                        .createServerSocket(0, 0, InetAddress.getByName("127.0.0.1"));
                NatsDatastore datastore = open(
                        "url",
                        "nats://localhost:" + proxy.getLocalPort(),
                        "tls.ca.file",
                        ca.certificate().toString(),
                        "tls.first",
                        "true")) {
            try (Socket client = proxy.accept();
                    Socket upstream = new Socket("127.0.0.1", server.port())) {
                pump(upstream, client);
                pump(client, upstream);
                assertWorks(datastore);
            }
        }
    }

    static void pump(Socket from, Socket to) {
        new Thread(
                        () -> {
                            try (from;
                                    to) {
                                from.getInputStream().transferTo(to.getOutputStream());
                            } catch (IOException e) {
                                // the test is over
                            }
                        },
                        "pump")
                .start();
    }

    @Test
    void a_handshake_that_the_server_does_not_expect_yet_is_the_reason() {
        try (NatsServer server = NatsServer.start(tls(localhost));
                NatsDatastore datastore = trusting(server, "tls.first", "true")) {
            awaitReason(datastore, "TLS with localhost:", "tls.first = true");
        }
    }

    private static void assumeThatAServerCanDoTheHandshakeFirst() throws Exception {
        try (NatsServer server = NatsServer.start();
                Connection client = Nats.connect(server.url())) {
            assumeTrue(client.getServerInfo().isSameOrNewerThanVersion("2.10.4"), "handshake_first came with 2.10.4");
        }
    }

    /** It is known to have started by its INFO. */
    private static NatsServer serverWithHandshakeFirst(String value) {
        NatsServer server = NatsServer.start(tls(localhost, "handshake_first: auto"));
        server.reload(tls(localhost, "handshake_first: " + value));
        return server;
    }

    /** Whether nothing has gone to the server but TLS: its first byte says handshake. */
    private static void assertAllEncrypted(Link link) {
        for (Link.Recording recording : link.recordings()) {
            byte[] said = recording.fromClient();
            assertTrue(said.length == 0 || said[0] == TLS_HANDSHAKE, () -> "not TLS: " + new String(said, UTF_8));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "auto"})
    void a_server_that_does_the_handshake_first_is_met_with_tls_first(String handshakeFirst) throws Exception {
        assumeThatAServerCanDoTheHandshakeFirst();
        try (NatsServer server = serverWithHandshakeFirst(handshakeFirst);
                Link link = Link.to(server.port())) {
            link.record();
            try (NatsDatastore datastore = open(
                    "url",
                    "nats://localhost:" + link.port(),
                    "tls.ca.file",
                    ca.certificate().toString(),
                    "tls.first",
                    "true")) {
                assertWorks(datastore);
            }
            assertAllEncrypted(link);
        }
    }

    /** With {@code auto} it waits 50 ms for a client's handshake, and then says INFO as ever. */
    @Test
    void without_tls_first_a_server_with_auto_is_reached_and_another_one_is_told_and_tried_again() throws Exception {
        assumeThatAServerCanDoTheHandshakeFirst();
        try (NatsServer server = serverWithHandshakeFirst("true");
                Link link = Link.to(server.port())) {
            link.record();
            try (NatsDatastore datastore = open(
                    "url",
                    "tls://localhost:" + link.port(),
                    "tls.ca.file",
                    ca.certificate().toString(),
                    "connect.timeout.ms",
                    "1000")) {
                awaitReason(datastore, "if the server expects the TLS handshake first, set tls.first = true");
                int connections = link.connections();
                await().atMost(SOON).until(() -> link.connections() > connections);
                assertAllEncrypted(link);
                server.reload(tls(localhost, "handshake_first: auto"));
                assertWorks(datastore);
            }
            try (NatsDatastore plain = open("url", link.url(), "connect.timeout.ms", "1000")) {
                server.reload(tls(localhost, "handshake_first: true"));
                link.cut(Link.Cut.RST);
                awaitReason(plain, "no answer within connect.timeout.ms = 1000");
            }
        }
    }

    /** As with a server whose suites are too old for this JVM, or the other way round: here its suites want another key. */
    @Test
    void a_server_that_has_no_cipher_suite_in_common_is_told_as_the_handshake_and_tried_again() throws Exception {
        Tls serverSide = new Tls(new TlsSettings(
                "", localhost.certificate().toString(), localhost.key().toString(), false));
        try (NatsServer server = NatsServer.start();
                SSLServerSocket proxy = (SSLServerSocket) serverSide
                        .context()
                        .getServerSocketFactory()
                        .createServerSocket(0, 0, InetAddress.getByName("127.0.0.1"))) {
            String[] usual = proxy.getEnabledCipherSuites();
            proxy.setEnabledProtocols(new String[] {"TLSv1.2"});
            proxy.setEnabledCipherSuites(new String[] {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"});
            AtomicInteger accepted = new AtomicInteger();
            new Thread(() -> passOn(proxy, server, accepted), "proxy").start();
            try (NatsDatastore datastore = open(
                    "url",
                    "nats://localhost:" + proxy.getLocalPort(),
                    "tls.ca.file",
                    ca.certificate().toString(),
                    "tls.first",
                    "true")) {
                awaitReason(datastore, "TLS with localhost:", "handshake_failure");
                await().atMost(SOON).until(() -> accepted.get() > 2);
                proxy.setEnabledCipherSuites(usual);
                assertWorks(datastore);
            }
        }
    }

    /** Until the proxy is closed. */
    private static void passOn(ServerSocket proxy, NatsServer server, AtomicInteger accepted) {
        while (!proxy.isClosed()) {
            try {
                SSLSocket client = (SSLSocket) proxy.accept();
                accepted.incrementAndGet();
                client.startHandshake();
                Socket upstream = new Socket("127.0.0.1", server.port());
                pump(upstream, client);
                pump(client, upstream);
            } catch (IOException e) {
                // the handshake has failed, and the client has been told so; or the test is over
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"nats", "ws", "wss"})
    void a_server_that_says_nothing_is_given_up(String scheme) throws IOException {
        try (ServerSocket silent = new ServerSocket(0);
                NatsDatastore datastore =
                        open("url", scheme + "://127.0.0.1:" + silent.getLocalPort(), "connect.timeout.ms", "500")) {
            awaitReason(datastore, "no answer within");
        }
    }

    @Test
    void a_server_that_falls_silent_in_the_handshake_is_given_up() throws Exception {
        try (ServerSocket halting = new ServerSocket(0)) {
            Thread server = new Thread(() -> {
                try (Socket client = halting.accept()) {
                    client.getOutputStream().write("INFO {\"tls_required\":true}\r\n".getBytes(UTF_8));
                    client.getInputStream().transferTo(OutputStream.nullOutputStream());
                } catch (IOException e) {
                    // the test is over
                }
            });
            server.start();
            try (NatsDatastore datastore =
                    open("url", "tls://127.0.0.1:" + halting.getLocalPort(), "connect.timeout.ms", "500")) {
                awaitReason(datastore, "no answer within");
            }
            server.join();
        }
    }
}
