package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.jnats.port.FramePort;
import io.fleettelemetry.jnats.port.PortOwner;
import io.nats.client.AuthHandler;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Options.HostnameResolveMode;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;

/**
 * Connects to the servers that settings name, in the way they say, and knows why that fails: jnats itself says only that
 * it does.
 */
final class Connector {

    /** How long one attempt to connect to one server may take. */
    private static final Duration TIMEOUT = Duration.ofSeconds(2);

    /** How often a silent server is asked for a sign of life; two unanswered end the connection. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(2);

    /** What jnats says if one side insists on TLS and the other does not. */
    private static final String SERVER_REQUIRES_TLS = "SSL required by server.";

    private static final String SERVER_OFFERS_NO_TLS = "SSL connection wanted by client.";

    private final NatsSettings settings;
    private final String[] servers;
    private final String name;
    private final ExecutorService callbacks;
    private final ConnectionWatcher watcher;

    /** The server's last {@code -ERR}, what was wrong with TLS, and the last exception, since they were forgotten. */
    private volatile String serverError = "";

    private volatile String tlsError = "";
    private volatile String exception = "";

    private volatile boolean serverRequiresTls;
    private volatile boolean serverOffersNoTls;

    /**
     * A connection that one looks at: it keeps itself alive.
     *
     * @param name what the server's logs and monitoring call the connection
     * @param events is told what happens to a connection, by a thread of jnats
     * @param errors is told what is wrong with one, by a thread of jnats
     */
    Connector(
            NatsSettings settings,
            String name,
            BiConsumer<Connection, ConnectionListener.Events> events,
            Consumer<String> errors) {
        this(settings, List.of(), name, null, new ConnectionWatcher() {
            @Override
            public void happened(Connection source, ConnectionListener.Events event) {
                events.accept(source, event);
            }

            @Override
            public void wrong(String error) {
                errors.accept(error);
            }
        });
    }

    /**
     * A connection for frames: whoever brings them asks for signs of life, and gives up on a silent one.
     *
     * @param more servers besides those of the settings, as other servers of their cluster have named them
     * @param callbacks runs what the watcher is told, in order; its owner shuts it down
     */
    Connector(
            NatsSettings settings,
            Collection<String> more,
            String name,
            ExecutorService callbacks,
            ConnectionWatcher watcher) {
        this.settings = settings;
        this.servers = Stream.concat(settings.servers().stream(), more.stream())
                .distinct()
                .toArray(String[]::new);
        this.name = name;
        this.callbacks = callbacks;
        this.watcher = watcher;
    }

    /**
     * Tries each server once. From then on jnats keeps the connection.
     *
     * @throws IOException if none can be used; the message is the reason
     */
    Connection connect() throws IOException, InterruptedException {
        try {
            return connect(settings.isTlsAskedFor());
        } catch (IOException e) {
            if (!serverRequiresTls) {
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
            throw new IOException(reason.isEmpty() ? PlainText.field(withoutSecrets(text(e))) : reason, e);
        }
    }

    /** What was wrong is told by that thread, perhaps after the attempt has failed. */
    private void awaitCallbacks() throws InterruptedException {
        if (callbacks != null) {
            try {
                callbacks.submit(() -> {}).get();
            } catch (ExecutionException | RejectedExecutionException e) {
                // The owner is being closed, and asks for no reason.
            }
        }
    }

    /** jnats' own words name the URLs as they were given. */
    private static String withoutSecrets(String text) {
        return text.replaceAll("://\\S*@", "://");
    }

    /** What was wrong last; empty if nothing was. What the server said explains more than what came of it. */
    String lastError() {
        return PlainText.field(!serverError.isEmpty() ? serverError : !tlsError.isEmpty() ? tlsError : exception);
    }

    void forgetErrors() {
        serverError = "";
        tlsError = "";
        exception = "";
        serverRequiresTls = false;
        serverOffersNoTls = false;
    }

    /**
     * Whether a connection's server has begun or ceased to require TLS, which no setting asks for: jnats does not change
     * its mind about that, so that only a new {@link #connect()} helps.
     */
    boolean isOutdated() {
        return serverRequiresTls || serverOffersNoTls && !settings.isTlsAskedFor();
    }

    private Options options(boolean tls) throws IOException {
        Listener listener = new Listener();
        Options.Builder builder = new Options.Builder()
                .servers(servers)
                .connectionName(name)
                .dataPortType(FramePort.class.getName())
                .connectionTimeout(TIMEOUT)
                .socketReadTimeoutMillis((int) TIMEOUT.toMillis()) // the port says until when
                .maxReconnects(-1)
                .reconnectWait(settings.reconnectWait())
                .pingInterval(HEARTBEAT)
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
            // In jnats a context is the wish for TLS; the port asks for a new one each time. And the port must know the
            // host's name, not only its address.
            builder.sslContext(settings.tls().context()).hostnameResolveMode(HostnameResolveMode.HappyEyeballs);
        }
        if (settings.tls().first()) {
            builder.tlsFirst();
        }
        if (settings.delivery().isJetStream()) {
            builder.inboxPrefix(settings.delivery().inboxPrefix()).advancedRequestBehavior();
        }
        if (!settings.username().isEmpty()) {
            builder.userInfo(settings.username(), settings.password());
        }
        if (!settings.token().isEmpty()) {
            builder.token(settings.token().toCharArray());
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
            throw new IOException(key + (e.getCause() == null ? e : text(e.getCause())), e);
        } catch (NoClassDefFoundError e) {
            throw new IOException(key + "needs BouncyCastle; install the bundle bcprov-lts8on, 2.73 or later", e);
        }
        return credentials;
    }

    private static String text(Throwable e) {
        if (e instanceof TimeoutException || e instanceof SocketTimeoutException) {
            return "no answer within " + TIMEOUT.toMillis() + " ms";
        }
        if (SERVER_OFFERS_NO_TLS.equals(e.getMessage())) {
            return "the server offers no TLS, which url or a key tls.* asks for";
        }
        // The messages of others need their class: "host.example", "/a/file".
        return e.getClass() == IOException.class || e instanceof SSLException ? e.getMessage() : e.toString();
    }

    /** Called by threads of jnats. */
    private final class Listener implements PortOwner, ErrorListener {
        @Override
        public SSLContext tls() throws IOException {
            return settings.tls().context();
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
        public void tlsFailed(String reason) {
            tlsError = reason + "; " + settings.tls();
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
            serverError = error;
            watcher.refused(error);
            watcher.wrong(error);
        }

        @Override
        public void exceptionOccurred(Connection source, Exception thrown) {
            Throwable e = thrown instanceof ExecutionException ? thrown.getCause() : thrown;
            exception = text(e);
            if (SERVER_REQUIRES_TLS.equals(e.getMessage())) {
                serverRequiresTls = true;
            }
            if (SERVER_OFFERS_NO_TLS.equals(e.getMessage())) {
                serverOffersNoTls = true;
            }
            watcher.wrong(exception);
        }
    }
}
