package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.settings.NatsUrls;
import io.fleettelemetry.api.settings.SettingsReader;
import io.nats.client.support.NatsUri;
import java.net.URISyntaxException;
import java.util.List;

/** The key {@code url}: servers, separated by commas, which may contain secrets. */
public final class ServerUrls {

    private ServerUrls() {}

    /** Reads the servers, each with scheme, host and port. */
    static List<String> parse(SettingsReader reader) {
        List<String> urls = NatsUrls.read(reader, "url", ServerUrls::isReadByJnats);
        return urls.isEmpty() ? List.of(Defaults.URL) : urls;
    }

    /**
     * Whether jnats accepts a URL. Otherwise it would throw later. The JDK accepts {@code nats://host:}; jnats does
     * not.
     */
    private static boolean isReadByJnats(String url) {
        try {
            return new NatsUri(url).getHost() != null;
        } catch (URISyntaxException | RuntimeException e) {
            return false;
        }
    }

    /** A URL without the user, password or token before the {@code @}. */
    public static String withoutSecrets(String url) {
        int at = url.lastIndexOf('@');
        int scheme = url.indexOf("://");
        return at < 0 ? url : (scheme < 0 ? "" : url.substring(0, scheme + 3)) + url.substring(at + 1);
    }
}
