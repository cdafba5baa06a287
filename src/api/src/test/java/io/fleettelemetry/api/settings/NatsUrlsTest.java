package io.fleettelemetry.api.settings;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What NatsSettingsTest says of the key {@code url} in more detail. */
class NatsUrlsTest {

    private static SettingsReader reader(String url) {
        return new SettingsReader(Map.of("url", url));
    }

    private static List<String> read(String url) {
        SettingsReader reader = reader(url);
        List<String> urls = NatsUrls.read(reader, "url", any -> true);
        assertDoesNotThrow(reader::check);
        return urls;
    }

    @Test
    void a_url_gets_its_scheme_and_a_web_sockets_its_port() {
        assertEquals(
                List.of("nats://a:1", "tls://u:p@b", "nats://[::1]:4222"), read("a:1, tls://u:p@b,nats://[::1]:4222"));
        assertEquals(List.of("ws://a:80/x", "wss://b:443"), read("ws://a/x,wss://b"));
        assertEquals(List.of(), read(""));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    http://a:1                | url = http://a:1: the scheme must be one of nats, tls, ws, wss
                    a:99999                   | url = a:99999: the port must be from 1 to 65535
                    nats://my_host            | url = nats://my_host: a host name in a URL must not contain '_'; use another name of the host, or its address
                    nats://u:hush/1@a:1       | url = …@a:1: has a user, password or token with a character that has another meaning in a URL; write ',' there as %2C, '@' as %40, '/' as %2F, '#' as %23, '?' as %3F, '%' as %25, or use the keys username and .password, or .token
                    nats://a,u:hush@b         | url = …@b: has an @ in a part without a scheme; write a comma in a user, password or token as %2C, and begin every server with its scheme, such as nats://
                    """, quoteCharacter = '`')
    void what_is_wrong_is_refused_without_a_secret(String url, String problem) {
        SettingsReader reader = reader(url);
        NatsUrls.read(reader, "url", any -> true);
        assertEquals(
                List.of(problem),
                assertThrows(SettingsException.class, reader::check).problems());
    }

    @Test
    void one_that_the_caller_cannot_use_is_refused() {
        SettingsReader reader = reader("a:1,b:2");
        NatsUrls.read(reader, "url", url -> !url.equals("nats://b:2"));
        assertEquals(
                List.of("url = b:2: cannot be used as a URL; write it as nats://host:4222"),
                assertThrows(SettingsException.class, reader::check).problems());
    }
}
