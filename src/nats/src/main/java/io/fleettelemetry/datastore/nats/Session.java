package io.fleettelemetry.datastore.nats;

import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;
import java.io.IOException;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connection that one configuration asks for: made in the background, tried for ever from the first attempt on, and
 * made anew should jnats give it up.
 *
 * <p>A thread of its own loops over {@link Connector#connect}: jnats' own ways to retry the first connect either block the
 * caller, end for good on an authentication error, or start a thread that nobody can stop.
 */
final class Session implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Session.class);

    private final NatsSettings settings;
    private final Runnable changed;
    private final RepeatedLog attempts = new RepeatedLog();
    private final RepeatedLog errors = new RepeatedLog();
    private final Connector connector;
    private final Thread thread;

    private volatile Connection connection;
    private volatile String trouble = "";
    private volatile boolean closing;

    /** @param changed is run, on any thread, when the connection comes or goes; must not block */
    Session(NatsSettings settings, Runnable changed) {
        this.settings = settings;
        this.changed = changed;
        this.connector = new Connector(settings, settings.name(), this::happened, this::wrong);
        this.thread = new Thread(this::stayConnected, "nats-" + settings.datastore() + "-connect");
    }

    void open() {
        thread.start();
    }

    NatsSettings settings() {
        return settings;
    }

    /** The connection if it can be used at this moment, else null. */
    Connection connected() {
        Connection now = connection;
        return now != null && now.getStatus() == Connection.Status.CONNECTED ? now : null;
    }

    /** The connection, whatever its state; null before the first one. */
    Connection connection() {
        return connection;
    }

    /** What was wrong last; empty if nothing was. */
    String trouble() {
        return trouble;
    }

    private void stayConnected() {
        try {
            while (!closing) {
                connect();
                awaitEnd();
                if (!closing) {
                    log.error(
                            "nats_closed datastore={} error=\"{}\" reason=\"{}; connecting anew\"",
                            settings.datastore(),
                            connector.lastError(),
                            connector.isOutdated()
                                    ? "the server has begun or ceased to require TLS"
                                    : "jnats gave the connection up");
                    connection.close();
                }
            }
        } catch (InterruptedException e) {
            // close() wants this thread to end
        }
    }

    private void connect() throws InterruptedException {
        while (!closing) {
            try {
                connection = connector.connect();
                return;
            } catch (IOException e) {
                trouble = e.getMessage();
                attempts.write(leftOut -> log.warn(
                        "nats_error datastore={} url={} reason=\"cannot connect: {}; trying again every {} ms\""
                                + " left_out={}",
                        settings.datastore(),
                        settings.shownServers(),
                        e.getMessage(),
                        settings.reconnectWait().toMillis(),
                        leftOut));
                changed.run();
            }
            pause();
        }
    }

    private synchronized void pause() throws InterruptedException {
        long millis = settings.reconnectWait().toMillis();
        if (!closing) {
            wait(millis + ThreadLocalRandom.current().nextLong(millis / 10 + 1) + 1);
        }
    }

    /** Waits until the connection is of no use any more, or this session is closed. */
    private synchronized void awaitEnd() throws InterruptedException {
        while (!closing && connection.getStatus() != Connection.Status.CLOSED && !connector.isOutdated()) {
            wait();
        }
    }

    private synchronized void wake() {
        notifyAll();
        changed.run();
    }

    private void happened(Connection source, Events event) {
        String server = NatsSettings.withoutSecrets(String.valueOf(source.getConnectedUrl()));
        switch (event) {
            case CONNECTED -> {
                trouble = "";
                log.info("nats_connected datastore={} server={}", settings.datastore(), server);
            }
            case RECONNECTED -> {
                trouble = "";
                connector.forgetErrors();
                log.info("nats_reconnected datastore={} server={}", settings.datastore(), server);
            }
            case DISCONNECTED -> {
                if (!closing && connection != null) {
                    String error = connector.lastError();
                    if (trouble.isEmpty()) { // Also comes for every reconnect that fails.
                        log.warn("nats_disconnected datastore={} error=\"{}\"", settings.datastore(), error);
                    }
                    trouble = "disconnected" + (error.isEmpty() ? "" : ": " + error);
                }
            }
            case CLOSED -> {
                // Also comes for an attempt that failed; one that nobody asked for is reported by stayConnected.
                if (closing && source == connection) {
                    log.info("nats_closed datastore={} reason=\"closed on purpose\"", settings.datastore());
                }
            }
            default -> log.info("nats_event datastore={} event=\"{}\"", settings.datastore(), event);
        }
        wake();
    }

    /** Errors of an attempt to connect are reported when it has failed. */
    private void wrong(String error) {
        if (!closing && connection != null) {
            errors.write(leftOut -> log.error(
                    "nats_error datastore={} error=\"{}\" left_out={}",
                    settings.datastore(),
                    LogText.of(error),
                    leftOut));
        }
        if (connector.isOutdated()) {
            wake();
        }
    }

    /** Ends the connection and its threads, whatever state they are in; what was not confirmed stays so. */
    @Override
    public void close() {
        synchronized (this) {
            closing = true;
            notifyAll();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                // An attempt under way ends by its own timeout, and its connection is closed below.
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (connection != null) {
            try {
                connection.close();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
