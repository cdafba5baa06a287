package io.fleettelemetry.datastore.nats.settings;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.settings.SettingsException;
import io.fleettelemetry.api.settings.SettingsReader;
import io.fleettelemetry.datastore.nats.connection.Servers;
import io.nats.client.Options;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NatsSettingsTest {

    @Test
    void without_any_key_the_defaults_hold() {
        NatsSettings settings = NatsSettings.parse(Map.of());
        assertEquals(
                new NatsSettings(
                        new ConnectionSettings(
                                List.of("nats://localhost:4222"),
                                "fleet-telemetry",
                                "tesla_telemetry",
                                "nats",
                                "",
                                "",
                                "",
                                "",
                                new TlsSettings("", "", "", false),
                                Duration.ofSeconds(5),
                                Duration.ofSeconds(2),
                                true,
                                new Delivery(
                                        Delivery.Mode.CORE,
                                        "",
                                        Delivery.Setup.VERIFY,
                                        "",
                                        "_INBOX",
                                        Delivery.Batch.AUTO,
                                        false,
                                        Duration.ZERO)),
                        new Limits(
                                0,
                                67_108_864,
                                262_144,
                                Duration.ofSeconds(120),
                                Duration.ofSeconds(10),
                                Duration.ofSeconds(2),
                                Duration.ofSeconds(5),
                                OnClosed.WITHDRAW)),
                settings);
    }

    @Test
    void several_servers_are_separated_by_commas_and_nats_is_the_default_scheme() {
        assertEquals(
                List.of("nats://a:4222", "tls://b", "nats://c:1"),
                NatsSettings.parse(Map.of("url", "a:4222, tls://b ,nats://c:1"))
                        .connection()
                        .servers());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "url|nats://host:99999|the port must be from 1 to 65535",
                "url|nats://host:0|the port must be from 1 to 65535",
                "url|http://host|the scheme must be one of nats, tls, ws, wss",
                "url|nats://|is not a URL",
                "url|nats://my_host:4222|must not contain '_'; use another name of the host, or its address",
                "url|nats://[::1|is not a URL",
                "url|nats://a b|is not a URL",
                "url|not a url|is not a URL",
                "delivery|Core|must be one of core, jetstream",
                "stream|a.b|must be the name of a stream",
                "stream.setup|alter|must be one of off, verify, create",
                "js.domain|a.b|has '.' at position 2",
                "batch|on|must be one of auto, off, required",
                "batch|required|needs delivery = jetstream",
                "message.ids|yes|must be one of auto, true, false",
                "inbox.prefix|_INBOX.>|'>' has '>' at position 1",
                "inbox.prefix|_R_.mine|must not begin with _R_ or _GR_",
                "namespace|a..b|'' is empty",
                "namespace|a b|'a b' has a blank at position 2",
                "namespace|*|'*' has '*' at position 1",
                "namespace|a.>|'>' has '>' at position 1",
                "namespace|$SYS|'$SYS' begins with '$'",
                "namespace|$NRG.x|'$NRG' begins with '$'",
                "namespace|fleet.$FI|'$FI' begins with '$'",
                "inbox.prefix|$SYS.x|'$SYS' begins with '$'",
                "inbox.prefix|$NRG|'$NRG' begins with '$'",
                "inbox.prefix|_INBOX.1.ok.1.0.$FI|'$FI' begins with '$'",
                "js.domain|$SYS|begins with '$'",
                "datastore|my store|has a blank at position 3",
                "inflight.max.records|0|must be a whole number from 1 to",
                "inflight.max.bytes|many|must be a whole number, 1 or more",
                "confirm.timeout.ms|99|must be a whole number from 100 to 86400000",
                "reconnect.wait.ms|0|must be a whole number from 1 to 86400000",
                "drain.timeout.ms|-1|must be a whole number from 0 to 86400000",
                "service.ranking|high|must be a whole number from",
                "on.closed|panic|must be one of withdraw, halt",
                "tls.first|yes|must be true or false",
                "tls.cert.file|/a.pem|needs its key; set tls.key.file too, or neither",
                "tls.key.file|/a.pem|needs its certificate; set tls.cert.file too, or neither",
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
        assertEquals(asked, NatsSettings.parse(Map.of(key, value)).connection().isTlsAskedFor());
    }

    @Test
    void all_problems_are_reported_at_once() {
        SettingsException e = assertThrows(
                SettingsException.class,
                () -> NatsSettings.parse(Map.of("url", "nats://h:99999", "namespace", "a b", "datastore", "x y")));
        assertEquals(3, e.problems().size());
    }

    @ParameterizedTest
    @CsvSource({
        "core, auto, false",
        "core, true, true",
        "core, TRUE, true",
        "core, false, false",
        "jetstream, auto, true",
        "jetstream, true, true",
        "jetstream, false, false",
    })
    void messages_have_ids_with_jetstream_unless_the_settings_say_otherwise(
            String delivery, String ids, boolean result) {
        Delivery parsed = NatsSettings.parse(Map.of("delivery", delivery, "message.ids", ids))
                .delivery();
        assertEquals(result, parsed.messageIds());
        boolean remembered = result && delivery.equals("jetstream");
        assertEquals(remembered ? Duration.ofSeconds(150) : Duration.ZERO, parsed.duplicateWindow());
    }

    @Test
    void batches_that_are_required_must_be_looked_for() {
        Map<String, String> keys = Map.of("delivery", "jetstream", "batch", "required");
        assertEquals(
                Delivery.Batch.REQUIRED, NatsSettings.parse(keys).delivery().batch());
        Map<String, String> off = new HashMap<>(keys);
        off.put("stream.setup", "off");
        SettingsException e = assertThrows(SettingsException.class, () -> NatsSettings.parse(off));
        assertTrue(
                e.getMessage().startsWith("batch = required: needs stream.setup = verify or create"), e.getMessage());
    }

    @Test
    void secrets_are_never_shown() {
        SettingsException e = assertThrows(
                SettingsException.class,
                () -> NatsSettings.parse(Map.of("url", "nats://u:hush@h:99999", "username", "u", ".token", "hush")));
        assertFalse(e.getMessage().contains("hush"), e.getMessage());
        NatsSettings settings = NatsSettings.parse(Map.of("url", "nats://u:hush@h:1", ".token", "hush"));
        assertFalse(settings.toString().contains("hush"));
        assertFalse(settings.shownServers().contains("hush"));
    }

    /** Every secret is made of parts that are nowhere else, joined by whatever people have in passwords. */
    @Test
    void not_one_part_of_a_password_is_ever_shown_or_taken_for_a_host() {
        List<String> joints = List.of(",", ", ", "@", "/", "#", "?", "%", ":", " ", "\"", "[", "]", "://", "%2C", "");
        List<String> templates = List.of(
                "nats://fleet:%s@host:4222",
                "nats://%s@host",
                "tls://other,nats://fleet:%s@host",
                "nats://fleet:%s@host,other:1",
                "nats://fleet:%s@host:99999",
                "nats://fleet:%s@my_host",
                "fleet:%s@host",
                "http://fleet:%s@host",
                "nats://fleet:%s");
        Random random = new Random(7);
        for (int round = 0; round < 20_000; round++) {
            List<String> parts = new ArrayList<>();
            StringBuilder secret = new StringBuilder();
            for (int i = 0; i < 1 + random.nextInt(4); i++) {
                String part = "Q" + (char) ('a' + random.nextInt(26)) + "x" + i + "Z";
                parts.add(part);
                secret.append(part).append(joints.get(random.nextInt(joints.size())));
            }
            parts.add("7Hush1");
            String template = templates.get(random.nextInt(templates.size()));
            if (!template.contains("@") && secret.indexOf("@") >= 0
                    || template.contains("//%s") && secret.indexOf(",nats://") >= 0) {
                continue; // it looks like a host after the @, or like several servers
            }
            String url = template.replace("%s", secret + "7Hush1");
            String shown;
            try {
                NatsSettings settings = NatsSettings.parse(Map.of("url", url));
                shown = settings + " " + settings.shownServers();
                for (String server : settings.connection().servers()) {
                    String host = URI.create(server).getHost();
                    assertTrue(List.of("host", "other").contains(host), () -> url + " as " + server);
                }
            } catch (SettingsException e) {
                shown = e.getMessage();
            }
            for (String part : parts) {
                assertFalse(shown.contains(part), url + " is shown as " + shown);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'nats://fleet:Hush1,2@host:4222', %2C",
        "'nats://fleet:AAB@CCCsec,DDDsec@host:4222', %2C",
        "nats://fleet:a@b@host, %40",
        "nats://fleet:1/b@host, %2F",
        "nats://fleet:a#b@host, %23",
        "nats://fleet:50%off@host, %25",
    })
    void a_password_that_a_url_cannot_have_is_refused_with_the_way_to_write_it(String url, String escape) {
        SettingsException e = assertThrows(SettingsException.class, () -> NatsSettings.parse(Map.of("url", url)));
        assertTrue(e.getMessage().startsWith("url = …@host"), e.getMessage());
        assertTrue(e.getMessage().contains(escape), e.getMessage());
    }

    @Test
    void a_silence_longer_than_the_time_to_confirm_is_refused() {
        SettingsException e = assertThrows(
                SettingsException.class,
                () -> NatsSettings.parse(Map.of("silent.ms", "1001", "confirm.timeout.ms", "1000")));
        assertTrue(
                e.getMessage().startsWith("silent.ms = 1001: must not be longer than confirm.timeout.ms = 1000"),
                e.getMessage());
        NatsSettings.parse(Map.of("silent.ms", "1000", "confirm.timeout.ms", "1000"));
    }

    /** Who shortens the time to confirm has never heard of silences: records must not fail before a dead connection is replaced. */
    @Test
    void where_no_silence_is_set_a_shorter_time_to_confirm_shortens_it() {
        assertEquals(
                Duration.ofMillis(3_000),
                NatsSettings.parse(Map.of("confirm.timeout.ms", "3000")).silent());
        assertEquals(
                Duration.ofMillis(5_000),
                NatsSettings.parse(Map.of("confirm.timeout.ms", "5001")).silent());
        assertEquals(Duration.ofMillis(5_000), NatsSettings.parse(Map.of()).silent());
    }

    @Test
    void a_web_socket_without_a_port_has_that_of_the_web() {
        assertEquals(
                List.of("wss://host:443/a/b", "ws://u:p@host:80", "ws://host:1/c", "nats://host"),
                NatsSettings.parse(Map.of("url", "wss://host/a/b,ws://u:p@host,ws://host:1/c,nats://host"))
                        .connection()
                        .servers());
    }

    /** Whether it is accepted or refused: what stands before the last @ is in no text, whatever characters it has. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "nats://user:hush@host:4222",
                "user:hush@host:4222",
                "hush@host:4222",
                "nats://user:17,hush@host:4222",
                "nats://user:hush,17@host:4222",
                "nats://user:hush@hush,17@host:4222",
                "nats://hush,@host:4222",
                "user:hush,17@host:4222",
                "nats://user:hush@hush@host:4222",
                "nats://user:17/hush@host:4222",
                "nats://hush/17@host:4222",
                "nats://hush#17@host:4222",
                "nats://hush?17@host:4222",
                "nats://user:hush#17@host:4222",
                "nats://user:17%hush@host:4222",
                "nats://user:hu sh@host:4222",
                "nats://user:hush:hush@host:4222",
                "user:hush://17@host:4222",
                "/hush://17@host:4222",
                "http://user:hush@host:4222",
                "nats://user:hush@ho_st:4222",
                "nats://user:hush@[::1]:4222",
                "nats://user:hush@[::1:4222",
                "nats://user:hush@::1",
                "nats://user:hush@:4222",
                "nats://user:hush@",
                "nats://user:hush",
                "nats://user:h\u00c3\u00bc-hush@host:4222",
                "nats://user:hush\u001b@host:4222",
            })
    void a_part_of_a_url_that_may_be_a_secret_is_never_shown_and_never_taken_for_a_host(String url) {
        String told;
        try {
            NatsSettings settings = NatsSettings.parse(Map.of("url", url));
            Servers servers = new Servers(settings.connection(), List.of());
            told = settings + settings.shownServers() + servers.getServerList();
        } catch (SettingsException e) {
            told = e.getMessage();
        }
        assertFalse(told.contains("hush"), told);
        assertFalse(told.contains("17"), told);
    }

    /** Names and addresses that one of our two readers of URLs takes and the other does not would end the component. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "nats://[::1]:4222",
                "nats://[fe80::1%25eth0]:4222",
                "nats://1.2.3.4",
                "nats://a-.b",
                "nats://a..b",
                "nats://xn--a",
                "nats://a:",
                "nats://a/b?c#d",
                "nats://-a",
                "nats://1.2",
                "nats://a.",
                "nats://%41@a",
                "nats://:@a",
                "nats://@a",
                "nats://a:+1",
                "NATS://a",
                "nats:///a",
                "nats:a://b",
                "?x://a",
                "nats://a:00001",
                "ws://a",
                "wss://a:1/b",
                "nats://[::ffff:1.2.3.4]:1",
                "nats://[v1.x]:1",
                "nats://u:p@[::1]"
            })
    void an_accepted_url_can_be_connected_to_and_others_are_refused(String url) {
        NatsSettings settings;
        try {
            settings = NatsSettings.parse(Map.of("url", url));
        } catch (SettingsException e) {
            return;
        }
        assertFalse(new Servers(settings.connection(), List.of())
                .current()
                .certifiedName()
                .isEmpty());
        assertDoesNotThrow(() -> new Options.Builder()
                .servers(settings.connection().servers().toArray(String[]::new))
                .build());
    }

    @Test
    void a_mistyped_key_is_noticed_and_the_frameworks_own_are_not() {
        assertEquals(
                List.of("nmaespace"),
                new SettingsReader(Map.of(
                                "nmaespace",
                                "x",
                                "url",
                                "x",
                                "service.pid",
                                "x",
                                "felix.fileinstall.filename",
                                "x",
                                "component.name",
                                "x"))
                        .unknownKeys(NatsSettings.KNOWN_KEYS));
    }
}
