package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.TelemetryRecord;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Encodes a record as the bytes that go to the server: {@code PUB <subject> [reply] <size>\r\n<payload>\r\n}, or with a
 * header {@code HPUB <subject> [reply] <header size> <total size>\r\n<header>\r\n<payload>\r\n}. Allocates nothing.
 * Immutable.
 */
public final class FrameEncoder {

    private static final byte[] PUB = ascii("PUB ");
    private static final byte[] HPUB = ascii("HPUB ");
    private static final byte[] CRLF = ascii("\r\n");
    private static final byte[] NO_PAYLOAD = ascii(" 0\r\n\r\n");
    private static final byte[] HEADER = ascii("NATS/1.0\r\nNats-Msg-Id: ");
    private static final byte[] HEADER_END = ascii("\r\n\r\n");
    private static final byte[] DATA = ascii("data");
    private static final byte[] HEX = ascii("0123456789abcdef");
    private static final int NUMBER_DIGITS = 16;

    /**
     * The rest of a batch's reply subject: the rest of the id, the interval of answers, the number, and the operation.
     */
    private static final byte[] BATCH_END = ascii("00000000.00500.fail.00000000000000.1.$FI");

    private static final int BATCH_DIGITS = 8;
    private static final int SEQUENCE_AT = BATCH_DIGITS + ".00500.fail.".length();
    private static final int SEQUENCE_DIGITS = 14;
    private static final int OPERATION_AT = SEQUENCE_AT + SEQUENCE_DIGITS + 1;
    private static final String BATCH_SUFFIX = ".$FI";
    /** Number of characters of the inbox with which the ids of batches begin: 71 random bits. */
    private static final int SECRET_LENGTH = 12;

    /** The operation of a message in a batch, in the order of the digits of nats-server's fast ingest. */
    enum Operation {
        BEGIN,
        GO_ON,
        /** Store this message, and end the batch. */
        END,
        /** End the batch without storing this message. */
        END_ONLY,
        PING
    }

    private final Subjects subjects;
    private final byte[] prefix;
    /** The beginning of the message ids of this process; empty for no ids, and so no headers. */
    private final byte[] idPrefix;
    /** The beginning of the subjects of answers; empty for no answers. */
    private final byte[] replyPrefix;

    private final String inbox;
    private final boolean batches;

    /**
     * @param subjects builds the subjects
     * @param messageIds the beginning of {@code Nats-Msg-Id}, unique to this datastore in this process; empty for no
     *     header
     * @param inbox the beginning of the subjects of answers, of which each record has one; empty for no answers
     * @param batches whether records go out in batches, each of which has few answers
     */
    public FrameEncoder(Subjects subjects, String messageIds, String inbox, boolean batches) {
        this.subjects = subjects;
        this.prefix = ascii(subjects.namespace() + ".");
        this.idPrefix = ascii(messageIds);
        this.inbox = inbox;
        this.batches = batches;
        this.replyPrefix = ascii(inbox.isEmpty() ? "" : inbox + "." + (batches ? secret(inbox) : ""));
    }

    /** An encoder without batches. */
    public FrameEncoder(Subjects subjects, String messageIds, String inbox) {
        this(subjects, messageIds, inbox, false);
    }

    /** The same encoder without batches: each record asks for an answer of its own. */
    FrameEncoder withoutBatches() {
        return new FrameEncoder(subjects, new String(idPrefix, StandardCharsets.US_ASCII), inbox);
    }

    /** The secret part of a batch's id: a user who knows the id can write into the batch. */
    private static String secret(String inbox) {
        String last = inbox.substring(inbox.lastIndexOf('.') + 1);
        return last.substring(Math.max(0, last.length() - SECRET_LENGTH));
    }

    /** The number of the record that an answer to this subject is for; negative if it is for none. */
    public static long numberOf(String reply) {
        return number(reply, reply.length() - NUMBER_DIGITS, NUMBER_DIGITS, 16);
    }

    /** Whether an answer to this subject is for a batch. */
    public static boolean isOfBatch(String reply) {
        return reply.endsWith(BATCH_SUFFIX);
    }

    /** The number of the batch that an answer to this subject is for; negative if it is for none. */
    public static long batchOf(String reply) {
        return number(reply, reply.length() - BATCH_END.length, BATCH_DIGITS, 16);
    }

    /** The number in its batch of the message that an answer to this subject is for; negative if it is for none. */
    public static long sequenceOf(String reply) {
        return number(reply, reply.length() - BATCH_END.length + SEQUENCE_AT, SEQUENCE_DIGITS, 10);
    }

    /** The number of messages in the batch up to the message that an answer to this subject is for. */
    public static long lengthOf(String reply) {
        char operation = reply.charAt(reply.length() - BATCH_SUFFIX.length() - 1);
        return sequenceOf(reply) - (operation - '0' == Operation.END_ONLY.ordinal() ? 1 : 0);
    }

    private static long number(String text, int from, int digits, int radix) {
        try {
            return from < 0 ? -1 : Long.parseLong(text, from, from + digits, radix);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    public Subjects subjects() {
        return subjects;
    }

    /** Whether another encoder makes the same frames. */
    public boolean isLike(FrameEncoder other) {
        return Arrays.equals(prefix, other.prefix)
                && Arrays.equals(idPrefix, other.idPrefix)
                && Arrays.equals(replyPrefix, other.replyPrefix)
                && batches == other.batches;
    }

    boolean makesBatches() {
        return batches;
    }

    /** Whether each frame asks for an answer. */
    boolean asksForAnswers() {
        return replyPrefix.length > 0;
    }

    boolean hasHeaders() {
        return idPrefix.length > 0;
    }

    /** Length (bytes) of the header, which counts towards the server's max_payload. */
    int headerLength() {
        return hasHeaders() ? HEADER.length + idPrefix.length + NUMBER_DIGITS + HEADER_END.length : 0;
    }

    /** Length (bytes) of the whole frame. */
    long length(TelemetryRecord record) {
        return length(record.vin(), record.type(), record.payload().length);
    }

    /** Length (bytes) of the frame of a record with this VIN, type and payload size. */
    long length(String vin, String type, int size) {
        long payload = size;
        int header = headerLength();
        int reply = asksForAnswers() ? 1 + replyPrefix.length + (batches ? BATCH_END.length : NUMBER_DIGITS) : 0;
        int subject = prefix.length + vin.length() + 1 + topicLength(type) + reply;
        return hasHeaders()
                ? HPUB.length + subject + 1 + digits(header) + 1 + digits(header + payload) + 2 + header + payload + 2
                : PUB.length + subject + 1 + digits(payload) + 2 + payload + 2;
    }

    private static int topicLength(String type) {
        return type.equals("V") ? DATA.length : type.length();
    }

    /**
     * Encodes a frame.
     *
     * @param record a record without {@linkplain Subjects#flaw flaw}
     * @param number the record's number; its message id and the subject of its answer contain it
     * @param out array with room for {@link #length}
     * @param from index of the frame's first byte
     * @return the index after the frame
     */
    int encode(TelemetryRecord record, long number, byte[] out, int from) {
        byte[] payload = record.payload();
        int header = headerLength();
        int at = putSubject(hasHeaders() ? HPUB : PUB, record, out, from);
        if (asksForAnswers()) {
            at = put(replyPrefix, out, at);
            at = batches ? put(BATCH_END, out, at) : putHex(number, NUMBER_DIGITS, out, at);
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
            at = putHex(number, NUMBER_DIGITS, out, at);
            at = put(HEADER_END, out, at);
        }
        at = put(payload, out, at);
        return put(CRLF, out, at);
    }

    /** Encodes a frame that stores nothing: a control message of a batch, on the subject of one of its records. */
    int encodeControl(TelemetryRecord record, byte[] out) {
        int at = putSubject(PUB, record, out, 0);
        at = put(replyPrefix, out, at);
        at = put(BATCH_END, out, at);
        return put(NO_PAYLOAD, out, at);
    }

    /** Length (bytes) of a frame that stores nothing. */
    int controlLength(TelemetryRecord record) {
        return replyAt(record, PUB) + BATCH_END.length + NO_PAYLOAD.length;
    }

    /** Sets the batch, the number and the operation in a record's frame, which begins at this index. */
    void number(TelemetryRecord record, long batch, long sequence, Operation operation, byte[] out, int from) {
        number(batch, sequence, operation, out, from + replyAt(record, hasHeaders() ? HPUB : PUB));
    }

    /** The same for a frame that stores nothing, made with this record. */
    void numberControl(TelemetryRecord record, long batch, long sequence, Operation operation, byte[] out) {
        number(batch, sequence, operation, out, replyAt(record, PUB));
    }

    private int replyAt(TelemetryRecord record, byte[] pub) {
        return pub.length
                + prefix.length
                + record.vin().length()
                + 1
                + topicLength(record.type())
                + 1
                + replyPrefix.length;
    }

    private static void number(long batch, long sequence, Operation operation, byte[] out, int at) {
        putHex(batch, BATCH_DIGITS, out, at);
        long rest = sequence;
        for (int i = at + SEQUENCE_AT + SEQUENCE_DIGITS - 1; i >= at + SEQUENCE_AT; i--) {
            out[i] = (byte) ('0' + (rest == 0 ? 0 : rest % 10)); // most digits are zero, and divisions cost
            rest = rest == 0 ? 0 : rest / 10;
        }
        out[at + OPERATION_AT] = (byte) ('0' + operation.ordinal());
    }

    private int putSubject(byte[] pub, TelemetryRecord record, byte[] out, int from) {
        int at = put(pub, out, from);
        at = put(prefix, out, at);
        at = put(record.vin(), out, at);
        out[at++] = '.';
        at = record.type().equals("V") ? put(DATA, out, at) : put(record.type(), out, at);
        out[at++] = ' ';
        return at;
    }

    private static int put(byte[] bytes, byte[] out, int at) {
        System.arraycopy(bytes, 0, out, at, bytes.length);
        return at + bytes.length;
    }

    /** Encodes a token. Every character is one byte, so the deprecated method is correct, and it copies in one step. */
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

    private static int putHex(long number, int digits, byte[] out, int at) {
        long rest = number;
        for (int i = at + digits - 1; i >= at; i--) {
            out[i] = HEX[(int) rest & 0xF];
            rest >>>= 4;
        }
        return at + digits;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
