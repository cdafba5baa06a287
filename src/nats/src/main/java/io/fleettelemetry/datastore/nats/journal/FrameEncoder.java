package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.TelemetryRecord;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Makes of a record the very bytes that go to the server: {@code PUB <subject> [reply] <size>\r\n<payload>\r\n}, or with a
 * header {@code HPUB <subject> [reply] <header size> <total size>\r\n<header>\r\n<payload>\r\n}. Allocates nothing.
 * Immutable.
 */
public final class FrameEncoder {

    private static final byte[] PUB = ascii("PUB ");
    private static final byte[] HPUB = ascii("HPUB ");
    private static final byte[] CRLF = ascii("\r\n");
    private static final byte[] HEADER = ascii("NATS/1.0\r\nNats-Msg-Id: ");
    private static final byte[] HEADER_END = ascii("\r\n\r\n");
    private static final byte[] DATA = ascii("data");
    private static final int NUMBER_DIGITS = 16;

    private final Subjects subjects;
    private final byte[] prefix;
    /** What the message ids of this process begin with; empty for no ids, and so no headers. */
    private final byte[] idPrefix;
    /** What the subjects of answers begin with; empty for no answers. */
    private final byte[] replyPrefix;

    /**
     * @param messageIds what {@code Nats-Msg-Id} begins with, unique to this datastore in this process; empty for no header
     * @param inbox the subject under which each record's answer has its own; empty for no answers
     */
    public FrameEncoder(Subjects subjects, String messageIds, String inbox) {
        this.subjects = subjects;
        this.prefix = ascii(subjects.namespace() + ".");
        this.idPrefix = ascii(messageIds);
        this.replyPrefix = ascii(inbox.isEmpty() ? "" : inbox + ".");
    }

    /** The number of the record that an answer to this subject is for; negative if it is for none. */
    public static long numberOf(String reply) {
        int from = reply.length() - NUMBER_DIGITS;
        try {
            return from < 0 ? -1 : Long.parseLong(reply, from, reply.length(), 16);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    public Subjects subjects() {
        return subjects;
    }

    /** Whether the frames of another one look the same. */
    public boolean isLike(FrameEncoder other) {
        return Arrays.equals(prefix, other.prefix)
                && Arrays.equals(idPrefix, other.idPrefix)
                && Arrays.equals(replyPrefix, other.replyPrefix);
    }

    /** Whether each frame asks for an answer. */
    boolean asksForAnswers() {
        return replyPrefix.length > 0;
    }

    boolean hasHeaders() {
        return idPrefix.length > 0;
    }

    /** Bytes of the header, which count towards the server's max_payload. */
    int headerLength() {
        return hasHeaders() ? HEADER.length + idPrefix.length + NUMBER_DIGITS + HEADER_END.length : 0;
    }

    /** Bytes of the whole frame. */
    long length(TelemetryRecord record) {
        return length(record.vin(), record.type(), record.payload().length);
    }

    /** Bytes of the frame of a record with these. */
    long length(String vin, String type, int size) {
        long payload = size;
        int header = headerLength();
        int reply = asksForAnswers() ? 1 + replyPrefix.length + NUMBER_DIGITS : 0;
        int subject = prefix.length + vin.length() + 1 + topicLength(type) + reply;
        return hasHeaders()
                ? HPUB.length + subject + 1 + digits(header) + 1 + digits(header + payload) + 2 + header + payload + 2
                : PUB.length + subject + 1 + digits(payload) + 2 + payload + 2;
    }

    private static int topicLength(String type) {
        return type.equals("V") ? DATA.length : type.length();
    }

    /**
     * Writes the frame.
     *
     * @param record without {@linkplain Subjects#flaw flaw}
     * @param number of the record; with the prefixes its message id and the subject of its answer
     * @param out has room for {@link #length}
     * @return where the frame ends
     */
    int encode(TelemetryRecord record, long number, byte[] out, int from) {
        byte[] payload = record.payload();
        int header = headerLength();
        int at = put(hasHeaders() ? HPUB : PUB, out, from);
        at = put(prefix, out, at);
        at = put(record.vin(), out, at);
        out[at++] = '.';
        at = record.type().equals("V") ? put(DATA, out, at) : put(record.type(), out, at);
        out[at++] = ' ';
        if (asksForAnswers()) {
            at = put(replyPrefix, out, at);
            at = putHex(number, out, at);
            out[at++] = ' ';
        }
        if (hasHeaders()) {
            at = putDecimal(header, out, at);
            out[at++] = ' ';
        }
        at = putDecimal(header + payload.length, out, at);
        at = put(CRLF, out, at);
        if (hasHeaders()) {
            at = put(HEADER, out, at);
            at = put(idPrefix, out, at);
            at = putHex(number, out, at);
            at = put(HEADER_END, out, at);
        }
        at = put(payload, out, at);
        return put(CRLF, out, at);
    }

    private static int put(byte[] bytes, byte[] out, int at) {
        System.arraycopy(bytes, 0, out, at, bytes.length);
        return at + bytes.length;
    }

    /** A token: every character is one byte, for which the method that is deprecated is right, and copies it at once. */
    @SuppressWarnings("deprecation")
    private static int put(String token, byte[] out, int at) {
        token.getBytes(0, token.length(), out, at);
        return at + token.length();
    }

    private static int digits(long number) {
        int digits = 1;
        for (long rest = number; rest >= 10; rest /= 10) {
            digits++;
        }
        return digits;
    }

    private static int putDecimal(int number, byte[] out, int at) {
        int end = at + digits(number);
        int rest = number;
        for (int i = end - 1; i >= at; i--) {
            out[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        return end;
    }

    private static int putHex(long number, byte[] out, int at) {
        for (int i = 0; i < NUMBER_DIGITS; i++) {
            out[at + i] = (byte) Character.forDigit((int) (number >>> (60 - 4 * i)) & 0xF, 16);
        }
        return at + NUMBER_DIGITS;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
