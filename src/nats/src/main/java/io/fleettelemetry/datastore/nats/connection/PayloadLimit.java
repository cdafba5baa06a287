package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.nats.client.Connection;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * Whether the server has raised its {@code max_payload}, which it says only to those who connect anew: looks by a connection
 * of its own.
 */
final class PayloadLimit {

    /** How often it is looked, at most. */
    private static final long PAUSE_NANOS = TimeUnit.MINUTES.toNanos(1);

    /** When it was last looked, and whether somebody wants to know. */
    private volatile long looked = System.nanoTime() - PAUSE_NANOS;

    private volatile boolean wanted;
    /** Null if nobody ever looked. */
    private volatile Connector looking;

    private volatile boolean closing;

    /** A record was too large. Returns whether somebody is to look now who was not to before. */
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
     * Looks, if there is a connection. By the session's thread.
     *
     * @param connection the session's; null if there is none
     * @return the limit if it is higher than the connection's, else 0
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
            return 0; // as long as the connection works, nothing is wrong
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
