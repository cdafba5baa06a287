package io.fleettelemetry.jnats.port;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Puts {@code CONNECT} first on a connection. If a link breaks at the wrong moment, jnats writes a {@code PING} or
 * {@code PONG} that was meant for the old connection on the new one, before {@code CONNECT}. A server that requires
 * credentials then answers {@code Authorization Violation}. Not thread-safe.
 */
final class ConnectFirst {

    private static final byte[] CONNECT = "CONNECT ".getBytes(StandardCharsets.US_ASCII);

    private final ByteArrayOutputStream before = new ByteArrayOutputStream(0);
    private byte[] connect = {};

    /**
     * Returns the bytes to write now. Call it until the result is not empty, and then no more.
     *
     * @param bytes whole protocol messages; those before {@code CONNECT} have one line each
     * @param length the number of bytes
     * @return {@code CONNECT}, then the messages that came before it, then the rest; empty until {@code CONNECT} has
     *     come
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

    /** The index after the next line end; the length if there is none. */
    private static int endOfLine(byte[] bytes, int from, int length) {
        int at = from;
        while (at < length && bytes[at] != '\n') {
            at++;
        }
        return Math.min(at + 1, length);
    }
}
