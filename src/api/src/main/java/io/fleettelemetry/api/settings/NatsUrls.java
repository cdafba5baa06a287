package io.fleettelemetry.api.settings;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Reads the URLs of NATS servers from settings: one or more URLs, separated by commas, in which {@code nats://} may be
 * left out. A user and a password, or a token, may stand before the {@code @}; text that may be a part of them is never
 * shown.
 */
public final class NatsUrls {

    private static final Set<String> SCHEMES = Set.of("nats", "tls", "ws", "wss");
    /** The characters that must be escaped before the {@code @} of a URL. */
    private static final Pattern NOT_BEFORE_AT = Pattern.compile("[@/?#]");

    private static final Pattern NOT_A_PORT = Pattern.compile("[^\\[:]:(?!//)[^/,]*[^0-9/,]");
    private static final Pattern HOSTS = Pattern.compile("[A-Za-z0-9._:/,\\[\\] -]*");
    private static final String ESCAPES =
            "write ',' there as %2C, '@' as %40, '/' as %2F, '#' as %23, '?' as %3F, '%' as %25,"
                    + " or use the keys username and .password, or .token";

    private final SettingsReader reader;
    private final String key;
    private final Predicate<String> isUsable;

    private NatsUrls(SettingsReader reader, String key, Predicate<String> isUsable) {
        this.reader = reader;
        this.key = key;
        this.isUsable = isUsable;
    }

    /**
     * Reads the servers, and refuses wrong ones with {@link SettingsReader#refuse(String, String, String)}.
     *
     * @param reader the settings
     * @param key the key of the URLs
     * @param isUsable whether the caller can use a URL that is correct by these rules
     * @return the URLs, each with its scheme, and with its port where that is not NATS' own; empty if there are none
     */
    public static List<String> read(SettingsReader reader, String key, Predicate<String> isUsable) {
        return new NatsUrls(reader, key, isUsable).urls();
    }

    private List<String> urls() {
        List<String> urls = reader.list(key);
        boolean first = true;
        for (String url : urls) {
            if (!first && url.contains("@") && !url.contains("://")) { // most likely half a password
                refuse(
                        url,
                        "has an @ in a part without a scheme; write a comma in a user, password or token as %2C, and begin"
                                + " every server with its scheme, such as nats://");
                return List.of();
            }
            first = false;
        }
        return urls.stream().map(this::url).toList();
    }

    private String url(String text) {
        String url = text.contains("://") ? text : "nats://" + text;
        String rest = url.substring(url.indexOf("://") + 3);
        int at = rest.lastIndexOf('@');
        if (at >= 0 && NOT_BEFORE_AT.matcher(rest.substring(0, at)).find()) {
            refuse(
                    text,
                    "has a user, password or token with a character that has another meaning in a URL; " + ESCAPES);
            return url;
        }
        URI uri;
        try {
            uri = new URI(url);
        } catch (URISyntaxException e) {
            refuse(text, "is not a URL: " + e.getReason() + (at < 0 ? "" : "; " + ESCAPES));
            return url;
        }
        if (uri.getScheme() == null || !SCHEMES.contains(uri.getScheme())) {
            refuse(text, "the scheme must be one of nats, tls, ws, wss");
        } else if (uri.getHost() == null) {
            refuse(
                    text,
                    rest.substring(at + 1).contains("_")
                            ? "a host name in a URL must not contain '_'; use another name of the host, or its address"
                            : "has no host; write it as nats://host:4222");
        } else if (uri.getPort() == 0 || uri.getPort() > 65_535) {
            refuse(text, "the port must be from 1 to 65535");
        } else {
            String complete = uri.getPort() < 0 && !rest.isEmpty() ? withPort(uri) : url;
            if (!isUsable.test(complete)) {
                refuse(text, "cannot be used as a URL; write it as nats://host:4222");
            }
            return complete;
        }
        return url;
    }

    /** The default ports of web sockets are 80 and 443. jnats would use 4222 for them, and append it to the path. */
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

    /** If a part may belong to a password, the whole value decides how much of it can be shown. */
    private void refuse(String part, String reason) {
        String value = reader.text(key, "");
        int at = value.lastIndexOf('@');
        String shown = at < 0 ? part : value.substring(at + 1);
        // After a colon there is a port, or text that was meant to be a password.
        boolean mayBeSecret = NOT_A_PORT.matcher(at < 0 ? value : shown).find()
                || at >= 0 && !HOSTS.matcher(shown).matches();
        reader.refuse(key, (at < 0 ? "" : "…@") + (mayBeSecret ? "…" : shown), reason);
    }
}
