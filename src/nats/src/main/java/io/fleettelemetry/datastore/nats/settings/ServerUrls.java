package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.settings.NatsUrls;
import io.fleettelemetry.api.settings.SettingsReader;
import io.nats.client.support.NatsUri;
import java.net.URISyntaxException;
import java.util.List;

/** The key {@code url}: servers, separated by commas, which may have secrets in them. */
public final class ServerUrls {

    private ServerUrls() {}

    /** Each with scheme, host and port. */
    static List<String> parse(SettingsReader reader) {
        List<String> urls = NatsUrls.read(reader, "url", ServerUrls::isReadByJnats);
        return urls.isEmpty() ? List.of(Defaults.URL) : urls;
    }

    /** What it cannot read it would throw at later, and in many ways: {@code nats://host:} is one that the JDK can. */
    private static boolean isReadByJnats(String url) {
        try {
            return new NatsUri(url).getHost() != null;
        } catch (URISyntaxException | RuntimeException e) {
            return false;
        }
    }

    /** A URL without what stands before the {@code @}: a user, a password, a token. */
    public static String withoutSecrets(String url) {
        int at = url.lastIndexOf('@');
        int scheme = url.indexOf("://");
        return at < 0 ? url : (scheme < 0 ? "" : url.substring(0, scheme + 3)) + url.substring(at + 1);
    }
}
