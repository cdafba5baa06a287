package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.TelemetryRecord;
import java.nio.charset.StandardCharsets;

/**
 * Makes of a record the very bytes that go to the server: {@code PUB <subject> <size>\r\n<payload>\r\n}, or with a header
 * {@code HPUB <subject> <header size> <total size>\r\n<header>\r\n<payload>\r\n}. Allocates nothing. Immutable.
 */
final class FrameEncoder {

    private static final byte[] PUB = ascii("PUB ");
    private static final byte[] HPUB = ascii("HPUB ");
    private static final byte[] CRLF = ascii("\r\n");
    private static final byte[] HEADER = ascii("NATS/1.0\r\nNats-Msg-Id: ");
    private static final byte[] HEADER_END = ascii("\r\n\r\n");
    private static final byte[] DATA = ascii("data");
    private static final int SEQUENCE_DIGITS = 16;

    private final Subjects subjects;
    private final byte[] prefix;
    /** What the message ids of this process begin with; empty for no ids, and so no headers. */
    private final byte[] idPrefix;

    /**
     * @param messageIds what {@code Nats-Msg-Id} begins with, unique to this datastore in this process; empty for no header
     */
    FrameEncoder(Subjects subjects, String messageIds) {
        this.subjects = subjects;
        this.prefix = ascii(subjects.namespace() + ".");
        this.idPrefix = ascii(messageIds);
    }

    Subjects subjects() {
        return subjects;
    }

    boolean hasHeaders() {
        return idPrefix.length > 0;
    }

    /** Bytes of the header, which count towards the server's max_payload. */
    int headerLength() {
        return hasHeaders() ? HEADER.length + idPrefix.length + SEQUENCE_DIGITS + HEADER_END.length : 0;
    }

    /** Bytes of the whole frame. */
    int length(TelemetryRecord record) {
        int payload = record.payload().length;
        int header = headerLength();
        int subject = prefix.length + record.vin().length() + 1 + topicLength(record.type());
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
     * @param sequence number of the record; with the prefix its message id
     * @param out has room for {@link #length}
     * @return where the frame ends
     */
    int encode(TelemetryRecord record, long sequence, byte[] out, int from) {
        byte[] payload = record.payload();
        int header = headerLength();
        int at = put(hasHeaders() ? HPUB : PUB, out, from);
        at = put(prefix, out, at);
        at = put(record.vin(), out, at);
        out[at++] = '.';
        at = record.type().equals("V") ? put(DATA, out, at) : put(record.type(), out, at);
        out[at++] = ' ';
        if (hasHeaders()) {
            at = putDecimal(header, out, at);
            out[at++] = ' ';
        }
        at = putDecimal(header + payload.length, out, at);
        at = put(CRLF, out, at);
        if (hasHeaders()) {
            at = put(HEADER, out, at);
            at = put(idPrefix, out, at);
            at = putHex(sequence, out, at);
            at = put(HEADER_END, out, at);
        }
        at = put(payload, out, at);
        return put(CRLF, out, at);
    }

    private static int put(byte[] bytes, byte[] out, int at) {
        System.arraycopy(bytes, 0, out, at, bytes.length);
        return at + bytes.length;
    }

    /** A token: every character is one byte. */
    private static int put(String token, byte[] out, int at) {
        for (int i = 0; i < token.length(); i++) {
            out[at + i] = (byte) token.charAt(i);
        }
        return at + token.length();
    }

    private static int digits(int number) {
        int digits = 1;
        for (int rest = number; rest >= 10; rest /= 10) {
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
        for (int i = 0; i < SEQUENCE_DIGITS; i++) {
            out[at + i] = (byte) Character.forDigit((int) (number >>> (60 - 4 * i)) & 0xF, 16);
        }
        return at + SEQUENCE_DIGITS;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
