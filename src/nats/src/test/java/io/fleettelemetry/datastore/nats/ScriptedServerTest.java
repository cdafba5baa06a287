package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that say what no real one does, or what a real one says only at times. */
class ScriptedServerTest {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final String INFO = "INFO {\"server_id\":\"S\",\"version\":\"2.10.0\",\"proto\":1,\"headers\":true,"
            + "\"max_payload\":1048576,\"host\":\"127.0.0.1\",\"port\":4222}\r\n";

    /** Speaks just enough to be connected to; what it answers is the test's. */
    private abstract static class Scripted implements AutoCloseable {
        private final ServerSocket listening;
        private final ConcurrentLinkedQueue<Socket> sockets = new ConcurrentLinkedQueue<>();
        final AtomicInteger connections = new AtomicInteger();

        Scripted() throws IOException {
            listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
            Thread accepting = new Thread(this::accept, "scripted-accept");
            accepting.setDaemon(true);
            accepting.start();
        }

        String url() {
            return "nats://127.0.0.1:" + listening.getLocalPort();
        }

        private void accept() {
            while (!listening.isClosed()) {
                try {
                    Socket socket = listening.accept();
                    sockets.add(socket);
                    int number = connections.incrementAndGet();
                    Thread serving = new Thread(() -> serve(socket, number), "scripted-serve");
                    serving.setDaemon(true);
                    serving.start();
                } catch (IOException e) {
                    return;
                }
            }
        }

        private void serve(Socket socket, int connection) {
            try (socket) {
                socket.setTcpNoDelay(true);
                InputStream in = new BufferedInputStream(socket.getInputStream());
                OutputStream out = socket.getOutputStream();
                say(out, info());
                for (String line = line(in); line != null; line = line(in)) {
                    String[] words = line.split(" ");
                    if (words[0].equals("PING")) {
                        pinged(connection, out);
                    } else if (words[0].equals("PUB")) {
                        in.readNBytes(Integer.parseInt(words[words.length - 1]) + 2);
                        published(connection, words[1], out);
                    }
                }
            } catch (IOException e) {
                // The client has gone.
            }
        }

        private static String line(InputStream in) throws IOException {
            StringBuilder line = new StringBuilder();
            for (int next = in.read(); next >= 0; next = in.read()) {
                if (next == '\n') {
                    return line.toString().strip();
                }
                line.append((char) next);
            }
            return null;
        }

        static void say(OutputStream out, String text) throws IOException {
            out.write(text.getBytes(ISO_8859_1));
            out.flush();
        }

        String info() {
            return INFO;
        }

        abstract void published(int connection, String subject, OutputStream out) throws IOException;

        void pinged(int connection, OutputStream out) throws IOException {
            say(out, "PONG\r\n");
        }

        @Override
        public void close() throws IOException {
            listening.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    private final Outcomes outcomes = new Outcomes();

    private static NatsDatastore open(Scripted server, String... more) {
        Map<String, String> settings =
                new HashMap<>(Map.of("url", server.url(), "reconnect.wait.ms", "50", "heartbeat.ms", "100"));
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return NatsDatastoreTest.open(settings);
    }

    private void offer(NatsDatastore datastore, int count) {
        for (int i = 0; i < count; i++) {
            datastore.produce(Records.record(i % 10 == 3 ? "BAD" : "VIN", "V", new byte[100]), outcomes);
        }
    }

    private void awaitEnded(int count) {
        await().atMost(SOON).until(() -> outcomes.ended() >= count);
        assertEquals(count, outcomes.ended());
    }

    /** Also in pieces of one byte, and whatever the server calls it. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "-ERR 'Permissions Violation for Publish to \"ns.BAD.data\"'\r\n",
                "-err permissions violation for publish\r\n",
                "-ERR 'Permissions Violation for Publish to \"ns.BA\r\n",
                "-ERR 'Permissions Violation for Publish with Reply of \"_INBOX.x\"'\r\n",
                "-ERR 'Invalid Publish Subject'\r\n",
                "-ERR 'Whatever'\r\n",
                "-ERR\r\n"
            })
    void a_frame_that_is_refused_in_any_words_is_denied_alone(String words) throws Exception {
        try (Scripted server = new Scripted() {
                    @Override
                    void published(int connection, String subject, OutputStream out) throws IOException {
                        if (subject.contains("BAD")) {
                            for (int i = 0; i < words.length(); i++) {
                                say(out, words.substring(i, i + 1));
                            }
                        }
                    }

                    @Override
                    void pinged(int connection, OutputStream out) throws IOException {
                        for (String piece : List.of("P", "O", "NG\r", "\n")) {
                            say(out, piece);
                        }
                    }
                };
                NatsDatastore datastore = open(server)) {
            offer(datastore, 200);
            awaitEnded(200);
            assertEquals(180, outcomes.confirmed().size());
            outcomes.failed().forEach(record -> assertEquals("BAD", record.vin()));
            outcomes.failures().forEach(failure -> assertEquals(Failure.Kind.DENIED, failure.kind()));
            assertEquals(1, server.connections.get());
        }
    }

    @Test
    void a_server_that_refuses_all_in_its_own_words_gets_nothing_confirmed() throws Exception {
        try (Scripted server = new Scripted() {
                    @Override
                    void published(int connection, String subject, OutputStream out) throws IOException {
                        say(out, "-ERR 'No'\r\n");
                    }
                };
                NatsDatastore datastore = open(server)) {
            offer(datastore, 300);
            awaitEnded(300);
            assertEquals(List.of(), outcomes.confirmed());
            outcomes.failures().forEach(failure -> assertTrue(failure.reason().contains("No"), failure.reason()));
        }
    }

    /** From 2.12 on nats-server says INFO once more, about the connection; and each version has keys of its own. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_second_info_behind_connect_and_keys_that_nobody_knows_change_nothing(boolean behindPong) throws Exception {
        String unknown = ",\"api_lvl\":5,\"new_in_3\":{\"a\":[1,{\"b\":null}],\"c\":\"}\\r\\n\"}}\r\n";
        String second = INFO.replace("}\r\n", ",\"connect_info\":true,\"remote_account\":\"$G\"" + unknown);
        List<String> published = Collections.synchronizedList(new ArrayList<>());
        try (Scripted server = new Scripted() {
                    private boolean said;

                    @Override
                    String info() {
                        return INFO.replace("}\r\n", unknown);
                    }

                    @Override
                    void published(int connection, String subject, OutputStream out) {
                        published.add(subject);
                    }

                    @Override
                    void pinged(int connection, OutputStream out) throws IOException {
                        String more = said ? "" : second;
                        said = true;
                        for (char piece : (behindPong ? "PONG\r\n" + more : more + "PONG\r\n").toCharArray()) {
                            say(out, String.valueOf(piece));
                        }
                    }
                };
                NatsDatastore datastore = open(server)) {
            offer(datastore, 100); // waits for the connection, so that it goes out behind its CONNECT
            awaitEnded(100);
            assertEquals(100, outcomes.confirmed().size());
            assertEquals(100, published.size());
            assertEquals(1, server.connections.get());
        }
    }

    /** Each connection's first answer to a barrier has a PONG too many behind it. */
    @Test
    void a_pong_too_many_ends_the_connection() throws Exception {
        AtomicInteger pings = new AtomicInteger();
        try (Scripted server = new Scripted() {
                    @Override
                    void published(int connection, String subject, OutputStream out) {}

                    @Override
                    void pinged(int connection, OutputStream out) throws IOException {
                        boolean extra = connection == 1 && pings.incrementAndGet() == 3;
                        say(out, extra ? "PONG\r\nPONG\r\n" : "PONG\r\n");
                    }
                };
                NatsDatastore datastore = open(server)) {
            await().atMost(SOON).until(() -> server.connections.get() == 2);
            offer(datastore, 10);
            awaitEnded(10);
            assertEquals(10, outcomes.confirmed().size());
        }
    }

    /** PONGs to jnats' own PING and to ours, one missing: nothing is confirmed by another's. */
    @Test
    void a_barrier_that_is_not_answered_confirms_nothing() throws Exception {
        try (Scripted server = new Scripted() {
                    private int pings;

                    @Override
                    void published(int connection, String subject, OutputStream out) {}

                    @Override
                    void pinged(int connection, OutputStream out) throws IOException {
                        if (connection > 1 || ++pings < 2) {
                            say(out, "PONG\r\n");
                        }
                    }
                };
                NatsDatastore datastore = open(server, "silent.ms", "1000")) {
            offer(datastore, 10);
            awaitEnded(10);
            assertEquals(10, outcomes.confirmed().size());
            assertEquals(2, server.connections.get(), "by the second");
        }
    }

    /** Each may take {@code connect.timeout.ms}, and there may be many. */
    @Test
    void closing_waits_for_one_attempt_to_connect_and_not_for_all_servers() throws Exception {
        List<ServerSocket> silent = new ArrayList<>();
        AtomicInteger tried = new AtomicInteger();
        for (int i = 0; i < 6; i++) {
            ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
            silent.add(socket);
            Thread accepting = new Thread(
                    () -> {
                        while (!socket.isClosed()) {
                            try {
                                socket.accept(); // and says nothing
                                tried.incrementAndGet();
                            } catch (IOException e) {
                                return;
                            }
                        }
                    },
                    "scripted-silent");
            accepting.setDaemon(true);
            accepting.start();
        }
        String url = silent.stream()
                .map(socket -> "nats://127.0.0.1:" + socket.getLocalPort())
                .collect(Collectors.joining(","));
        NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", url, "connect.timeout.ms", "2000"));
        await().atMost(SOON).until(() -> tried.get() > 0);
        datastore.close();
        assertTrue(tried.get() < 4, "tried " + tried);
        for (ServerSocket socket : silent) {
            socket.close();
        }
    }
}
