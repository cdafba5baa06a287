package io.fleettelemetry.datastore.nats;

import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connection that one configuration asks for: made in the background, tried for ever from the first attempt on, and
 * made anew should jnats give it up.
 *
 * <p>A thread of its own loops over {@link Nats#connect}: jnats' own ways to retry the first connect either block the
 * caller, end for good on an authentication error, or start a thread that nobody can stop.
 */
final class Session implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Session.class);

    /** How long one attempt to connect to one server may take. */
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);

    /** How often a silent server is asked for a sign of life; two unanswered end the connection. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(2);

    private final NatsSettings settings;
    private final Runnable changed;
    private final RepeatedLog attempts = new RepeatedLog();
    private final RepeatedLog errors = new RepeatedLog();
    private final Thread connector;

    private volatile Connection connection;
    private volatile String trouble = "";
    /** The last {@code -ERR} of the server, and the last exception, since the last attempt to connect began. */
    private volatile String serverError = "";

    private volatile String exception = "";

    private volatile boolean closing;

    /** @param changed is run, on any thread, when the connection comes or goes; must not block */
    Session(NatsSettings settings, Runnable changed) {
        this.settings = settings;
        this.changed = changed;
        this.connector = new Thread(this::stayConnected, "nats-" + settings.datastore() + "-connect");
    }

    void open() {
        connector.start();
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
                            "nats_closed datastore={} error=\"{}\" reason=\"jnats gave the connection up; connecting anew\"",
                            settings.datastore(),
                            lastError());
                }
            }
        } catch (InterruptedException e) {
            // close() wants this thread to end
        }
    }

    private void connect() throws InterruptedException {
        while (!closing) {
            forgetErrors();
            try {
                connection = Nats.connect(options());
                return;
            } catch (IOException | IllegalArgumentException | IllegalStateException e) {
                String reason = reason(e);
                trouble = reason;
                attempts.write(leftOut -> log.warn(
                        "nats_error datastore={} url={} reason=\"cannot connect: {}; trying again every {} ms\""
                                + " left_out={}",
                        settings.datastore(),
                        settings.shownServers(),
                        reason,
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

    /** Waits until jnats has given the connection up, or this session is closed. */
    private synchronized void awaitEnd() throws InterruptedException {
        while (!closing && connection.getStatus() != Connection.Status.CLOSED) {
            wait();
        }
    }

    /**
     * Why an attempt failed: jnats itself says only that it could not connect. What the server answered explains more
     * than the exceptions that this led to.
     */
    private String reason(Exception e) {
        String said = lastError();
        return !said.isEmpty() ? said : e.getMessage() == null ? e.toString() : e.getMessage();
    }

    private String lastError() {
        return LogText.of(serverError.isEmpty() ? exception : serverError);
    }

    private void forgetErrors() {
        serverError = "";
        exception = "";
    }

    private Options options() {
        Options.Builder builder = new Options.Builder()
                .servers(settings.servers().toArray(String[]::new))
                .connectionName(settings.name())
                .connectionTimeout(CONNECT_TIMEOUT)
                .maxReconnects(-1)
                .reconnectWait(settings.reconnectWait())
                .pingInterval(HEARTBEAT)
                // What the publisher could not get confirmed it publishes again itself, in order.
                .reconnectBufferSize(0)
                .connectionListener(new ConnectionEvents())
                .errorListener(new ErrorEvents());
        if (!settings.username().isEmpty()) {
            builder.userInfo(settings.username(), settings.password());
        }
        if (!settings.token().isEmpty()) {
            builder.token(settings.token().toCharArray());
        }
        if (!settings.credentialsFile().isEmpty()) {
            builder.credentialPath(settings.credentialsFile());
        }
        return builder.build();
    }

    private synchronized void wake() {
        notifyAll();
        changed.run();
    }

    private final class ConnectionEvents implements ConnectionListener {
        /** Deprecated and yet abstract: jnats calls the other method. */
        @Override
        @SuppressWarnings("deprecation")
        public void connectionEvent(Connection source, Events type) {
            // never called
        }

        @Override
        public void connectionEvent(Connection source, Events type, Long time, String uriDetails) {
            String server = NatsSettings.withoutSecrets(String.valueOf(source.getConnectedUrl()));
            switch (type) {
                case CONNECTED -> {
                    trouble = "";
                    log.info("nats_connected datastore={} server={}", settings.datastore(), server);
                }
                case RECONNECTED -> {
                    trouble = "";
                    forgetErrors();
                    log.info("nats_reconnected datastore={} server={}", settings.datastore(), server);
                }
                case DISCONNECTED -> {
                    if (!closing && connection != null) {
                        String error = lastError();
                        trouble = "disconnected" + (error.isEmpty() ? "" : ": " + error);
                        log.warn("nats_disconnected datastore={} error=\"{}\"", settings.datastore(), error);
                    }
                }
                case CLOSED -> {
                    // Also comes for an attempt that failed; one that nobody asked for is reported by stayConnected.
                    if (closing && source == connection) {
                        log.info("nats_closed datastore={} reason=\"closed on purpose\"", settings.datastore());
                    }
                }
                default -> log.info("nats_event datastore={} event=\"{}\"", settings.datastore(), type);
            }
            wake();
        }
    }

    private final class ErrorEvents implements ErrorListener {
        @Override
        public void errorOccurred(Connection source, String error) {
            serverError = error;
            report(error);
        }

        @Override
        public void exceptionOccurred(Connection source, Exception thrown) {
            exception = thrown.toString();
            report(exception);
        }

        /** Errors of an attempt to connect are reported when it has failed. */
        private void report(String error) {
            if (!closing && connection != null) {
                errors.write(leftOut -> log.error(
                        "nats_error datastore={} error=\"{}\" left_out={}",
                        settings.datastore(),
                        LogText.of(error),
                        leftOut));
            }
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
        while (connector.isAlive()) {
            try {
                // An attempt under way ends by its own timeout, and its connection is closed below.
                connector.join();
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
