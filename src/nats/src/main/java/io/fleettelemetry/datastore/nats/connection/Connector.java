package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.datastore.nats.threads.Threads;
import io.fleettelemetry.jnats.port.FramePort;
import io.fleettelemetry.jnats.port.PortOwner;
import io.nats.client.AuthHandler;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Options.HostnameResolveMode;
import io.nats.client.Options.ReconnectDelayBehavior;
import io.nats.client.support.Encoding;
import java.io.IOException;
import java.time.Duration;
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

    /** Time after which a silent server is sent a PING. Two unanswered PINGs end the connection. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(2);

    /** Longest wait (ms) for the callbacks of another thread. */
    private static final long CALLBACKS_MILLIS = 1_000;

    private final ConnectionSettings settings;
    private final Servers servers;
    private final String name;
    private final ExecutorService callbacks;
    private final ConnectionWatcher watcher;

    private final ConnectErrors errors;
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
        this.name = name;
        this.callbacks = callbacks;
        this.watcher = watcher;
        this.errors = new ConnectErrors(settings);
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
            return Nats.connect(options(tls));
        } catch (IOException | RuntimeException | LinkageError e) {
            // In OSGi also when another jnats has been installed that nobody has wired us to yet. An exception's text
            // says
            // enough: Karaf's log keeps what is logged with its stack, and with that our classes.
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

    private Options options(boolean tls) throws IOException {
        Listener listener = new Listener();
        Options.Builder builder = new Options.Builder()
                .servers(settings.servers().toArray(String[]::new)) // jnats requires at least one
                .serverPool(servers)
                .connectionName(Encoding.jsonEncode(name)) // jnats does not escape it in its JSON, nor a token
                .dataPortType(FramePort.class.getName())
                .connectionTimeout(settings.connectTimeout())
                .socketReadTimeoutMillis(
                        (int) settings.connectTimeout().toMillis()) // the port ends it after the preparation
                // The port needs the host's name, not only an address, and tries all addresses of the host.
                .hostnameResolveMode(HostnameResolveMode.HappyEyeballs)
                .maxReconnects(-1)
                .reconnectDelayHandler(servers::pause)
                .reconnectDelayBehavior(ReconnectDelayBehavior.BeforeAllRounds)
                .pingInterval(HEARTBEAT)
                .executor(Threads.oneForEachTask(name + ":")) // jnats' own never works again after a full heap
                .connectExecutor(Threads.oneForEachTask(name + ":connect")) // jnats' own has no name
                .connectionListener(listener)
                .errorListener(listener);
        if (callbacks != null) {
            builder.callbackExecutor(callbacks)
                    .pingInterval(Duration.ofMinutes(2))
                    // Beyond it jnats would end the connection, and a flush would return as if it had been answered.
                    .maxPingsOut(Integer.MAX_VALUE);
        }
        if (tls) {
            // For jnats a context means that TLS is required. The port uses a new one each time.
            builder.sslContext(new Tls(settings.tls()).context());
        }
        if (settings.tls().first()) {
            builder.tlsFirst();
        }
        if (settings.delivery().isJetStream()) {
            builder.inboxPrefix(settings.delivery().inboxPrefix()).advancedRequestBehavior();
        } else {
            builder.noNoResponders(); // a server without headers refuses who asks for them, and nothing is requested
        }
        if (!settings.username().isEmpty()) {
            builder.userInfo(settings.username(), settings.password());
        }
        if (!settings.token().isEmpty()) {
            builder.token(Encoding.jsonEncode(settings.token()).toCharArray());
        }
        if (!settings.credentialsFile().isEmpty()) {
            builder.authHandler(credentials());
        }
        return builder.build();
    }

    /**
     * Checks the credentials file, because jnats neither names the file nor survives an Error. jnats reads it each
     * time.
     */
    private AuthHandler credentials() throws IOException {
        String key = "credentials.file = " + settings.credentialsFile() + ": ";
        AuthHandler credentials = Nats.credentials(settings.credentialsFile());
        try {
            credentials.getID();
        } catch (IllegalStateException e) {
            throw new IOException(key + errors.inWords(e.getCause() == null ? e : e.getCause()), e);
        } catch (NoClassDefFoundError e) {
            throw new IOException(key + "needs BouncyCastle; install the bundle bcprov-lts8on, 2.73 or later", e);
        }
        return credentials;
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
