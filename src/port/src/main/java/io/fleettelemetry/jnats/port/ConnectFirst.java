package io.fleettelemetry.jnats.port;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Has the first thing that is written on a connection be its {@code CONNECT}. When a link breaks at the wrong moment, jnats
 * writes a {@code PING} or {@code PONG} that was meant for it on the next connection, before {@code CONNECT}; and a server
 * that asks for credentials answers that by {@code Authorization Violation}. One thread at a time.
 */
final class ConnectFirst {

    private static final byte[] CONNECT = "CONNECT ".getBytes(StandardCharsets.US_ASCII);

    private final ByteArrayOutputStream before = new ByteArrayOutputStream(0);
    private byte[] connect = {};

    /**
     * What to write now; until there is something, and then not called again.
     *
     * @param bytes whole protocol messages, before {@code CONNECT} such that are one line
     * @param length how many of the bytes
     * @return the same bytes from {@code CONNECT} on; what came before it follows. Empty as long as there is none
     */
    byte[] order(byte[] bytes, int length) {
        int from = 0;
        while (from < length && !isConnect(bytes, from, length)) {
            from = endOfLine(bytes, from, length);
        }
        before.write(bytes, 0, from);
        if (from == length) {
            return new byte[0];
        }
        ByteArrayOutputStream ordered = new ByteArrayOutputStream(length + before.size());
        int end = endOfLine(bytes, from, length);
        connect = Arrays.copyOfRange(bytes, from, end);
        ordered.write(bytes, from, end - from);
        ordered.writeBytes(before.toByteArray());
        ordered.write(bytes, end, length - end);
        return ordered.toByteArray();
    }

    /** The {@code CONNECT} that went out, with its line end; empty before that. */
    byte[] connect() {
        return connect;
    }

    private static boolean isConnect(byte[] bytes, int from, int length) {
        int to = from + CONNECT.length;
        return to <= length && Arrays.equals(bytes, from, to, CONNECT, 0, CONNECT.length);
    }

    /** Behind the next line end; the length if there is none. */
    private static int endOfLine(byte[] bytes, int from, int length) {
        int at = from;
        while (at < length && bytes[at] != '\n') {
            at++;
        }
        return Math.min(at + 1, length);
    }
}
