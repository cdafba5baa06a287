package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;
import io.nats.client.ForceReconnectOptions;
import java.io.IOException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
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

    /** Is told of wires, by threads that must not be kept. */
    interface Wires {
        void opened(Session session, Wire wire);

        void closed(Session session, Wire wire);
    }

    private final NatsSettings settings;
    private final Wires wires;
    private final ExecutorService callbacks;
    private final Refusals refusals;
    private final RepeatedLog attempts = new RepeatedLog();
    private final RepeatedLog errors = new RepeatedLog();
    private final Connector connector;
    private final Thread thread;

    private volatile Connection connection;
    private volatile PortWire wire;
    private volatile String trouble = "";
    private volatile boolean closing;

    Session(NatsSettings settings, Wires wires) {
        this.settings = settings;
        this.wires = wires;
        String prefix = "nats-" + settings.datastore();
        this.callbacks = Executors.newSingleThreadExecutor(task -> Threads.of(prefix + "-events", task));
        this.refusals = new Refusals(callbacks);
        this.connector = new Connector(settings, settings.name(), callbacks, new Watcher());
        this.thread = Threads.of(prefix + "-connect", this::stayConnected);
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

    /** The wire that is open at this moment; null if none is. */
    Wire openWire() {
        PortWire now = wire;
        return now == null || now.port().isClosed() ? null : now;
    }

    /** Whether jnats takes itself for connected, and there is no port to write to. */
    boolean isStranded() {
        return openWire() == null && connected() != null;
    }

    /** Gives up the connection as it is and has jnats make it anew. May take as long as an attempt to connect. */
    void reconnect() throws InterruptedException {
        Wire open = openWire();
        Connection now = connection;
        if (open != null) {
            open.cut();
        } else if (now != null && !closing) {
            try {
                now.forceReconnect(ForceReconnectOptions.builder().forceClose().build());
            } catch (IOException | RuntimeException e) { // jnats throws many kinds when it closes at the same moment
                log.warn("nats_error datastore={} error=\"{}\"", settings.datastore(), LogText.of(e.toString()));
            }
        }
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
            if (connection != null) {
                connection.close();
            }
        } catch (InterruptedException e) {
            log.warn("nats_error datastore={} reason=\"interrupted\"", settings.datastore());
        } finally {
            callbacks.shutdown();
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
    }

    private final class Watcher implements ConnectionWatcher {
        @Override
        public void opened(FramePort port) {
            wire = new PortWire(port, refusals);
            wires.opened(Session.this, wire);
        }

        @Override
        public void closed(FramePort port) {
            PortWire now = wire;
            if (now != null && now.port() == port) {
                wires.closed(Session.this, now);
            }
        }

        @Override
        public void refused(String error) {
            refusals.add(error);
        }

        @Override
        public void happened(Connection source, Events event) {
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
        @Override
        public void wrong(String error) {
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
    }

    /** Has the connection and its threads end; does not wait for it. */
    synchronized void end() {
        closing = true;
        notifyAll();
    }

    /** Frees whoever waits for a write or a barrier. */
    void cut() {
        Wire open = openWire();
        if (open != null) {
            open.cut();
        }
    }

    /** Ends it and waits: an attempt to connect that is under way ends by its own timeout. */
    @Override
    public void close() {
        end();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
