package io.fleettelemetry.datastore.nats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.settings.SettingsException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NatsSettingsTest {

    @Test
    void without_any_key_the_defaults_hold() {
        NatsSettings settings = NatsSettings.parse(Map.of());
        assertEquals(
                new NatsSettings(
                        List.of("nats://localhost:4222"),
                        "fleet-telemetry",
                        "tesla_telemetry",
                        "nats",
                        0,
                        "",
                        "",
                        "",
                        "",
                        new Tls("", "", "", false),
                        67_108_864,
                        262_144,
                        Duration.ofSeconds(120),
                        Duration.ofSeconds(10),
                        false,
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(2),
                        true,
                        new Delivery(Delivery.Mode.CORE, "", Delivery.Setup.VERIFY, "", "_INBOX"),
                        OnClosed.WITHDRAW),
                settings);
    }

    @Test
    void several_servers_are_separated_by_commas_and_nats_is_the_scheme_unless_told_otherwise() {
        assertEquals(
                List.of("nats://a:4222", "tls://b", "nats://c:1"),
                NatsSettings.parse(Map.of("url", "a:4222, tls://b ,nats://c:1")).servers());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "url|nats://host:99999|the port must be from 1 to 65535",
                "url|nats://host:0|the port must be from 1 to 65535",
                "url|http://host|the scheme must be one of nats, tls, ws, wss",
                "url|nats://|is no URL",
                "url|nats://a b|is no URL",
                "url|not a url|is no URL",
                "delivery|Core|must be one of core, jetstream",
                "stream|a.b|must be the name of a stream",
                "stream.setup|alter|must be one of off, verify, create",
                "js.domain|a.b|has '.' at position 2",
                "inbox.prefix|_INBOX.>|'>' has '>' at position 1",
                "inbox.prefix|_R_.mine|must not begin with _R_ or _GR_",
                "namespace|a..b|'' is empty",
                "namespace|a b|'a b' has a blank at position 2",
                "namespace|*|'*' has '*' at position 1",
                "namespace|a.>|'>' has '>' at position 1",
                "namespace|$SYS|'$SYS' begins with '$'",
                "datastore|my store|has a blank at position 3",
                "inflight.max.records|0|must be a whole number from 1 to",
                "inflight.max.bytes|many|must be a whole number, 1 or more",
                "confirm.timeout.ms|99|must be a whole number from 100 to 86400000",
                "reconnect.wait.ms|0|must be a whole number from 1 to 86400000",
                "drain.timeout.ms|-1|must be a whole number from 0 to 86400000",
                "service.ranking|high|must be a whole number from",
                "on.closed|panic|must be one of withdraw, halt",
                "tls.first|yes|must be true or false",
                "tls.cert.file|/a.pem|is of no use without its key; set tls.key.file too, or neither",
                "tls.key.file|/a.pem|belongs to a certificate; set tls.cert.file too, or neither",
            })
    void a_wrong_value_is_refused_with_the_key_the_value_and_the_reason(String key, String value, String reason) {
        SettingsException e = assertThrows(SettingsException.class, () -> NatsSettings.parse(Map.of(key, value)));
        assertEquals(1, e.problems().size(), e.getMessage());
        assertTrue(e.getMessage().startsWith(key + " = " + value + ": "), e.getMessage());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "url, nats://a, false",
        "url, ws://a, false",
        "url, 'nats://a,tls://b', true",
        "url, wss://a, true",
        "tls.ca.file, /ca.pem, true",
        "tls.first, true, true",
        "tls.first, false, false",
    })
    void tls_is_asked_for_by_a_url_or_by_any_of_its_keys(String key, String value, boolean asked) {
        assertEquals(asked, NatsSettings.parse(Map.of(key, value)).isTlsAskedFor());
    }

    @Test
    void all_problems_are_told_at_once() {
        SettingsException e = assertThrows(
                SettingsException.class,
                () -> NatsSettings.parse(Map.of("url", "nats://h:99999", "namespace", "a b", "datastore", "x y")));
        assertEquals(3, e.problems().size());
    }

    @Test
    void secrets_are_never_told() {
        SettingsException e = assertThrows(
                SettingsException.class,
                () -> NatsSettings.parse(Map.of("url", "nats://u:hush@h:99999", "username", "u", ".token", "hush")));
        assertFalse(e.getMessage().contains("hush"), e.getMessage());
        NatsSettings settings = NatsSettings.parse(Map.of("url", "nats://u:hush@h:1", ".token", "hush"));
        assertFalse(settings.toString().contains("hush"));
        assertFalse(settings.shownServers().contains("hush"));
    }

    @Test
    void a_mistyped_key_is_noticed_and_the_frameworks_own_are_not() {
        assertEquals(
                List.of("nmaespace"),
                NatsSettings.unknownKeys(Map.of(
                        "nmaespace",
                        "x",
                        "url",
                        "x",
                        "service.pid",
                        "x",
                        "felix.fileinstall.filename",
                        "x",
                        "component.name",
                        "x")));
    }
}
