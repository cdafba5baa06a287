package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.testkit.JavaProcess;
import io.fleettelemetry.testkit.NatsOperator;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers, limits and credentials that are legal and rare: each works, or the status says why it does not. */
@Tag("every-server")
class UnusualServersTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    private static NatsDatastore open(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(Map.of("connect.timeout.ms", "2000", "reconnect.wait.ms", "50"));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return NatsDatastoreTest.open(settings);
    }

    private static Outcomes produce(NatsDatastore datastore, int size) {
        Outcomes outcomes = new Outcomes();
        datastore.produce(Records.record("VIN1", "V", new byte[size]), outcomes);
        return outcomes.awaitEnded(1);
    }

    private static void assertWorks(NatsDatastore datastore) {
        assertEquals(1, produce(datastore, 1).confirmed().size());
    }

    private static void awaitReason(NatsDatastore datastore, String reason) {
        await().atMost(SOON).until(() -> datastore.status().summary(), summary -> summary.contains(reason));
    }

    @Test
    void names_tokens_and_passwords_have_quotes_tabs_and_backslashes() {
        String odd = "a\"b\\c\td/e";
        String quoted = "\"a\\\"b\\\\c\\td/e\"";
        try (NatsServer server = NatsServer.start("authorization { token: " + quoted + " }");
                NatsDatastore datastore = open("url", server.url(), ".token", odd, "name", odd)) {
            assertWorks(datastore);
        }
        try (NatsServer server = NatsServer.start(
                        "authorization { users: [ { user: " + quoted + ", password: " + quoted + " } ] }");
                NatsDatastore datastore = open("url", server.url(), "username", odd, ".password", odd)) {
            assertWorks(datastore);
        }
    }

    @Test
    void a_server_without_headers_is_good_for_core_and_says_why_it_is_not_for_jetstream() {
        try (NatsServer server = NatsServer.start("no_header_support: true")) {
            try (NatsDatastore datastore = open("url", server.url())) {
                assertWorks(datastore);
            }
            try (NatsDatastore datastore = open("url", server.url(), "delivery", "jetstream")) {
                awaitReason(datastore, "headers support");
            }
        }
    }

    @Test
    void a_server_that_has_too_many_connections_is_quoted() throws Exception {
        try (NatsServer server = NatsServer.start("max_connections: 1")) {
            // The server was probed when it was started, and may not have noticed yet that the probe has gone.
            Connection first =
                    await().atMost(SOON).ignoreExceptions().until(() -> Nats.connect(server.url()), c -> true);
            try (NatsDatastore datastore = open("url", server.url())) {
                awaitReason(datastore, "aximum connections exceeded");
                first.close();
                assertWorks(datastore);
            }
        }
    }

    @Test
    void credentials_that_are_damaged_at_a_reconnect_are_named() throws Exception {
        NatsOperator operator = new NatsOperator();
        Path file = operator.writeCredentials(directory.resolve("user.creds"));
        String good = Files.readString(file);
        try (NatsServer server = NatsServer.start(operator.configuration());
                NatsDatastore datastore = open("url", server.url(), "credentials.file", file.toString())) {
            assertWorks(datastore);
            Files.writeString(file, "no credentials");
            server.restart();
            awaitReason(datastore, "credentials.file = " + file + ": java.lang.");
            Files.writeString(file, good);
            assertWorks(datastore);
        }
    }

    @Test
    void the_limit_of_a_users_payload_is_known_before_anything_is_written() {
        NatsOperator operator = new NatsOperator();
        Path file = operator.writeCredentials(directory.resolve("limited.creds"), limits -> limits.payload(1_000));
        try (NatsServer server = NatsServer.start(operator.configuration());
                NatsDatastore datastore = NatsDatastoreTest.open(
                        Map.of("url", server.url(), "credentials.file", file.toString(), "reconnect.wait.ms", "50"))) {
            Failure failure = produce(datastore, 5_000).failures().get(0);
            assertEquals(Failure.Kind.TOO_LARGE, failure.kind(), failure::reason);
            assertTrue(failure.reason().contains("the server takes at most 1000"), failure.reason());
            assertWorks(datastore);
            await("what jnats says, perhaps a moment after the record is confirmed")
                    .atMost(SOON)
                    .until(() -> "0".equals(datastore.status().details().get("reconnects")));
        }
    }

    @Test
    void a_limit_that_was_raised_is_noticed_by_the_next_record_that_is_too_large() {
        try (NatsServer server = NatsServer.start("max_payload: 2000");
                NatsDatastore datastore = open("url", server.url())) {
            assertWorks(datastore);
            server.reload("max_payload: 8000");
            assertEquals(
                    Failure.Kind.TOO_LARGE,
                    produce(datastore, 5_000).failures().get(0).kind());
            await().atMost(SOON)
                    .until(() -> "8000".equals(datastore.status().details().get("max_payload")));
            assertEquals(1, produce(datastore, 5_000).confirmed().size());
            for (int i = 0; i < 100; i++) {
                produce(datastore, 9_000);
            }
            assertEquals("1", datastore.status().details().get("reconnects"));
        }
    }

    /** The server refuses such a user after it has let it in. */
    @Test
    void a_user_without_any_subscription_is_refused_with_the_reason() {
        NatsOperator operator = new NatsOperator();
        Path file = operator.writeCredentials(directory.resolve("mute.creds"), limits -> limits.subs(0));
        try (NatsServer server = NatsServer.start(operator.configuration());
                NatsDatastore datastore = open("url", server.url(), "credentials.file", file.toString())) {
            // It parses what comes before it says so: such a record may be confirmed.
            await().atMost(SOON)
                    .until(() -> produce(datastore, 1).failures().stream()
                            .anyMatch(failure -> failure.reason().contains("maximum subscriptions exceeded")));
        }
    }

    private interface Script {
        void run(BufferedReader in, OutputStream out) throws IOException;
    }

    /** A server that does what no nats-server does. */
    private static final class Scripted implements AutoCloseable {
        private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        private final List<Socket> clients = new CopyOnWriteArrayList<>();

        Scripted(Script script) throws IOException {
            Thread thread = new Thread(() -> {
                try {
                    while (true) {
                        Socket client = socket.accept();
                        clients.add(client);
                        Thread serving = new Thread(() -> {
                            try (client) {
                                script.run(
                                        new BufferedReader(new InputStreamReader(client.getInputStream(), UTF_8)),
                                        client.getOutputStream());
                            } catch (IOException e) {
                                // the client has gone
                            }
                        });
                        serving.setDaemon(true);
                        serving.start();
                    }
                } catch (IOException e) {
                    // the test is over
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        String url() {
            return "nats://127.0.0.1:" + socket.getLocalPort();
        }

        @Override
        public void close() throws IOException {
            socket.close();
            for (Socket client : clients) {
                client.close();
            }
        }
    }

    private static void say(OutputStream out, String text) throws IOException {
        out.write((text + "\r\n").getBytes(UTF_8));
    }

    /** Answers PINGs until the client goes. */
    private static void answer(BufferedReader in, OutputStream out) throws IOException {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("PING")) {
                say(out, "PONG");
            }
        }
    }

    @Test
    void a_server_that_names_no_limit_takes_records_of_any_size() throws Exception {
        for (String limit : List.of("", ",\"max_payload\":-1")) {
            try (Scripted server = new Scripted((in, out) -> {
                        say(out, "INFO {\"server_id\":\"X\",\"headers\":true" + limit + "}");
                        answer(in, out);
                    });
                    NatsDatastore datastore = open("url", server.url())) {
                assertEquals(1, produce(datastore, 100_000).confirmed().size());
            }
        }
    }

    @Test
    void a_first_line_without_an_end_is_given_up() throws Exception {
        byte[] endless = new byte[65_536];
        try (Scripted server = new Scripted((in, out) -> {
                    out.write("INFO {".getBytes(UTF_8));
                    while (true) {
                        out.write(endless);
                    }
                });
                NatsDatastore datastore = open("url", server.url())) {
            awaitReason(datastore, "the server has sent a line of more than 1048576 bytes");
        }
    }

    /** For which jnats would set memory aside. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "MSG x 1 2000000000",
                "MSG x 1 99999999999",
                "HMSG x 1 2000000000 2000000001",
                "HMSG x 1 1999999999 9"
            })
    void an_unwanted_message_that_would_fill_the_heap_ends_the_connection(String announcement) throws Exception {
        AtomicInteger connections = new AtomicInteger();
        try (Scripted server = new Scripted((in, out) -> {
                    say(out, "INFO {\"server_id\":\"X\",\"headers\":true,\"max_payload\":1000}");
                    if (connections.incrementAndGet() > 3) {
                        answer(in, out);
                    }
                    for (String line = in.readLine(); line != null; line = in.readLine()) {
                        if (line.equals("PING")) {
                            say(out, "PONG");
                            say(out, announcement);
                        }
                    }
                });
                NatsDatastore datastore = open(
                        "url",
                        server.url(),
                        "reconnect.wait.ms",
                        "10",
                        "silent.ms",
                        "60000",
                        "confirm.timeout.ms",
                        "60000")) {
            assertWorks(datastore);
            assertTrue(connections.get() > 3, connections + " connections");
        }
    }

    @Test
    void a_server_that_always_shuts_down_is_left_once_in_a_while() throws Exception {
        List<String> connects = new CopyOnWriteArrayList<>();
        String info = "INFO {\"server_id\":\"X\",\"headers\":true,\"max_payload\":1000,\"ldm\":true}";
        try (Scripted server = new Scripted((in, out) -> {
                    connects.add("one");
                    say(out, info);
                    for (String line = in.readLine(); line != null; line = in.readLine()) {
                        if (line.equals("PING")) {
                            say(out, "PONG");
                            for (int i = 0; i < 100; i++) {
                                say(out, info);
                            }
                        }
                    }
                });
                NatsDatastore datastore = open("url", server.url(), "heartbeat.ms", "10")) {
            await().atMost(SOON).until(() -> connects.size() >= 2);
            long begin = System.nanoTime();
            for (int i = 0; i < 40; i++) { // each with a PING, and so with another hundred of such INFOs
                assertWorks(datastore);
            }
            long most = 3 + Duration.ofNanos(System.nanoTime() - begin).toSeconds() / 10; // it may be a slow machine
            assertTrue(connects.size() <= most, connects.size() + " connections, and not " + most);
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
        }
    }

    /** A process of its own, because the names that a JVM knows are given at its start. */
    @Test
    void of_a_name_with_several_addresses_each_is_tried() throws IOException {
        Path hosts = Files.writeString(directory.resolve("hosts"), "127.0.0.2 several.test\n127.0.0.1 several.test\n");
        try (NatsServer server = NatsServer.start();
                JavaProcess datastore = JavaProcess.start(
                        List.of("-Djdk.net.hosts.file=" + hosts),
                        OneRecord.class,
                        "nats://several.test:" + server.port())) {
            await().atMost(SOON).until(() -> !datastore.isRunning());
            assertTrue(datastore.output().contains(OneRecord.CONFIRMED), datastore::output);
        }
    }

    /** Sends one record to the server whose URL it is given. */
    static final class OneRecord {
        static final String CONFIRMED = "the record is confirmed";

        private OneRecord() {}

        public static void main(String[] arguments) {
            try (NatsDatastore datastore = UnusualServersTest.open("url", arguments[0])) {
                System.out.println(
                        produce(datastore, 1).confirmed().isEmpty()
                                ? datastore.status().toString()
                                : CONFIRMED);
            }
            System.exit(0);
        }
    }
}
