package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;

/** Publishes messages with a status line, which no client library does. */
final class RawMessage {

    private RawMessage() {}

    /**
     * Publishes one, and returns when the server has it.
     *
     * @param header from {@code NATS/1.0} to its empty line; empty for none
     */
    static void publish(int port, String subject, String header, String body) throws IOException {
        int length = header.length() + body.length();
        String sizes = header.isEmpty() ? "PUB " + subject : "HPUB " + subject + " " + header.length();
        try (Socket socket = new Socket("127.0.0.1", port)) {
            String said = "CONNECT {\"verbose\":false,\"headers\":true}\r\n" + sizes + " " + length + "\r\n" + header
                    + body + "\r\nPING\r\n";
            socket.getOutputStream().write(said.getBytes(UTF_8));
            BufferedReader answers = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
            while (!answers.readLine().equals("PONG")) {
                // INFO
            }
        }
    }
}
