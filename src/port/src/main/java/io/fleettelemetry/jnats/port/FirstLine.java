package io.fleettelemetry.jnats.port;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;

/**
 * Keeps the server's first line, INFO, apart from the bytes behind it. If the server refuses the connection, the reason comes
 * together with INFO, and jnats would skip it. One thread at a time.
 */
final class FirstLine {

    private boolean read;
    /** The bytes that were read together with the line and have not been taken yet. */
    private byte[] rest = {};

    /** Whether the whole line has been read. */
    boolean isRead() {
        return read;
    }

    /**
     * Keeps what is behind the line end, if these bytes have it.
     *
     * @param count number of bytes; not positive if there are none
     * @return number of bytes up to the line end; the same number if they do not have it
     */
    int cut(byte[] bytes, int from, int count) {
        for (int i = from; i < from + count; i++) {
            if (bytes[i] == '\n') {
                read = true;
                rest = Arrays.copyOfRange(bytes, i + 1, from + count);
                return i + 1 - from;
            }
        }
        return count;
    }

    boolean hasRest() {
        return rest.length > 0;
    }

    String rest() {
        return new String(rest, UTF_8);
    }

    /** Returns how many bytes were taken. */
    int takeRest(byte[] to, int from, int length) {
        int count = Math.min(length, rest.length);
        System.arraycopy(rest, 0, to, from, count);
        rest = Arrays.copyOfRange(rest, count, rest.length);
        return count;
    }
}
