package io.fleettelemetry.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class NatsServerTest {

    @Test
    void a_killed_server_comes_back_on_its_port() throws IOException {
        try (var server = NatsServer.start()) {
            int port = server.port();
            try (var client = new Client(server)) {
                client.say("PING");
                assertEquals("PONG", client.line()); // with bytes unread, the end would be a reset
                server.kill();
                assertEquals(null, client.line());
            }
            assertThrows(IOException.class, () -> new Client(server));
            server.restart();
            assertEquals(port, server.port());
            assertEquals("PONG", pong(server));
        }
    }

    @Test
    void a_stopped_server_says_goodbye_in_its_log() {
        try (var server = NatsServer.start()) {
            server.stop();
            assertTrue(server.log().contains("Server Exiting"), server.log());
        }
    }

    @Test
    void a_paused_server_keeps_its_connections_and_answers_when_it_resumes() throws IOException {
        try (var server = NatsServer.start();
                var client = new Client(server)) {
            server.pause();
            client.say("PING");
            client.socket.setSoTimeout(200);
            assertThrows(SocketTimeoutException.class, client::line);
            server.resume();
            client.socket.setSoTimeout(10_000);
            assertEquals("PONG", client.line());
        }
    }

    @Test
    void configuration_lines_reach_the_server_and_can_be_replaced_while_it_runs() throws IOException {
        try (var server = NatsServer.start("max_payload: 1000", "jetstream { store_dir: $DIR }")) {
            try (var client = new Client(server)) {
                assertTrue(client.info.contains("\"max_payload\":1000,"), client.info);
                assertTrue(client.info.contains("\"jetstream\":true"), client.info);
            }
            server.reload("max_payload: 2000", "jetstream { store_dir: $DIR }");
            try (var client = new Client(server)) {
                assertTrue(client.info.contains("\"max_payload\":2000,"), client.info);
            }
            var refusal = assertThrows(IllegalStateException.class, () -> server.reload("max_payload: nonsense"));
            assertTrue(refusal.getMessage().contains("max_payload"), refusal.getMessage());
        }
    }

    @Test
    void a_lame_duck_tells_its_clients_and_goes() throws IOException {
        try (var server = NatsServer.start("lame_duck_duration: 30s", "lame_duck_grace_period: 100ms");
                var client = new Client(server, 1)) {
            client.say("PING");
            var heard = new ArrayList<String>();
            for (String line; (line = client.line()) != null; heard.add(line)) {
                if (line.equals("PONG")) {
                    server.lameDuck();
                }
            }
            String last = heard.get(heard.size() - 1);
            assertTrue(last.startsWith("INFO ") && last.contains("\"ldm\":true"), heard::toString);
            assertTrue(Wait.until(Duration.ofSeconds(20), () -> !server.isRunning()));
        }
    }

    @Test
    void a_server_that_does_not_start_says_why() {
        var failure = assertThrows(IllegalStateException.class, () -> NatsServer.start("no_such_key: 1"));
        assertTrue(failure.getMessage().contains("no_such_key"), failure.getMessage());
    }

    private static String pong(NatsServer server) throws IOException {
        try (var client = new Client(server)) {
            client.say("PING");
            return client.line();
        }
    }

    /** Speaks just enough of the protocol. */
    private static final class Client implements AutoCloseable {

        final Socket socket;
        final String info;
        private final BufferedReader reader;

        Client(NatsServer server) throws IOException {
            this(server, 0);
        }

        /** @param protocol 1 for a client that is told of changes by further INFOs */
        Client(NatsServer server, int protocol) throws IOException {
            socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
            reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            info = line();
            say("CONNECT {\"verbose\":false,\"protocol\":" + protocol + "}");
        }

        void say(String line) throws IOException {
            socket.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
        }

        /** The next line; null if the server has closed the connection. */
        String line() throws IOException {
            return reader.readLine();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
