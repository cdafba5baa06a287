package io.fleettelemetry.jnats.port;

import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Which answer is for which frame, once the server answers each command ({@code verbose} of its protocol): {@code +OK} or
 * {@code -ERR}, in the order in which they were written. {@code PING} and {@code PONG} have no such answer. Who writes holds
 * the port's lock of writes; one thread reads.
 */
final class EachAnswer {

    private static final String QUIET = "\"verbose\":false";
    private static final String VERBOSE = "\"verbose\":true";
    private static final String PUBLISH = "permissions violation for publish";
    private static final String SUBSCRIPTION = "permissions violation for subscription";

    // The writers'.
    private final ProtocolScanner frames = new ProtocolScanner();
    private boolean asked;
    /** Commands that are to be answered, so far. */
    private long commands;

    /** Which of these are no frames: jnats' own, and {@code CONNECT}. */
    private final Queue<Long> others = new ConcurrentLinkedQueue<>();

    // The reader's.
    private boolean begun;
    private long answers;

    /** The same {@code CONNECT} with {@code verbose}; empty if it has no such option. */
    static byte[] verbose(byte[] connect) {
        String text = new String(connect, StandardCharsets.UTF_8);
        return text.contains(QUIET) ? text.replace(QUIET, VERBOSE).getBytes(StandardCharsets.UTF_8) : new byte[0];
    }

    boolean isAsked() {
        return asked;
    }

    /** The {@code CONNECT} that asks for it is about to be written. */
    void begins() {
        asked = true;
        asksOther();
    }

    /** A command that is no frame is about to be written. */
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

    /** Whether the server has begun to. What it says before that is about frames that were written before. */
    boolean hasBegun() {
        return begun;
    }

    void ok(Refusals.Tally tally) {
        begun = true;
        if (isForFrame()) {
            tally.frameTaken();
        }
    }

    void error(String words, Refusals.Tally tally) {
        if (begun && isAnswer(words) && isForFrame()) {
            tally.frameRefused(words);
        } else {
            tally.add(words);
        }
    }

    /** What else a server says by -ERR is about the connection, and is no answer. */
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
