package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Checks whether jnats still works: after a full heap, for example, it may never work again. */
final class JnatsHealth {

    /** After this many ports in a row without an answer, the connection is given up. */
    static final int MAX_UNANSWERED = 5;

    /** If this many times the time for an attempt and its pause pass without an attempt, jnats has stopped trying. */
    private static final int MAX_UNTRIED = 4;

    /** Shorter times than this one mean nothing, because resolving a name may take long. */
    private static final long MIN_UNTRIED_NANOS = TimeUnit.SECONDS.toNanos(3);

    /** When jnats was last seen connected, in {@link System#nanoTime}. Used by the session's thread only. */
    private long lastConnected;

    /** Number of ports in a row that never got an answer. */
    private volatile int unansweredPorts;

    /** The last port that has written its CONNECT. Set by threads of jnats, one after the other. */
    private volatile FramePort begun;

    /** A new connection will be made. */
    void reset() {
        unansweredPorts = 0;
    }

    /** A port has written its CONNECT. Returns {@link #answersNothing}. */
    boolean begun(FramePort port) {
        FramePort before = begun;
        begun = port;
        unansweredPorts = before == null || before.answers() > 0 ? 0 : unansweredPorts + 1;
        return answersNothing();
    }

    /** Whether jnats has reconnected too often without an answer. */
    boolean answersNothing() {
        return unansweredPorts >= MAX_UNANSWERED;
    }

    /**
     * Whether jnats' reconnecting thread has died, most likely because there was no memory. jnats does not report this.
     */
    boolean hasStoppedReconnecting(Connection connection, Servers servers, ConnectionSettings settings) {
        if (connection.getStatus() == Connection.Status.CONNECTED) {
            lastConnected = System.nanoTime();
            return false;
        }
        long nanos = Math.min(System.nanoTime() - lastConnected, servers.untriedNanos());
        Duration attempt = settings.connectTimeout().plus(settings.reconnectWait());
        return nanos > Math.max(attempt.toNanos() * MAX_UNTRIED, MIN_UNTRIED_NANOS);
    }
}
