package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.jetstream.Inbox;
import io.fleettelemetry.datastore.nats.jetstream.Streams;
import io.fleettelemetry.datastore.nats.journal.Answers;
import io.nats.client.Connection;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * JetStream: decides whether frames may go out on a wire. They may once answers arrive on it and the streams are known.
 *
 * <p>The session's thread calls {@link #prepare}; any thread may call the rest.
 */
final class AnswerPath {

    /** The result of {@link #prepare}. */
    enum Outcome {
        /** The wire is ending, or cannot be used yet. */
        UNKNOWN,
        /** Nothing has changed, or it is too early to know. */
        AS_BEFORE,
        /** Frames may go out, or the streams have changed since then. */
        READY,
        /** Nothing can be stored; see {@link #whyUnusable}. */
        UNUSABLE
    }

    /**
     * Pause before a denied inbox is tried again: each try costs the server a subscription, and causes an error
     * message.
     */
    private static final long DENIED_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final Streams streams;
    private final Inbox inbox;
    private final Answers answers;
    /** Whether jnats has told the server of our subscription. */
    private volatile boolean subscribed;
    /** The wire that may be used, because its answers arrive; null if there is none. */
    private volatile PortWire ready;
    /** The stream to which records go in batches by that wire; empty if each gets an answer of its own. */
    private volatile String batchStream = "";
    /** Why publishing is useless although there is a connection; empty if it is not. */
    private volatile String whyUnusable = "";

    // Used by the session's thread only.
    /** When the inbox was last opened, in {@link System#nanoTime}. */
    private long inboxOpened;
    /** The last wire on which JetStream was asked for its streams. */
    private PortWire asked;
    /** Why nothing was stored, as JetStream showed it, when the wire was last ready. */
    private String announcedProblem = "";

    AnswerPath(Streams streams, Inbox inbox, Answers answers) {
        this.streams = streams;
        this.inbox = inbox;
        this.answers = answers;
    }

    Streams streams() {
        return streams;
    }

    /** jnats has sent all subscriptions to the server (true), or there is no connection any more (false). */
    void subscribed(boolean subscribed) {
        this.subscribed = subscribed;
        if (!subscribed) {
            streams.latest().missing(false);
        }
    }

    /** Whether frames may go out on this wire. */
    boolean isReady(PortWire wire) {
        return ready == wire;
    }

    /** Why nothing can be stored on the connection; empty if records can be stored, as far as is known. */
    String problem() {
        String unusable = whyUnusable;
        return unusable.isEmpty() ? streams.problem() : unusable;
    }

    String whyUnusable() {
        return whyUnusable;
    }

    /** The stream to which records go in batches by the wire that is ready; empty if each gets an answer of its own. */
    String batchStream() {
        return batchStream;
    }

    /** The server has sent {@code -ERR}. Returns whether it does not let us receive answers. */
    boolean serverError(String error) {
        inbox.refused(error);
        streams.refused(error);
        return inbox.isDenied(); // this may also come later, when permissions change
    }

    /**
     * Prepares a wire for frames.
     *
     * @param wire the last wire that was opened; null if there was none
     * @param timeout longest wait for the server's answer
     */
    Outcome prepare(Connection connection, PortWire wire, Duration timeout) throws InterruptedException {
        if (!subscribed || wire == null || wire.port().isClosed()) {
            return Outcome.UNKNOWN;
        }
        try {
            if (wire != asked) {
                asked = wire;
                streams.connected();
            }
            if (inbox.isDenied()
                    ? System.nanoTime() - inboxOpened >= DENIED_PAUSE_NANOS
                    : wire != ready || inbox.isDeaf()) {
                inboxOpened = System.nanoTime();
                inbox.open(connection, wire, timeout);
            }
            boolean missing = answers.areMissing();
            streams.latest().missing(missing);
            if (missing) {
                streams.unanswered();
            }
            if (!inbox.isDenied() && streams.isDue()) {
                streams.look(connection);
            }
        } catch (IOException e) {
            wire.cut(); // it is ending or silent, which nothing else notices while nothing is written to it
            return Outcome.UNKNOWN;
        }
        whyUnusable = inbox.isDenied() ? inbox.denial() : streams.whyUnusable();
        if (!whyUnusable.isEmpty()) {
            ready = null;
            return Outcome.UNUSABLE;
        }
        if (!streams.isUnsettled() && (wire != ready || !streams.problem().equals(announcedProblem))) {
            if (wire != ready) {
                batchStream = streams.batchStream();
            }
            ready = wire;
            announcedProblem = streams.problem();
            return Outcome.READY;
        }
        return Outcome.AS_BEFORE;
    }
}
