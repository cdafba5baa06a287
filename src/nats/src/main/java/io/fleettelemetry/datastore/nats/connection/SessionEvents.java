package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.settings.ServerUrls;
import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;

/** Handles jnats' callbacks for a session's connection: updates the session's state, and passes them on. */
final class SessionEvents implements ConnectionWatcher {

    private final Session session;
    private final Wires wires;
    private final SessionState state;
    private final SessionLog log;
    private final JnatsHealth health;
    /** JetStream; null in core NATS. */
    private final AnswerPath answerPath;

    /** The last wire that was opened; null before the first. */
    private volatile PortWire wire;

    SessionEvents(
            Session session,
            Wires wires,
            SessionState state,
            SessionLog log,
            JnatsHealth health,
            AnswerPath answerPath) {
        this.session = session;
        this.wires = wires;
        this.state = state;
        this.log = log;
        this.health = health;
        this.answerPath = answerPath;
    }

    PortWire wire() {
        return wire;
    }

    @Override
    public void begun(FramePort port) {
        if (health.begun(port)) {
            session.loop().wake();
        }
    }

    @Override
    public void opened(FramePort port) {
        PortWire before = wire;
        PortWire opened = new PortWire(port, before);
        wire = opened;
        if (answerPath == null) {
            wires.opened(session, opened);
        } else {
            session.loop().wake(); // this may come after jnats has called itself connected
        }
    }

    @Override
    public void closed(FramePort port) {
        PortWire now = wire;
        if (now != null && now.port() == port) {
            wires.closed(session, now);
        }
    }

    @Override
    public void happened(Connection source, Events event) {
        String server = PlainText.field(ServerUrls.withoutSecrets(String.valueOf(source.getConnectedUrl())));
        switch (event) {
            case CONNECTED -> {
                state.connected(isReady());
                log.connected(server);
            }
            case RECONNECTED -> {
                state.connected(isReady());
                session.connector().forgetErrors();
                log.reconnected(server);
                wires.connected(session);
            }
            case DISCONNECTED -> {
                subscribed(false);
                if (isReported()) {
                    String error = session.connector().lastError();
                    if (state.disconnected(error)) {
                        log.disconnected(error);
                    }
                }
            }
            case CLOSED -> {
                // This also comes for a failed attempt. The session's thread reports an unexpected close.
                if (state.hasEnded() && source == session.loop().connection()) {
                    log.closedOnPurpose();
                }
            }
            case RESUBSCRIBED -> subscribed(true);
            case LAME_DUCK -> {
                log.lameDuck(server);
                wires.leaving(session);
            }
            case DISCOVERED_SERVERS ->
                log.discovered(event, session.discovered().toString());
            default -> log.happened(event);
        }
        session.loop().wake();
    }

    private boolean isReady() {
        return answerPath == null || answerPath.isReady(wire);
    }

    private void subscribed(boolean subscribed) {
        if (answerPath != null) {
            answerPath.subscribed(subscribed);
        }
    }

    @Override
    public void serverError(String error, String shown) {
        if (answerPath != null && answerPath.serverError(error)) {
            session.loop().wake();
        }
        if (isReported()) {
            log.serverError(shown);
        }
    }

    @Override
    public void exception(String error, boolean unexpected) {
        if (isReported()) {
            log.exception(error, unexpected, state.now().isConnected());
        }
        if (session.connector().isOutdated()) {
            session.loop().wake();
        }
    }

    /** Whether errors are logged here. Errors of a first attempt to connect are reported when it has failed. */
    private boolean isReported() {
        return !state.hasEnded() && session.loop().connection() != null;
    }
}
