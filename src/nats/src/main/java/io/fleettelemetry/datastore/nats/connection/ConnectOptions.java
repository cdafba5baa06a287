package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.datastore.nats.threads.Threads;
import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.AuthHandler;
import io.nats.client.ConnectionListener;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Options.HostnameResolveMode;
import io.nats.client.Options.ReconnectDelayBehavior;
import io.nats.client.support.Encoding;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;

/** The settings of a connection as jnats takes them. */
final class ConnectOptions {

    /** Time after which a silent server is sent a PING. Two unanswered PINGs end the connection. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(2);

    private final ConnectionSettings settings;
    private final Servers servers;
    private final String name;
    private final ExecutorService callbacks;
    private final ConnectErrors errors;

    /** @param callbacks runs the callbacks of a connection for frames; null for a connection that only looks */
    ConnectOptions(
            ConnectionSettings settings,
            Servers servers,
            String name,
            ExecutorService callbacks,
            ConnectErrors errors) {
        this.settings = settings;
        this.servers = servers;
        this.name = name;
        this.callbacks = callbacks;
        this.errors = errors;
    }

    /**
     * @param tls whether the server must offer TLS
     * @throws IOException if a file of the settings cannot be used, with the reason
     */
    <L extends ConnectionListener & ErrorListener> Options with(boolean tls, L listener) throws IOException {
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
            builder.noNoResponders(); // a server without headers refuses clients that ask for this, and nothing is
            // requested
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
}
