package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.jetstream.Inbox;
import io.fleettelemetry.datastore.nats.jetstream.Streams;
import io.fleettelemetry.datastore.nats.journal.Answers;
import io.nats.client.Connection;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * JetStream: whether frames may go out on a wire. They may once answers arrive by it, and it was looked which streams there are.
 *
 * <p>{@link #prepare} is called by the session's thread, the rest by any.
 */
final class AnswerPath {

    /** What has come of {@link #prepare}. */
    enum Outcome {
        /** The wire is ending, or not to be used yet. */
        UNKNOWN,
        /** What was known before is still so, or it is too early to tell. */
        AS_BEFORE,
        /** Frames may go out, or something else is known of the streams since they may. */
        READY,
        /** Nothing can be stored, see {@link #whyUnusable}. */
        UNUSABLE
    }

    /** How long a denied inbox is left alone: each try costs the server a subscription, and us a line of its words. */
    private static final long DENIED_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final Streams streams;
    private final Inbox inbox;
    private final Answers answers;
    /** Whether jnats has told the server of our subscription. */
    private volatile boolean subscribed;
    /** The wire that answers arrive for; null if none is. */
    private volatile PortWire ready;
    /** The stream to which records go in batches by that wire; empty if each gets an answer of its own. */
    private volatile String batchStream = "";
    /** Why there is no use in publishing, although there is a connection; empty if there is. */
    private volatile String whyUnusable = "";

    // These belong to the session's thread.
    /** When the inbox was last opened, in nanoseconds. */
    private long inboxOpened;
    /** The last wire that was asked about its streams. */
    private PortWire asked;
    /** Why nothing is stored, as far as JetStream shows, when the wire was ready last. */
    private String announcedProblem = "";

    AnswerPath(Streams streams, Inbox inbox, Answers answers) {
        this.streams = streams;
        this.inbox = inbox;
        this.answers = answers;
    }

    Streams streams() {
        return streams;
    }

    /** jnats has told the server of all subscriptions, or there is a connection no more. */
    void subscribed(boolean subscribed) {
        this.subscribed = subscribed;
    }

    /** Whether frames may go out on this wire. */
    boolean isReady(PortWire wire) {
        return ready == wire;
    }

    /** Why nothing can be stored by the connection; empty if something can, as far as is known. */
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

    /** The server has answered {@code -ERR}. Returns whether it does not let us receive answers. */
    boolean serverError(String error) {
        inbox.refused(error);
        streams.refused(error);
        return inbox.isDenied(); // also later, when permissions change
    }

    /**
     * Does what is to be done before frames may go out.
     *
     * @param wire the last that was opened; null if none was
     * @param timeout how long the server may take to answer
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
            if (answers.areMissing()) {
                streams.unanswered();
            }
            if (!inbox.isDenied() && streams.isDue()) {
                streams.look(connection);
            }
        } catch (IOException e) {
            wire.cut(); // it is ending, or silent: nobody else would notice, as long as nothing is written to it
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
