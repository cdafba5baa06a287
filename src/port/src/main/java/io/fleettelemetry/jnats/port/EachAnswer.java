package io.fleettelemetry.jnats.port;

import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Finds the frame that an answer belongs to, once the server answers each command ({@code verbose} in its protocol).
 * The server sends {@code +OK} or {@code -ERR} for each command, in the order in which the commands were written, but
 * not for {@code PING} and {@code PONG}. Writers hold the port's write lock; one thread reads.
 */
final class EachAnswer {

    private static final String QUIET = "\"verbose\":false";
    private static final String VERBOSE = "\"verbose\":true";
    private static final String PUBLISH = "permissions violation for publish";
    private static final String SUBSCRIPTION = "permissions violation for subscription";

    // Used by writers only.
    private final ProtocolScanner frames = new ProtocolScanner();
    private boolean asked;
    /** Number of commands so far that the server must answer. */
    private long commands;

    /** The numbers of those commands that are not frames: jnats' own, and {@code CONNECT}. */
    private final Queue<Long> others = new ConcurrentLinkedQueue<>();

    // Used by the reader only.
    private boolean begun;
    private long answers;

    /** The same {@code CONNECT} with {@code verbose}; empty if it does not have that option. */
    static byte[] verbose(byte[] connect) {
        String text = new String(connect, StandardCharsets.UTF_8);
        return text.contains(QUIET) ? text.replace(QUIET, VERBOSE).getBytes(StandardCharsets.UTF_8) : new byte[0];
    }

    boolean isAsked() {
        return asked;
    }

    /** The {@code CONNECT} with {@code verbose} is about to be written. */
    void begins() {
        asked = true;
        asksOther();
    }

    /** A command that is not a frame is about to be written. */
    void asksOther() {
        if (asked) {
            others.add(commands++);
        }
    }

    /** Whole frames are about to be written. */
    void asksFrames(byte[] bytes, int from, int to) {
        for (int at = from; asked && at < to; at = frames.at()) {
            if (frames.scan(bytes, at, to) == ProtocolScanner.Line.OTHER) {
                commands++;
            }
        }
    }

    /** Whether the server has begun to answer each command. Earlier errors belong to frames written before that. */
    boolean hasBegun() {
        return begun;
    }

    void ok(Refusals.Builder refusals) {
        begun = true;
        if (isForFrame()) {
            refusals.frameTaken();
        }
    }

    void error(String words, Refusals.Builder refusals) {
        if (begun && isAnswer(words) && isForFrame()) {
            refusals.frameRefused(words);
        } else {
            refusals.add(words);
        }
    }

    /** Whether an -ERR is the answer to a command. Every other -ERR concerns the connection. */
    private static boolean isAnswer(String words) {
        return words.regionMatches(true, 0, PUBLISH, 0, PUBLISH.length())
                || words.regionMatches(true, 0, SUBSCRIPTION, 0, SUBSCRIPTION.length());
    }

    private boolean isForFrame() {
        Long other = others.peek();
        boolean frame = other == null || other != answers;
        if (!frame) {
            others.poll();
        }
        answers++;
        return frame;
    }
}
