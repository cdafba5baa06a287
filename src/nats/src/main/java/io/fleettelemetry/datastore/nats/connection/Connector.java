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
 * Connects to the servers that settings name, in the way they say, and knows why that fails: jnats itself says only that
 * it does.
 */
public final class Connector {

    /** How often a silent server is asked for a sign of life; two unanswered end the connection. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(2);

    /** How long to wait for what another thread tells, at most. */
    private static final long CALLBACKS_MILLIS = 1_000;

    private final ConnectionSettings settings;
    private final Servers servers;
    private final String name;
    private final ExecutorService callbacks;
    private final ConnectionWatcher watcher;

    private final ConnectErrors errors;
    /** The server that what jnats says at this moment is about. */
    private volatile Servers.Server spokenOf;

    /**
     * A connection that one looks at: it keeps itself alive.
     *
     * @param name what the server's logs and monitoring call the connection
     * @param events is told what happens to a connection, by a thread of jnats
     * @param errors is told what is wrong with one, by a thread of jnats
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
     * A connection for frames: whoever brings them asks for signs of life, and gives up on a silent one.
     *
     * @param discovered servers besides those of the settings, as other servers of their cluster have named them
     * @param callbacks runs what the watcher is told, in order; its owner shuts it down
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
     * Tries each server once. From then on jnats keeps the connection.
     *
     * @throws IOException if none can be used; the message is the reason
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

    /** What was wrong is told by that thread, perhaps after the attempt has failed. */
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

    /** jnats' own words name the URLs as they were given. */
    private static String withoutSecrets(String text) {
        return text.replaceAll("://\\S*@", "://");
    }

    /** What was wrong last; empty if nothing was. What the server said explains more than what came of it. */
    String lastError() {
        return errors.last();
    }

    void forgetErrors() {
        errors.forget();
    }

    /**
     * Whether a connection's server has begun or ceased to require TLS, which no setting asks for: jnats does not change
     * its mind about that, so that only a new {@link #connect()} helps.
     */
    boolean isOutdated() {
        return errors.saysThatTlsIsRequired() || errors.saysThatThereIsNoTls() && !settings.isTlsAskedFor();
    }

    /** The servers that are tried. */
    Servers servers() {
        return servers;
    }

    private Options options(boolean tls) throws IOException {
        Listener listener = new Listener();
        Options.Builder builder = new Options.Builder()
                .servers(settings.servers().toArray(String[]::new)) // of which jnats wants to have some
                .serverPool(servers)
                .connectionName(Encoding.jsonEncode(name)) // jnats puts it, and a token, into its JSON as it is
                .dataPortType(FramePort.class.getName())
                .connectionTimeout(settings.connectTimeout())
                .socketReadTimeoutMillis((int) settings.connectTimeout().toMillis()) // the port says until when
                // The port must know a host's name, not only its address, and tries all addresses of one.
                .hostnameResolveMode(HostnameResolveMode.HappyEyeballs)
                .maxReconnects(-1)
                .reconnectDelayHandler(servers::pause)
                .reconnectDelayBehavior(ReconnectDelayBehavior.BeforeAllRounds)
                .pingInterval(HEARTBEAT)
                .executor(Threads.oneForEachTask(name + ":")) // jnats' own breaks for good in a full heap
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
            // In jnats a context is the wish for TLS; the port asks for a new one each time.
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

    /** They are read at every connect. Here they are tried, because jnats neither names a file nor survives an Error. */
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

    /** Called by threads of jnats. */
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

        /** Deprecated and yet abstract: jnats calls the other method. */
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

        /** IllegalStateException is how jnats says that a connection is being closed. */
        private static boolean isUnexpected(Throwable e) {
            return e instanceof Error || e instanceof RuntimeException && !(e instanceof IllegalStateException);
        }
    }
}
