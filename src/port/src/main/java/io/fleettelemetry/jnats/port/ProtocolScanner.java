package io.fleettelemetry.jnats.port;

import java.nio.charset.StandardCharsets;

/**
 * Scans one direction of the NATS protocol, however the bytes are split: the lines, and the payloads that {@code MSG},
 * {@code HMSG}, {@code PUB} and {@code HPUB} announce, which contain no lines. It allocates only the text of an
 * {@code -ERR}. Not thread-safe.
 */
final class ProtocolScanner {

    /** The kind of the line that has just ended. */
    enum Line {
        NONE,
        PING,
        PONG,
        OK,
        ERROR,
        OTHER
    }

    /** Limit (bytes) on the text of an {@code -ERR} that is kept: the length of the server's longest control line. */
    private static final int MAX_TEXT = 4_096;

    private static final long PING = operation("PING");
    private static final long PONG = operation("PONG");
    private static final long OK = operation("+OK");
    private static final long ERROR = operation("-ERR");
    private static final long MSG = operation("MSG");
    private static final long HMSG = operation("HMSG");
    private static final long PUB = operation("PUB");
    private static final long HPUB = operation("HPUB");

    /**
     * The first word of the line in upper case, one letter in each byte; a longer word gives a number of no known word.
     */
    private long operation;

    private boolean inOperation = true;
    /** Number of bytes of the line so far. */
    private int length;
    /** The last number of the line, as far as it has been read: the size of the payload. */
    private long number;
    /** The number before the last one: in {@code HMSG} the size of the headers. */
    private long numberBefore;

    private boolean inWord;
    /** Bytes of a payload and its line end that are still to come. */
    private long payload;

    private final byte[] text = new byte[MAX_TEXT];
    private int textLength;
    /** The results for the line that has just ended. */
    private int endedText;

    private long announced;
    private int endedLength;
    private int at;

    private static long operation(String word) {
        long packed = 0;
        for (int i = 0; i < word.length(); i++) {
            packed = packed << 8 | word.charAt(i);
        }
        return packed;
    }

    /** Scans from here to the end of the next line at most; {@link #at} says where it stopped. */
    Line scan(byte[] bytes, int from, int to) {
        at = from;
        while (at < to) {
            if (payload > 0) {
                long skipped = Math.min(payload, to - at);
                payload -= skipped;
                at += (int) skipped;
            } else if (inOperation || operation == ERROR || operation == HMSG) {
                byte next = bytes[at++];
                if (next == '\n') {
                    return endLine();
                }
                length++;
                take(next);
            } else {
                int end = endOfLine(bytes, at, to);
                takeRest(bytes, at, end);
                length += end - at;
                at = end;
                if (end < to) {
                    at++;
                    return endLine();
                }
            }
        }
        return Line.NONE;
    }

    private static int endOfLine(byte[] bytes, int from, int to) {
        int end = from;
        while (end < to && bytes[end] != '\n') {
            end++;
        }
        return end;
    }

    /** Reads the rest of a line after its first word. Only the last word matters: the size. */
    private void takeRest(byte[] bytes, int from, int to) {
        int last = to;
        while (last > from && bytes[last - 1] != ' ' && bytes[last - 1] != '\t') {
            last--;
        }
        for (int i = Math.max(from, last - 1); i < to; i++) {
            take(bytes[i]);
        }
    }

    private void take(byte next) {
        if (next == ' ' || next == '\t' || next == '\r') {
            if (inOperation && length > 1) {
                inOperation = false;
            }
            if (inWord && next != '\r') {
                numberBefore = number;
            }
            inWord &= next == '\r';
            number = next == '\r' ? number : 0;
        } else if (inOperation) {
            operation = operation << 8 | (next >= 'a' && next <= 'z' ? next - 32 : next & 0xFF);
            return;
        } else {
            inWord = true;
            if (next >= '0' && next <= '9') {
                number = Math.min(number * 10 + next - '0', Integer.MAX_VALUE);
            }
        }
        if (operation == ERROR && textLength < MAX_TEXT) {
            text[textLength++] = next;
        }
    }

    private Line endLine() {
        long ended = operation;
        announced = 0;
        if (ended == MSG || ended == HMSG || ended == PUB || ended == HPUB) {
            payload = number + 2;
            announced = ended == HMSG ? Math.max(number, numberBefore) : number;
        }
        endedText = ended == ERROR ? textLength : 0;
        endedLength = length + 1;
        beginLine();
        if (ended == PONG) {
            return Line.PONG;
        }
        if (ended == PING) {
            return Line.PING;
        }
        if (ended == OK) {
            return Line.OK;
        }
        return ended == ERROR ? Line.ERROR : Line.OTHER;
    }

    /** Forgets the line that has begun, because its bytes will be scanned again. */
    void beginLine() {
        operation = 0;
        inOperation = true;
        length = 0;
        number = 0;
        numberBefore = 0;
        inWord = false;
        textLength = 0;
    }

    /** The index after the last byte that was scanned. */
    int at() {
        return at;
    }

    /** Number of bytes of the line that has just ended, with its line end. */
    int lineLength() {
        return endedLength;
    }

    /**
     * The size (bytes) that the line that has just ended announces: of the payload, or of the headers if that is more.
     */
    long announced() {
        return announced;
    }

    /** Number of bytes of the line that has begun; 0 between two lines and in a payload. */
    int begun() {
        return length;
    }

    /** The server's words after {@link Line#ERROR}, without the quotes around them. */
    String error() {
        String words = new String(text, 0, endedText, StandardCharsets.UTF_8).strip();
        boolean quoted = words.length() > 1 && words.startsWith("'") && words.endsWith("'");
        return quoted ? words.substring(1, words.length() - 1) : words;
    }
}
