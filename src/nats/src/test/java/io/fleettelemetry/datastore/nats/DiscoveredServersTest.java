package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Status;
import io.fleettelemetry.datastore.nats.connection.Servers;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.TestCa;
import io.fleettelemetry.testkit.TestCa.Identity;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a cluster says about its servers adds to what the settings say, and never replaces it. */
@Tag("every-server")
class DiscoveredServersTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    private static Path directory;

    private final int routeA = FreePort.next();
    private final int routeB = FreePort.next();
    private final int portB = FreePort.next();
    private final List<String> reports = new CopyOnWriteArrayList<>();
    private final List<Boolean> turns = new CopyOnWriteArrayList<>();

    private NatsServer a;
    private NatsServer b;
    private NatsDatastore datastore;

    /** Two servers that advertise each other by their addresses, as nats-server does unless told otherwise. */
    private void start(String configA, String configB) throws IOException {
        a = NatsServer.start(configA, cluster(routeA));
        b = NatsServer.startOn(portB, configB, cluster(routeB));
        awaitKnown(a, b.port());
        awaitKnown(b, a.port());
    }

    private String cluster(int route) {
        return "cluster { name: fleet, listen: \"127.0.0.1:" + route + "\", routes: [\"nats://127.0.0.1:" + routeA
                + "\", \"nats://127.0.0.1:" + routeB + "\"] }";
    }

    private static void awaitKnown(NatsServer server, int port) {
        await().atMost(SOON).until(() -> info(server).contains("\"127.0.0.1:" + port + '"'));
    }

    private static String info(NatsServer server) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port());
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8))) {
            return in.readLine();
        }
    }

    private void open(String... more) {
        Map<String, String> settings = new HashMap<>(Map.of("connect.timeout.ms", "2000", "reconnect.wait.ms", "100"));
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        datastore = new NatsDatastore(
                NatsSettings.parse(settings),
                new Counts(),
                (message, cause, fields) -> reports.add(message),
                () -> turns.add(datastore.isLost()));
        datastore.open();
    }

    @AfterEach
    void stop() {
        if (datastore != null) {
            datastore.close();
        }
        for (NatsServer server : new NatsServer[] {a, b}) {
            if (server != null) {
                server.close();
            }
        }
    }

    private void assertConfirms() {
        Outcomes outcomes = new Outcomes();
        datastore.produce(Records.record("VIN1", "V", "x".getBytes(UTF_8)), outcomes);
        assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
    }

    private void awaitServer(int port) {
        await().atMost(SOON)
                .until(() ->
                        datastore.status().details().getOrDefault("server", "").endsWith(":" + port));
        assertConfirms();
    }

    @Test
    void with_tls_a_discovered_server_needs_a_certificate_for_the_name_of_the_url_and_the_url_is_never_forgotten()
            throws Exception {
        TestCa ca = TestCa.create(directory, "cluster-ca");
        Identity localhost = ca.issue("cluster-localhost", "-ext", "san=dns:localhost");
        String tls = "tls { cert_file: \"" + localhost.certificate() + "\", key_file: \"" + localhost.key()
                + "\", timeout: 5 }";
        start(tls, tls);
        open(
                "url",
                "tls://localhost:" + a.port(),
                "tls.ca.file",
                ca.certificate().toString());
        awaitServer(a.port());
        for (int round = 0; round < 5; round++) {
            a.kill();
            awaitServer(b.port());
            a.restart();
            awaitKnown(b, a.port());
            b.kill();
            awaitServer(a.port());
            b.restart();
            awaitKnown(a, b.port());
        }
        assertEquals(List.of(), reports);
    }

    /** Each has a certificate for its own address alone, as public guides make them. */
    @Test
    void with_tls_a_discovered_server_may_also_have_a_certificate_for_its_own_address() throws Exception {
        TestCa ca = TestCa.create(directory, "address-ca");
        Identity named = ca.issue("named", "-ext", "san=dns:localhost");
        Identity address = ca.issue("address", "-ext", "san=ip:127.0.0.1");
        start(
                "tls { cert_file: \"" + named.certificate() + "\", key_file: \"" + named.key() + "\", timeout: 5 }",
                "tls { cert_file: \"" + address.certificate() + "\", key_file: \"" + address.key()
                        + "\", timeout: 5 }");
        open(
                "url",
                "tls://localhost:" + a.port(),
                "tls.ca.file",
                ca.certificate().toString());
        awaitServer(a.port());
        a.kill();
        awaitServer(b.port());
        a.restart();
        awaitKnown(b, a.port());
        b.kill();
        awaitServer(a.port());
    }

    @Test
    void a_discovered_server_gets_the_credentials_of_the_url() throws Exception {
        String users = "authorization { users: [ { user: fleet, password: \"hu,sh\" } ] }";
        start(users, users);
        open("url", "nats://fleet:hu%2Csh@localhost:" + a.port());
        awaitServer(a.port());
        a.kill();
        awaitServer(b.port());
        assertEquals(Status.State.OK, datastore.status().state());
    }

    @Test
    void a_discovered_server_gets_the_token_of_the_url_as_it_is() throws Exception {
        String users = "authorization { token: \"a\\\"b\\\\c\\td\" }";
        start(users, users);
        open("url", "nats://a%22b%5Cc%09d@localhost:" + a.port());
        awaitServer(a.port());
        a.kill();
        awaitServer(b.port());
    }

    @Test
    void a_discovered_server_that_refuses_us_is_no_unexpected_close_and_the_own_one_is_used_once_it_is_back()
            throws Exception {
        start(
                "authorization { users: [ { user: fleet, password: hush } ] }",
                "authorization { users: [ { user: fleet, password: other } ] }");
        open("url", "nats://localhost:" + a.port(), "username", "fleet", ".password", "hush");
        awaitServer(a.port());
        a.kill();
        // jnats closes after the second refusal, and this one is of a connection that was made after that.
        await().atMost(SOON).until(() -> b.log().split("authentication error").length > 4);
        assertEquals(Status.State.WARN, datastore.status().state(), datastore.status()::toString);
        a.restart();
        awaitServer(a.port());
        assertEquals(List.of(), turns);
        assertEquals(List.of(), reports);
    }

    @Test
    void the_own_server_is_tried_at_the_pace_of_the_settings_and_so_is_a_discovered_one() throws Exception {
        start("", "");
        open("url", "nats://127.0.0.1:" + a.port());
        awaitServer(a.port());
        int port = a.port();
        a.kill(); // first: it would tell that the other is gone
        b.kill();
        long begin = System.nanoTime();
        try (Counting own = new Counting(port);
                Counting discovered = new Counting(portB)) {
            await().atMost(SOON).until(() -> own.count.get() >= 20);
            long most = Duration.ofNanos(System.nanoTime() - begin).toMillis() / 100 + 2;
            assertTrue(own.count.get() <= most, own.count + " attempts, and not " + most);
            assertTrue(discovered.count.get() <= most, discovered.count + " attempts, and not " + most);
            assertTrue(discovered.count.get() >= 15, discovered.count + " attempts");
        }
        a.restart();
        awaitServer(a.port());
    }

    @Test
    void with_discover_false_only_the_servers_of_the_settings_are_used() throws Exception {
        start("", "");
        open("url", "nats://localhost:" + a.port(), "discover", "false");
        awaitServer(a.port());
        a.kill();
        int port = a.port();
        b.kill();
        try (Counting own = new Counting(port);
                Counting discovered = new Counting(portB)) {
            await().atMost(SOON).until(() -> own.count.get() >= 5);
            assertEquals(0, discovered.count.get());
        }
    }

    /** Scripted: no real server does that. */
    @Test
    void a_server_that_names_ever_new_ones_fills_neither_memory_nor_log() throws Exception {
        try (ServerSocket flooding = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
            AtomicInteger told = new AtomicInteger();
            Thread server = new Thread(() -> flood(flooding, told));
            server.start();
            open("url", "nats://127.0.0.1:" + flooding.getLocalPort());
            await().atMost(SOON).until(() -> told.get() >= 20_000);
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
            assertTrue(datastore.discovered() <= Servers.MAX_DISCOVERED, () -> datastore.discovered() + " are known");
            flooding.close();
            datastore.close();
            server.join();
        }
    }

    private static void flood(ServerSocket flooding, AtomicInteger told) {
        try (Socket client = flooding.accept()) {
            String limits = "INFO {\"server_id\":\"X\",\"headers\":true,\"max_payload\":1000,\"connect_urls\":[";
            client.getOutputStream().write((limits + "]}\r\n").getBytes(UTF_8));
            BufferedReader in = new BufferedReader(new InputStreamReader(client.getInputStream(), UTF_8));
            while (!in.readLine().startsWith("PING")) {}
            client.getOutputStream().write("PONG\r\n".getBytes(UTF_8));
            for (int i = 0; i < 20_000; i++) {
                List<String> urls = new ArrayList<>();
                for (int j = 0; j < 10; j++) {
                    urls.add("\"127.0.0." + (i % 250 + 1) + ':' + (10_000 + i + j) + '"');
                }
                client.getOutputStream().write((limits + String.join(",", urls) + "]}\r\n").getBytes(UTF_8));
                told.incrementAndGet();
            }
            client.getOutputStream().write("PONG\r\n".getBytes(UTF_8));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.startsWith("PING")) {
                    client.getOutputStream().write("PONG\r\n".getBytes(UTF_8));
                }
            }
        } catch (IOException e) {
            // the test is over
        }
    }

    /** Takes connections on a port, and ends them at once. */
    private static final class Counting implements AutoCloseable {
        private final AtomicInteger count = new AtomicInteger();
        private final ServerSocket socket;

        Counting(int port) throws IOException {
            socket = new ServerSocket();
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress("127.0.0.1", port));
            Thread thread = new Thread(() -> {
                try {
                    while (true) {
                        socket.accept().close();
                        count.incrementAndGet();
                    }
                } catch (IOException e) {
                    // the test is over
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
