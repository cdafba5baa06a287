package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.nats.client.Connection;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * Checks whether the server has raised its {@code max_payload}. The server announces that only to new connections, so
 * this makes a connection of its own.
 */
final class PayloadLimit {

    /** Shortest time between two checks. */
    private static final long PAUSE_NANOS = TimeUnit.MINUTES.toNanos(1);

    /** The time of the last check, and whether another one is wanted. */
    private volatile long looked = System.nanoTime() - PAUSE_NANOS;

    private volatile boolean wanted;
    /** The connector of the checks; null before the first. */
    private volatile Connector looking;

    private volatile boolean closing;

    /** A record was too large. Returns whether a check is now wanted that was not wanted before. */
    boolean want() {
        if (wanted || System.nanoTime() - looked <= PAUSE_NANOS) {
            return false;
        }
        wanted = true;
        return true;
    }

    boolean isWanted() {
        return wanted;
    }

    /**
     * Checks the limit, if there is a connection. On the session's thread.
     *
     * @param connection the session's connection; null if there is none
     * @return the limit if it is higher than the connection's; otherwise 0
     */
    long look(ConnectionSettings settings, Connection connection) throws InterruptedException {
        looked = System.nanoTime();
        wanted = false;
        if (connection == null) {
            return 0;
        }
        long before = connection.getServerInfo().getMaxPayload();
        try {
            Connector second = new Connector(settings, settings.name() + "-limit", (source, event) -> {}, error -> {});
            looking = second;
            if (closing) {
                return 0;
            }
            Connection look = second.connect();
            long max = look.getServerInfo().getMaxPayload();
            look.close();
            return max > before ? max : 0;
        } catch (IOException e) {
            return 0; // not a problem as long as the connection works
        }
    }

    void close() {
        closing = true;
        Connector second = looking;
        if (second != null) {
            second.servers().close();
        }
    }
}
