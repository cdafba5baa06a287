package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.Loop;
import io.nats.client.Connection;
import java.io.IOException;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The work of a session's thread: it connects, serves the connection as long as it can be used, and connects anew.
 *
 * <p>It loops over {@link Connector#connect}. jnats' own ways to retry the first connection block the caller, or end on
 * an authentication error, or start a thread that cannot be stopped.
 */
final class ConnectLoop {

    /** Pause (ms) between checks whether JetStream has become usable, and whether answers are missing. */
    private static final long LOOK_AGAIN_MILLIS = 500;

    /** Pause (ms) between checks for an event whose notification was lost because there was no memory. */
    private static final long UNHEARD_MILLIS = 1_000;

    private final Session session;
    private final Wires wires;
    private final Connector connector;
    /** JetStream; null in core NATS. */
    private final AnswerPath answerPath;

    private final SessionState state;
    private final SessionEvents events;
    private final SessionLog log;
    private final JnatsHealth health;
    private final PayloadLimit limit = new PayloadLimit();

    /** Written by the session's thread. */
    private volatile Connection connection;
    /** Whether there is a change that the session's thread has not handled yet. Guarded by this. */
    private boolean changed;

    ConnectLoop(
            Session session,
            Wires wires,
            Connector connector,
            AnswerPath answerPath,
            SessionState state,
            SessionEvents events,
            SessionLog log,
            JnatsHealth health) {
        this.session = session;
        this.wires = wires;
        this.connector = connector;
        this.answerPath = answerPath;
        this.state = state;
        this.events = events;
        this.log = log;
        this.health = health;
    }

    /** Returns when the session has ended. */
    void run() {
        Loop.run(this::stayConnected, log::bug);
    }

    /** The connection in any state; null before the first one. */
    Connection connection() {
        return connection;
    }

    /** Makes the session's thread check for changes. */
    synchronized void wake() {
        changed = true;
        notifyAll();
    }

    /** Makes the session's thread check whether the server takes larger records by now. */
    void lookForHigherLimit() {
        if (limit.want()) {
            wake();
        }
    }

    /** Ends the session, without waiting for its thread. */
    synchronized void end() {
        state.ended();
        connector.servers().close();
        limit.close();
        notifyAll();
    }

    /** Makes one connection, and stays as long as it can be used. */
    private boolean stayConnected() throws InterruptedException {
        leave(); // however the last round ended
        if (state.hasEnded()) {
            return false;
        }
        try {
            connect();
            if (!state.hasEnded()) {
                serve();
            }
        } catch (RuntimeException | Error e) { // a bug, which another connection may not have
            log.bug(e);
            pause();
        }
        return true;
    }

    private void leave() throws InterruptedException {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (RuntimeException | Error e) {
            log.bug(e);
        }
    }

    /** Serves the connection as long as it can be used. */
    private void serve() throws InterruptedException {
        if (answerPath != null) {
            answerPath.subscribed(true);
        }
        wires.connected(session);
        while (isOfUse()) {
            if (answerPath != null) {
                prepare();
            }
            if (limit.isWanted()) {
                lookAtLimit();
            }
            awaitChange();
        }
        if (state.hasEnded()) {
            return;
        }
        if (hasStoppedReconnecting()) {
            log.connectingAgain(connector.lastError(), "jnats has stopped reconnecting");
        } else if (health.answersNothing()) {
            log.connectingAgain(
                    connector.lastError(),
                    "the server did not answer after " + JnatsHealth.MAX_UNANSWERED + " reconnects");
        } else if (connector.isOutdated()) { // jnats would try without end, but a new connection helps
            log.connectingAgain(connector.lastError(), "the server has started or stopped requiring TLS");
        } else if (connector.servers().current().isDiscovered()) {
            // jnats closed it, because the server refused the credentials twice. But this server is not one of the
            // settings.
            log.connectingAgain(cause(), "refused by a server that the cluster advertised");
        } else {
            String cause = cause();
            state.givenUp(cause);
            wires.lost(session, cause);
        }
    }

    private void lookAtLimit() throws InterruptedException {
        Connection now = session.connected();
        long max = limit.look(session.settings().connection(), now);
        if (max > 0) {
            log.limitRaised(max, now.getServerInfo().getMaxPayload());
            session.reconnect();
        }
    }

    /** Why jnats has closed the connection. Another thread reports the server's words a moment later, so this waits. */
    private String cause() throws InterruptedException {
        connector.awaitCallbacks();
        String error = connector.lastError();
        return error.isEmpty() ? "jnats does not say why" : error;
    }

    private void connect() throws InterruptedException {
        health.reset();
        while (!state.hasEnded()) {
            try {
                connection = connector.connect();
                log.attemptSucceeded();
                return;
            } catch (IOException e) {
                state.attemptFailed(e.getMessage());
                if (!state.hasEnded()) {
                    log.attemptFailed(e.getMessage());
                }
            }
            pause();
        }
    }

    private synchronized void pause() throws InterruptedException {
        long millis = session.settings().connection().reconnectWait().toMillis();
        if (!state.hasEnded()) {
            wait(millis + ThreadLocalRandom.current().nextLong(millis / 10 + 1) + 1);
        }
    }

    private boolean isOfUse() {
        return !state.hasEnded()
                && connection.getStatus() != Connection.Status.CLOSED
                && !connector.isOutdated()
                && !health.answersNothing()
                && !hasStoppedReconnecting();
    }

    private boolean hasStoppedReconnecting() {
        return health.hasStoppedReconnecting(
                connection, connector.servers(), session.settings().connection());
    }

    private synchronized void awaitChange() throws InterruptedException {
        if (isOfUse() && !changed) {
            wait(answerPath == null ? UNHEARD_MILLIS : LOOK_AGAIN_MILLIS);
        }
        changed = false;
    }

    /** JetStream: prepares the wire for frames, and reports the result. */
    private void prepare() throws InterruptedException {
        PortWire now = events.wire();
        switch (answerPath.prepare(connection, now, session.settings().silent())) {
            case UNKNOWN -> {}
            case AS_BEFORE -> {
                if (answerPath.isReady(now)) {
                    state.ready(answerPath.problem());
                } else {
                    state.preparing(answerPath.problem());
                }
            }
            case READY -> {
                state.ready(answerPath.problem());
                wires.opened(session, now);
            }
            case UNUSABLE -> {
                state.unusable(answerPath.whyUnusable());
                wires.closed(session, now);
                wires.unusable(session, answerPath.whyUnusable());
            }
        }
    }
}
