package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.settings.Namespace;
import io.fleettelemetry.api.settings.SettingsReader;
import java.time.Duration;
import java.util.List;

/**
 * The settings of a connection and its frames. A change of any of these needs a new connection.
 *
 * @param servers URLs, each with scheme, host and port; they may contain a user and a password
 * @param name name of the connection in the server's logs and monitoring
 * @param namespace first part of every subject: one or more tokens joined by dots
 * @param datastore the name that routes use
 * @param username user for the server; empty for none
 * @param password password of the user
 * @param token token for the server, instead of a user; empty for none
 * @param credentialsFile path of a {@code .creds} file; empty for none
 * @param tls the files for encrypted connections
 * @param connectTimeout longest time for one attempt to connect to one server
 * @param reconnectWait pause between attempts to connect to the same server; jitter is added
 * @param discover whether to use servers that a cluster advertises, besides {@code servers}
 * @param delivery when a record is confirmed
 */
public record ConnectionSettings(
        List<String> servers,
        String name,
        String namespace,
        String datastore,
        String username,
        String password,
        String token,
        String credentialsFile,
        TlsSettings tls,
        Duration connectTimeout,
        Duration reconnectWait,
        boolean discover,
        Delivery delivery) {

    static final List<String> KEYS = List.of(
            "url",
            "name",
            "namespace",
            "datastore",
            "username",
            ".password",
            ".token",
            "credentials.file",
            "connect.timeout.ms",
            "reconnect.wait.ms",
            "discover");

    /** @param confirmTimeout the limit for confirmations, which decides how long a stream must remember ids */
    static ConnectionSettings parse(SettingsReader reader, Duration confirmTimeout) {
        ConnectionSettings settings = new ConnectionSettings(
                ServerUrls.parse(reader),
                reader.text("name", Defaults.NAME),
                namespace(reader),
                datastore(reader),
                reader.text("username", ""),
                reader.text(".password", ""),
                reader.text(".token", ""),
                reader.text("credentials.file", ""),
                TlsSettings.parse(reader),
                reader.millis(
                        "connect.timeout.ms", Duration.ofMillis(Defaults.CONNECT_TIMEOUT_MS), Duration.ofMillis(100)),
                reader.millis("reconnect.wait.ms", Duration.ofMillis(Defaults.RECONNECT_WAIT_MS), Duration.ofMillis(1)),
                reader.flag("discover", Defaults.DISCOVER),
                Delivery.parse(reader, confirmTimeout));
        if (!settings.token.isEmpty() && !settings.username.isEmpty()) {
            reader.refuse(".token", "a token and a username exclude each other; remove one of the two");
        }
        if (settings.username.isEmpty() && !settings.password.isEmpty()) {
            reader.refuse(".password", "needs a username, but none is set");
        }
        return settings;
    }

    private static String namespace(SettingsReader reader) {
        String namespace = reader.text("namespace", Defaults.NAMESPACE);
        String problem = Namespace.problem(namespace);
        if (problem != null) {
            reader.refuse("namespace", problem);
        }
        return namespace;
    }

    private static String datastore(SettingsReader reader) {
        String datastore = reader.text("datastore", Defaults.DATASTORE);
        String problem = Token.flaw(datastore);
        if (problem != null || datastore.contains(",")) {
            reader.refuse(
                    "datastore",
                    "the name that routes use "
                            + (problem == null ? "must not contain a comma, which separates names" : problem));
        }
        return datastore;
    }

    /** Whether connections must be encrypted. If not, they are encrypted only if the server requires it. */
    public boolean isTlsAskedFor() {
        return tls.isAskedFor()
                || servers.stream().anyMatch(url -> url.startsWith("tls://") || url.startsWith("wss://"));
    }

    /** The servers without secrets, for logs and the status. */
    public String shownServers() {
        return String.join(
                ", ", servers.stream().map(ServerUrls::withoutSecrets).toList());
    }

    /** The settings without secrets. */
    @Override
    public String toString() {
        return datastore + " at " + shownServers() + ", namespace " + namespace;
    }
}
