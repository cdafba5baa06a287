package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.jnats.port.FramePort;
import io.fleettelemetry.jnats.port.PortOwner;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;

/**
 * Connects to the servers of settings, and knows why that failed: jnats itself reports only that it failed.
 */
public final class Connector {

    /** Longest wait (ms) for the callbacks of another thread. */
    private static final long CALLBACKS_MILLIS = 1_000;

    private final ConnectionSettings settings;
    private final Servers servers;
    private final ExecutorService callbacks;
    private final ConnectionWatcher watcher;

    private final ConnectErrors errors;
    private final ConnectOptions options;
    /** The server that jnats' current callbacks are about. */
    private volatile Servers.Server spokenOf;

    /**
     * For a connection that only receives. jnats itself sends PINGs and ends a silent connection.
     *
     * @param name name of the connection in the server's logs and monitoring
     * @param events gets the events of a connection, on a thread of jnats
     * @param errors gets the problems of a connection, on a thread of jnats
     */
    public Connector(
            ConnectionSettings settings,
            String name,
            BiConsumer<Connection, ConnectionListener.Events> events,
            Consumer<String> errors) {
        this(settings, List.of(), name, null, new ConnectionWatcher() {
            @Override
            public void happened(Connection source, ConnectionListener.Events event) {
                events.accept(source, event);
            }

            @Override
            public void serverError(String error, String shown) {
                errors.accept(shown);
            }

            @Override
            public void exception(String error, boolean unexpected) {
                errors.accept(error);
            }
        });
    }

    /**
     * For a connection for frames. Its user sends PINGs and ends a silent connection.
     *
     * @param discovered servers that the cluster advertised, besides those of the settings
     * @param callbacks runs the watcher's callbacks, in order; its owner shuts it down
     */
    public Connector(
            ConnectionSettings settings,
            Collection<Servers.Server> discovered,
            String name,
            ExecutorService callbacks,
            ConnectionWatcher watcher) {
        this.settings = settings;
        this.servers = new Servers(settings, discovered);
        this.spokenOf = servers.current();
        this.callbacks = callbacks;
        this.watcher = watcher;
        this.errors = new ConnectErrors(settings);
        this.options = new ConnectOptions(settings, servers, name, callbacks, errors);
    }

    /**
     * Tries each server once. After that jnats keeps the connection.
     *
     * @throws IOException if no server can be used; the message is the reason
     */
    public Connection connect() throws IOException, InterruptedException {
        try {
            return connect(settings.isTlsAskedFor());
        } catch (IOException e) {
            if (!errors.saysThatTlsIsRequired()) {
                throw e;
            }
            return connect(true);
        }
    }

    private Connection connect(boolean tls) throws IOException, InterruptedException {
        forgetErrors();
        try {
            return Nats.connect(options.with(tls, new Listener()));
        } catch (IOException | RuntimeException | LinkageError e) {
            // Also thrown in OSGi, after another jnats was installed that our bundle is not wired to yet. The reason
            // has the
            // exception's text only: Karaf's log would keep an exception, and with its stack our classes.
            awaitCallbacks();
            String reason = lastError();
            throw new IOException(reason.isEmpty() ? PlainText.field(withoutSecrets(errors.inWords(e))) : reason, e);
        }
    }

    /** Waits for the callbacks, because they report the problem, perhaps after the attempt has failed. */
    void awaitCallbacks() throws InterruptedException {
        if (callbacks != null) {
            try {
                callbacks.submit(() -> {}).get(CALLBACKS_MILLIS, TimeUnit.MILLISECONDS);
            } catch (ExecutionException | RejectedExecutionException e) {
                // The owner is being closed, and asks for no reason.
            } catch (TimeoutException e) {
                // There may have been no memory for a thread: then what is known must do.
            }
        }
    }

    /** Removes secrets, because jnats' messages contain the URLs as they were configured. */
    private static String withoutSecrets(String text) {
        return text.replaceAll("://\\S*@", "://");
    }

    /** The last problem; empty if there is none. The server's words come first, because they explain the most. */
    String lastError() {
        return errors.last();
    }

    void forgetErrors() {
        errors.forget();
    }

    /**
     * Whether the server has started or stopped requiring TLS, which the settings do not require. jnats keeps its first
     * choice, so only a new {@link #connect()} helps.
     */
    boolean isOutdated() {
        return errors.saysThatTlsIsRequired() || errors.saysThatThereIsNoTls() && !settings.isTlsAskedFor();
    }

    /** The servers to try. */
    Servers servers() {
        return servers;
    }

    /** Threads of jnats call this. */
    private final class Listener implements PortOwner, ErrorListener {
        @Override
        public SSLContext tls() throws IOException {
            return new Tls(settings.tls()).context();
        }

        @Override
        public void begun(FramePort port) {
            watcher.begun(port);
        }

        @Override
        public void opened(FramePort port) {
            watcher.opened(port);
        }

        @Override
        public void closed(FramePort port) {
            watcher.closed(port);
        }

        @Override
        public String certifiedName() {
            Servers.Server tried = servers.current();
            if (callbacks != null) { // whose next tasks are about this attempt
                try {
                    callbacks.execute(() -> spokenOf = tried);
                } catch (RejectedExecutionException e) {
                    // The owner is being closed, and asks for no reason.
                }
            }
            return tried.certifiedName();
        }

        @Override
        public void tlsFailed(String reason) {
            errors.tlsFailed(servers.current(), reason);
            servers.tlsFailed();
        }

        /** Deprecated, but abstract. jnats calls the other method. */
        @Override
        @SuppressWarnings("deprecation")
        public void connectionEvent(Connection source, Events type) {
            // never called
        }

        @Override
        public void connectionEvent(Connection source, Events type, Long time, String uriDetails) {
            watcher.happened(source, type);
        }

        @Override
        public void errorOccurred(Connection source, String error) {
            watcher.serverError(error, errors.serverError(spokenOf, error));
        }

        @Override
        public void exceptionOccurred(Connection source, Exception thrown) {
            Throwable e = thrown instanceof ExecutionException ? thrown.getCause() : thrown;
            watcher.exception(errors.exception(spokenOf, e), isUnexpected(e));
        }

        /** Whether an exception is unexpected. jnats throws IllegalStateException when a connection is being closed. */
        private static boolean isUnexpected(Throwable e) {
            return e instanceof Error || e instanceof RuntimeException && !(e instanceof IllegalStateException);
        }
    }
}
