package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.settings.SettingsReader;
import io.nats.client.support.NatsUri;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The key {@code url}: servers, separated by commas, which may have secrets in them. */
public final class ServerUrls {

    private static final Set<String> SCHEMES = Set.of("nats", "tls", "ws", "wss");
    /** Before the {@code @} of a URL these must be escaped. */
    private static final Pattern NOT_BEFORE_AT = Pattern.compile("[@/?#]");

    private static final Pattern NOT_A_PORT = Pattern.compile("[^\\[:]:(?!//)[^/,]*[^0-9/,]");
    private static final Pattern HOSTS = Pattern.compile("[A-Za-z0-9._:/,\\[\\] -]*");
    private static final String ESCAPES =
            "write ',' there as %2C, '@' as %40, '/' as %2F, '#' as %23, '?' as %3F, '%' as %25,"
                    + " or use the keys username and .password, or .token";

    private ServerUrls() {}

    /** Each with scheme, host and port. */
    static List<String> parse(SettingsReader reader) {
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
        return (urls.isEmpty() ? List.of(Defaults.URL) : urls)
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
                    "has a user, password or token with a character that has another meaning in a URL; " + ESCAPES);
            return url;
        }
        URI uri;
        try {
            uri = new URI(url);
        } catch (URISyntaxException e) {
            refuseUrl(reader, text, "is not a URL: " + e.getReason() + (at < 0 ? "" : "; " + ESCAPES));
            return url;
        }
        if (uri.getScheme() == null || !SCHEMES.contains(uri.getScheme())) {
            refuseUrl(reader, text, "the scheme must be one of nats, tls, ws, wss");
        } else if (uri.getHost() == null) {
            refuseUrl(
                    reader,
                    text,
                    rest.substring(at + 1).contains("_")
                            ? "a host name in a URL must not contain '_'; use another name of the host, or its address"
                            : "has no host; write it as nats://host:4222");
        } else if (uri.getPort() == 0 || uri.getPort() > 65_535) {
            refuseUrl(reader, text, "the port must be from 1 to 65535");
        } else {
            String complete = uri.getPort() < 0 && !rest.isEmpty() ? withPort(uri) : url;
            if (!isReadByJnats(complete)) {
                refuseUrl(reader, text, "cannot be used as a URL; write it as nats://host:4222");
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

    /** A URL without what stands before the {@code @}: a user, a password, a token. */
    public static String withoutSecrets(String url) {
        int at = url.lastIndexOf('@');
        int scheme = url.indexOf("://");
        return at < 0 ? url : (scheme < 0 ? "" : url.substring(0, scheme + 3)) + url.substring(at + 1);
    }
}
