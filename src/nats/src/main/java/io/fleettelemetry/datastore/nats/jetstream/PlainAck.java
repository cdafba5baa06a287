package io.fleettelemetry.datastore.nats.jetstream;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Recognizes the PubAck that nearly every record gets, {@code {"stream":"S","seq":1}}: jnats' parser makes a kilobyte of
 * garbage of it. nats-server before 2.12 writes a blank after the comma. Anything else is left to jnats.
 */
final class PlainAck {

    private static final byte[] BEGIN = bytes("{\"stream\":\"");
    private static final byte[] MIDDLE = bytes("\",\"seq\":");
    private static final byte[] OLD_MIDDLE = bytes("\", \"seq\":");

    private static final int MAX_NAME = 255;
    /** That many digits always fit into a long. */
    private static final int MAX_DIGITS = 18;

    private record Name(String text, byte[] bytes) {}

    /** Of the last one: nearly all come from the same stream. Immutable, so threads may share it without a lock. */
    private Name last = new Name("", new byte[0]);

    /** The stream that has stored a message; empty if this is not a PubAck in the usual form, with a sequence above 0. */
    String stream(byte[] json) {
        int begin = BEGIN.length;
        if (!has(json, 0, BEGIN)) {
            return "";
        }
        int end = endOfName(json, begin);
        int digits = has(json, end, MIDDLE)
                ? end + MIDDLE.length
                : has(json, end, OLD_MIDDLE) ? end + OLD_MIDDLE.length : json.length;
        return isSequence(json, digits) ? name(json, begin, end) : "";
    }

    private static int endOfName(byte[] json, int begin) {
        int end = begin;
        while (end < json.length && isPlain(json[end])) {
            end++;
        }
        return end;
    }

    /** Whether it stands for itself in JSON, and is one byte in UTF-8. */
    private static boolean isPlain(byte character) {
        return character >= ' ' && character <= '~' && character != '"' && character != '\\';
    }

    /** Whether all from here on is a number above 0 and the closing brace. */
    private static boolean isSequence(byte[] json, int begin) {
        int end = json.length - 1;
        if (end <= begin || end - begin > MAX_DIGITS || json[begin] == '0' || json[end] != '}') {
            return false;
        }
        for (int i = begin; i < end; i++) {
            if (json[i] < '0' || json[i] > '9') {
                return false;
            }
        }
        return true;
    }

    private String name(byte[] json, int begin, int end) {
        Name name = last;
        if (!Arrays.equals(json, begin, end, name.bytes, 0, name.bytes.length)) {
            if (end - begin > MAX_NAME) {
                return "";
            }
            byte[] bytes = Arrays.copyOfRange(json, begin, end);
            name = new Name(new String(bytes, StandardCharsets.US_ASCII), bytes);
            last = name;
        }
        return name.text;
    }

    private static boolean has(byte[] json, int at, byte[] text) {
        return json.length - at >= text.length && Arrays.equals(json, at, at + text.length, text, 0, text.length);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
