package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.settings.SettingsReader;
import io.nats.client.support.NatsUri;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The configuration of one NATS datastore, checked and complete.
 *
 * @param servers URLs, each with scheme, host and port; user information may be in them
 * @param name what the server's logs and monitoring call the connection
 * @param namespace first part of every subject: one or more tokens joined by dots
 * @param datastore the name that routes use
 * @param ranking which of several datastores with one name is taken: the highest
 * @param username for the server; empty for none
 * @param password for the user
 * @param token for the server, instead of a user; empty for none
 * @param credentialsFile path of a {@code .creds} file; empty for none
 * @param tls whom to trust and who we are, where the connection is encrypted
 * @param inflightMaxBytes bound of what is accepted and not yet ended: messages, and 128 bytes for each record
 * @param inflightMaxRecords bound of the same in records
 * @param confirmTimeout after which a record that is not confirmed fails
 * @param drainTimeout how long closing waits for confirmations
 * @param messageIds whether every message gets a {@code Nats-Msg-Id}, so that a stream behind the subjects drops duplicates
 * @param heartbeat after which an idle connection is asked for a sign of life
 * @param silent after which a connection that neither takes bytes nor answers is given up
 * @param connectTimeout how long one attempt to connect to one server may take
 * @param reconnectWait pause between attempts to connect to the same server, to which jitter is added
 * @param discover whether servers that a cluster names are used besides {@code servers}
 * @param delivery what counts as a confirmation
 * @param onClosed what is done when jnats gives the connection up
 */
public record NatsSettings(
        List<String> servers,
        String name,
        String namespace,
        String datastore,
        int ranking,
        String username,
        String password,
        String token,
        String credentialsFile,
        TlsSettings tls,
        long inflightMaxBytes,
        int inflightMaxRecords,
        Duration confirmTimeout,
        Duration drainTimeout,
        boolean messageIds,
        Duration heartbeat,
        Duration silent,
        Duration connectTimeout,
        Duration reconnectWait,
        boolean discover,
        Delivery delivery,
        OnClosed onClosed) {

    public static final String DEFAULT_DATASTORE = "nats";

    /** Where nothing else is said; a shorter time to confirm shortens it, too. */
    private static final Duration SILENT = Duration.ofSeconds(5);

    private static final int MAX_NAMESPACE = 1_024;
    private static final Set<String> SCHEMES = Set.of("nats", "tls", "ws", "wss");
    /** Before the {@code @} of a URL these must be escaped. */
    private static final Pattern NOT_BEFORE_AT = Pattern.compile("[@/?#]");

    private static final Pattern NOT_A_PORT = Pattern.compile("[^\\[:]:(?!//)[^/,]*[^0-9/,]");
    private static final Pattern HOSTS = Pattern.compile("[A-Za-z0-9._:/,\\[\\] -]*");
    private static final String ESCAPES =
            "write ',' there as %2C, '@' as %40, '/' as %2F, '#' as %23, '?' as %3F, '%' as %25,"
                    + " or use the keys username and .password, or .token";

    /** Every key that has a meaning here. */
    public static final List<String> KNOWN_KEYS = Stream.of(
                    List.of(
                            "url",
                            "name",
                            "namespace",
                            "datastore",
                            "username",
                            ".password",
                            ".token",
                            "credentials.file",
                            "inflight.max.bytes",
                            "inflight.max.records",
                            "confirm.timeout.ms",
                            "drain.timeout.ms",
                            "message.ids",
                            "heartbeat.ms",
                            "silent.ms",
                            "connect.timeout.ms",
                            "reconnect.wait.ms",
                            "discover",
                            "on.closed"),
                    TlsSettings.KEYS,
                    Delivery.KEYS)
            .flatMap(List::stream)
            .toList();

    /**
     * Reads a Config Admin dictionary, or settings from anywhere else by the same keys.
     *
     * @throws io.fleettelemetry.api.settings.SettingsException with every problem, if there is one
     */
    public static NatsSettings parse(Map<String, ?> properties) {
        SettingsReader reader = new SettingsReader(properties);
        Duration confirmTimeout = reader.millis("confirm.timeout.ms", Duration.ofSeconds(120), Duration.ofMillis(100));
        NatsSettings settings = new NatsSettings(
                servers(reader),
                reader.text("name", "fleet-telemetry"),
                namespace(reader),
                datastore(reader),
                (int) reader.number("service.ranking", 0, Integer.MIN_VALUE, Integer.MAX_VALUE),
                reader.text("username", ""),
                reader.text(".password", ""),
                reader.text(".token", ""),
                reader.text("credentials.file", ""),
                TlsSettings.parse(reader),
                reader.number("inflight.max.bytes", 67_108_864, 1, Long.MAX_VALUE),
                (int) reader.number("inflight.max.records", 262_144, 1, Integer.MAX_VALUE),
                confirmTimeout,
                reader.millis("drain.timeout.ms", Duration.ofSeconds(10), Duration.ZERO),
                reader.flag("message.ids", false),
                reader.millis("heartbeat.ms", Duration.ofSeconds(2), Duration.ofMillis(10)),
                reader.millis("silent.ms", min(SILENT, confirmTimeout), Duration.ofMillis(100)),
                reader.millis("connect.timeout.ms", Duration.ofSeconds(5), Duration.ofMillis(100)),
                reader.millis("reconnect.wait.ms", Duration.ofSeconds(2), Duration.ofMillis(1)),
                reader.flag("discover", true),
                Delivery.parse(reader),
                reader.choice("on.closed", OnClosed.WITHDRAW));
        if (!settings.token.isEmpty() && !settings.username.isEmpty()) {
            reader.refuse(".token", "a token and a username exclude each other; remove one of the two");
        }
        if (settings.username.isEmpty() && !settings.password.isEmpty()) {
            reader.refuse(".password", "belongs to a username, and there is none");
        }
        if (settings.silent.compareTo(confirmTimeout) > 0) {
            reader.refuse(
                    "silent.ms",
                    "must not be longer than confirm.timeout.ms = " + confirmTimeout.toMillis()
                            + ": records would fail before a dead connection is replaced");
        }
        reader.check();
        return settings;
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    /** The name under which even a refused configuration can be shown: its own if that is one, else the default. */
    public static String datastoreName(Map<String, ?> properties) {
        String name = new SettingsReader(properties).text("datastore", DEFAULT_DATASTORE);
        return Token.is(name) ? name : DEFAULT_DATASTORE;
    }

    private static List<String> servers(SettingsReader reader) {
        List<String> urls = reader.list("url");
        boolean first = true;
        for (String url : urls) {
            if (!first && url.contains("@") && !url.contains("://")) { // most likely half a password
                refuseUrl(
                        reader,
                        url,
                        "has an @ in a part without a scheme; write a comma in a user, password or token as %2C, and begin"
                                + " every server with its scheme, such as nats://");
                return List.of();
            }
            first = false;
        }
        return (urls.isEmpty() ? List.of("nats://localhost:4222") : urls)
                .stream().map(url -> server(reader, url)).toList();
    }

    private static String server(SettingsReader reader, String text) {
        String url = text.contains("://") ? text : "nats://" + text;
        String rest = url.substring(url.indexOf("://") + 3);
        int at = rest.lastIndexOf('@');
        if (at >= 0 && NOT_BEFORE_AT.matcher(rest.substring(0, at)).find()) {
            refuseUrl(
                    reader,
                    text,
                    "has a user, password or token with a character that means something else; " + ESCAPES);
            return url;
        }
        URI uri;
        try {
            uri = new URI(url);
        } catch (URISyntaxException e) {
            refuseUrl(reader, text, "is no URL: " + e.getReason() + (at < 0 ? "" : "; " + ESCAPES));
            return url;
        }
        if (uri.getScheme() == null || !SCHEMES.contains(uri.getScheme())) {
            refuseUrl(reader, text, "the scheme must be one of nats, tls, ws, wss");
        } else if (uri.getHost() == null) {
            refuseUrl(
                    reader,
                    text,
                    rest.substring(at + 1).contains("_")
                            ? "the name of a host may have no '_' in a URL; use another name of it, or its address"
                            : "has no host; write it as nats://host:4222");
        } else if (uri.getPort() == 0 || uri.getPort() > 65_535) {
            refuseUrl(reader, text, "the port must be from 1 to 65535");
        } else {
            String complete = uri.getPort() < 0 && !rest.isEmpty() ? withPort(uri) : url;
            if (!isReadByJnats(complete)) {
                refuseUrl(reader, text, "is no URL that can be used; write it as nats://host:4222");
            }
            return complete;
        }
        return url;
    }

    /** What it cannot read it would throw at later, and in many ways: {@code nats://host:} is one that the JDK can. */
    private static boolean isReadByJnats(String url) {
        try {
            return new NatsUri(url).getHost() != null;
        } catch (URISyntaxException | RuntimeException e) {
            return false;
        }
    }

    /** The ports of web sockets are those of the web; jnats would take 4222 for them, and put it behind a path. */
    private static String withPort(URI uri) {
        int port = switch (uri.getScheme()) {
            case "ws" -> 80;
            case "wss" -> 443;
            default -> 0;
        };
        String url = uri.toString();
        if (port == 0) {
            return url;
        }
        int end = url.indexOf("://") + 3 + uri.getRawAuthority().length();
        return (url.charAt(end - 1) == ':' ? url.substring(0, end - 1) : url.substring(0, end)) + ":" + port
                + url.substring(end);
    }

    /** Where a part of the key's value may be one of a password, the whole of it decides what can be shown. */
    private static void refuseUrl(SettingsReader reader, String part, String reason) {
        String value = reader.text("url", "");
        int at = value.lastIndexOf('@');
        String shown = at < 0 ? part : value.substring(at + 1);
        // Behind a colon there is a port, or what was meant to be a password.
        boolean mayBeSecret = NOT_A_PORT.matcher(at < 0 ? value : shown).find()
                || at >= 0 && !HOSTS.matcher(shown).matches();
        reader.refuse("url", (at < 0 ? "" : "…@") + (mayBeSecret ? "…" : shown), reason);
    }

    private static String namespace(SettingsReader reader) {
        String namespace = reader.text("namespace", "tesla_telemetry");
        if (namespace.length() > MAX_NAMESPACE) {
            reader.refuse("namespace", "has more than " + MAX_NAMESPACE + " characters");
        }
        for (String part : namespace.split("\\.", -1)) {
            String flaw = Token.flaw(part);
            if (flaw != null) {
                reader.refuse(
                        "namespace",
                        "must be tokens joined by dots, such as tesla_telemetry or fleet.eu; '" + part + "' " + flaw);
                break;
            }
        }
        return namespace;
    }

    private static String datastore(SettingsReader reader) {
        String datastore = reader.text("datastore", DEFAULT_DATASTORE);
        String flaw = Token.flaw(datastore);
        if (flaw != null || datastore.contains(",")) {
            reader.refuse(
                    "datastore",
                    "the name that routes use " + (flaw == null ? "may have no comma, which separates names" : flaw));
        }
        return datastore;
    }

    /**
     * Whether these settings differ from others, if at all, in what neither the connection nor its frames depend on:
     * limits, times, the ranking and what a close does. A change of such needs no new connection, and can be in force while
     * there is none.
     */
    public boolean connectLike(NatsSettings other) {
        return equals(new NatsSettings(
                other.servers,
                other.name,
                other.namespace,
                other.datastore,
                ranking,
                other.username,
                other.password,
                other.token,
                other.credentialsFile,
                other.tls,
                inflightMaxBytes,
                inflightMaxRecords,
                // What a stream must remember follows from it.
                delivery.isJetStream() ? other.confirmTimeout : confirmTimeout,
                drainTimeout,
                other.messageIds,
                heartbeat,
                silent,
                other.connectTimeout,
                other.reconnectWait,
                other.discover,
                other.delivery,
                onClosed));
    }

    /** Whether connections must be encrypted; others are if the server requires it. */
    public boolean isTlsAskedFor() {
        return tls.isAskedFor()
                || servers.stream().anyMatch(url -> url.startsWith("tls://") || url.startsWith("wss://"));
    }

    /** The servers as logs and the status may show them. */
    public String shownServers() {
        return String.join(
                ", ", servers.stream().map(NatsSettings::withoutSecrets).toList());
    }

    /** A URL without what stands before the {@code @}: a user, a password, a token. */
    public static String withoutSecrets(String url) {
        int at = url.lastIndexOf('@');
        int scheme = url.indexOf("://");
        return at < 0 ? url : (scheme < 0 ? "" : url.substring(0, scheme + 3)) + url.substring(at + 1);
    }

    /** Without secrets. */
    @Override
    public String toString() {
        return datastore + " at " + shownServers() + ", namespace " + namespace;
    }
}
