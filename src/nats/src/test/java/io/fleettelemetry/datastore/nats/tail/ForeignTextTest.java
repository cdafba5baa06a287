package io.fleettelemetry.datastore.nats.tail;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonParser;
import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.datastore.nats.Feed;
import io.fleettelemetry.datastore.nats.NatsProducerFactory;
import io.fleettelemetry.protos.VehicleError;
import io.fleettelemetry.protos.VehicleErrors;
import io.fleettelemetry.testkit.CapturedLog;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a server or a vehicle says commands no terminal and begins no line of ours: in the status, the log and the tail. */
class ForeignTextTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    /** With neither CR nor LF, which end a line of the protocol. */
    private static final String IN_A_LINE = "a\u001b[2J  state OK\u009b1m\u007f\u202e\u2028\u2029\u2066\ufeffz";

    private static final String SHOWN_IN_A_LINE = "a?[2J  state OK?1m??????z";
    private static final String HOSTILE = IN_A_LINE + "\r\n" + IN_A_LINE;
    private static final String SHOWN = SHOWN_IN_A_LINE + "??" + SHOWN_IN_A_LINE;

    private static void assertPlain(String text) {
        assertFalse(text.matches("(?s).*[\\p{Cc}\\p{Cf}\u2028\u2029].*"), () -> new Gson().toJson(text));
    }

    /** A server by script: its version is hostile, and so is its answer to a subscription. */
    private static final class HostileServer implements AutoCloseable {

        private final ServerSocket socket = new ServerSocket(0, 0, InetAddress.getLoopbackAddress());
        private final List<Socket> clients = Collections.synchronizedList(new ArrayList<>());

        HostileServer() throws IOException {
            start(this::acceptAll);
        }

        String url() {
            return "nats://127.0.0.1:" + socket.getLocalPort();
        }

        private static void start(Runnable run) {
            Thread thread = new Thread(run, "hostile-server");
            thread.setDaemon(true);
            thread.start();
        }

        private void acceptAll() {
            try {
                while (true) {
                    Socket client = socket.accept();
                    clients.add(client);
                    start(() -> serve(client));
                }
            } catch (IOException e) {
                // closed
            }
        }

        private void serve(Socket client) {
            try (client) {
                OutputStream out = client.getOutputStream();
                BufferedReader in =
                        new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.UTF_8));
                say(
                        out,
                        "INFO {\"server_id\":\"x\",\"max_payload\":1048576,\"headers\":true,\"version\":"
                                + new Gson().toJson(HOSTILE) + "}");
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    if (line.equals("PING")) {
                        say(out, "PONG");
                    } else if (line.startsWith("SUB")) {
                        say(out, "-ERR '" + IN_A_LINE + "'");
                    }
                }
            } catch (IOException e) {
                // closed
            }
        }

        private static void say(OutputStream out, String line) throws IOException {
            out.write((line + "\r\n").getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public void close() throws IOException {
            socket.close();
            for (Socket client : List.copyOf(clients)) {
                client.close();
            }
        }
    }

    @Test
    void a_servers_version_and_its_errors_are_text_in_the_status_and_in_a_tail() throws Exception {
        try (HostileServer server = new HostileServer();
                CloseableProducer datastore = new NatsProducerFactory().open(Map.of("url", server.url()))) {
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
            assertEquals(SHOWN, datastore.status().details().get("server_version"));

            List<String> notes = Collections.synchronizedList(new ArrayList<>());
            IOException e =
                    assertThrows(IOException.class, () -> new Tail((Feed) datastore, "a.>", 0, new Notes(notes)).run());
            assertPlain(e.getMessage());
            assertTrue(e.getMessage().contains(SHOWN_IN_A_LINE), e::getMessage);
        }
    }

    @Test
    void text_of_a_server_is_escaped_in_the_log() throws Exception {
        String log;
        try (CapturedLog captured = new CapturedLog();
                HostileServer server = new HostileServer();
                CloseableProducer datastore = new NatsProducerFactory()
                        .open(Map.of("url", server.url(), "delivery", "jetstream", "datastore", "hostile"))) {
            await().atMost(SOON).until(() -> captured.text().contains("nats_error datastore=hostile"));
            log = captured.text();
        }
        log.lines().filter(line -> line.contains("datastore=hostile")).forEach(ForeignTextTest::assertPlain);
        assertTrue(log.contains(SHOWN_IN_A_LINE));
    }

    @Test
    void text_of_a_vehicle_is_escaped_in_a_tail() {
        byte[] payload = VehicleErrors.newBuilder()
                .addErrors(VehicleError.newBuilder().setName(HOSTILE).putTags(HOSTILE, HOSTILE))
                .build()
                .toByteArray();
        for (Arrival arrival : List.of(
                Arrival.of("fleet." + HOSTILE + ".errors", payload),
                Arrival.of("fleet." + HOSTILE + "." + HOSTILE, payload),
                Arrival.of(HOSTILE, payload))) {
            assertPlain(arrival.line(LocalTime.NOON));
            assertPlain(arrival.json());
            assertEquals(
                    arrival.subject(),
                    JsonParser.parseString(arrival.json())
                            .getAsJsonObject()
                            .get("subject")
                            .getAsString());
        }
        assertEquals(
                HOSTILE,
                JsonParser.parseString(Arrival.of("fleet.VIN.errors", payload).payload())
                        .getAsJsonObject()
                        .getAsJsonArray("errors")
                        .get(0)
                        .getAsJsonObject()
                        .get("name")
                        .getAsString());
    }

    private record Notes(List<String> notes) implements Tail.Screen {

        @Override
        public void show(Arrival arrival) {
            notes.add(arrival.subject());
        }

        @Override
        public void note(String text) {
            notes.add(text);
        }

        @Override
        public boolean isWatched() {
            return true;
        }
    }
}
