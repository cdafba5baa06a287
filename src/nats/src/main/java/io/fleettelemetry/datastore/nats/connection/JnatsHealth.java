package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Whether jnats still does what it is there for: it may have broken for good, as it does if the heap is full. */
final class JnatsHealth {

    /** So many ports in a row without an answer, and the connection is given up. */
    static final int MAX_UNANSWERED = 5;

    /** How often the time of an attempt to connect, and of the pause between two, may pass without the next attempt. */
    private static final int MAX_UNTRIED = 4;

    /** Shorter times than this one are no sign of anything: a name may take long to be resolved. */
    private static final long MIN_UNTRIED_NANOS = TimeUnit.SECONDS.toNanos(3);

    /** When jnats was last seen connected, in nanoseconds. Belongs to the session's thread. */
    private long lastConnected;

    /** Ports in a row by which nothing was ever answered. */
    private volatile int unansweredPorts;

    /** The last port that has written its CONNECT. By threads of jnats, one after the other. */
    private volatile FramePort begun;

    /** A new connection is to be made. */
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

    /** Whether it has reconnected too often without an answer. */
    boolean answersNothing() {
        return unansweredPorts >= MAX_UNANSWERED;
    }

    /** Whether jnats' thread that reconnects has died, for want of memory most likely: jnats never says so. */
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
