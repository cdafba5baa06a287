package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each thing in the Go server's file becomes here. */
class GoImportTest {

    private static GoImport of(String json) throws GoConfig.Wrong {
        return new GoImport(GoConfig.parse(json), Map.of());
    }

    private static List<String> settings(String json) throws GoConfig.Wrong {
        return of(json).settings().stream()
                .map(setting -> setting.key() + " = " + setting.value())
                .toList();
    }

    @Test
    void everything_that_has_a_counterpart_is_taken_over() throws Exception {
        GoImport found = of(GoConfigTest.full());
        assertEquals(
                """
                namespace -> io.fleettelemetry.datastore.nats-default.cfg: namespace = fleet
                nats.url -> io.fleettelemetry.datastore.nats-default.cfg: url = nats://(hidden)@10.0.0.1:4222,nats://10.0.0.2:4222
                nats.name -> io.fleettelemetry.datastore.nats-default.cfg: name = fleet-eu
                logger.verbose -> io.fleettelemetry.datastore.logger.cfg: verbose = true
                airbrake.host -> io.fleettelemetry.airbrake.cfg: host = https://errbit.example.com
                airbrake.project_id -> io.fleettelemetry.airbrake.cfg: project_id = 42
                airbrake.project_key -> io.fleettelemetry.airbrake.cfg: .project_key = (hidden)
                airbrake.environment -> io.fleettelemetry.airbrake.cfg: environment = production
                records.V -> io.fleettelemetry.host.cfg: records.V = nats,logger
                records.errors -> io.fleettelemetry.host.cfg: records.errors = nats
                records.connectivity -> io.fleettelemetry.host.cfg: records.connectivity = logger
                records.my_type -> io.fleettelemetry.host.cfg: records.my_type = nats
                reliable_ack_sources.V -> io.fleettelemetry.host.cfg: reliable_ack_sources.V = nats
                monitoring.prometheus_metrics_port -> io.fleettelemetry.host.cfg: prometheus_metrics_port = 9090
                monitoring.prometheus_metrics_host -> io.fleettelemetry.host.cfg: prometheus_metrics_host = 0.0.0.0
                """,
                found.settings().stream()
                        .map(setting -> setting.from() + " -> " + setting.file() + ": " + setting.key() + " = "
                                + setting.shownValue() + "\n")
                        .collect(Collectors.joining()));
        assertEquals(
                "nats://fleet:s3cret@10.0.0.1:4222,nats://10.0.0.2:4222",
                found.settings().get(1).value());
    }

    @Test
    void datastores_that_are_not_here_are_left_out_and_named() throws Exception {
        GoImport found = of(GoConfigTest.full());
        assertTrue(
                found.withoutCounterpart()
                        .keySet()
                        .containsAll(Set.of(
                                "records.V: kafka",
                                "records.alerts: kafka",
                                "records.alerts: kinesis",
                                "records.my_type: mqtt",
                                "reliable_ack_sources.alerts: kafka")),
                found.withoutCounterpart().toString());
        assertTrue(
                found.notes()
                        .contains(
                                "records.alerts: no datastore is left, so the route is left out, and records of this type"
                                        + " fail; to publish them to NATS, add records.alerts = nats to"
                                        + " etc/io.fleettelemetry.host.cfg"),
                found.notes().toString());
        assertTrue(found.notes()
                .contains("reliable_ack_sources.alerts: is left out, so records of type alerts get no reliable acks"));
    }

    @Test
    void a_dispatcher_that_nobody_knows_is_told_apart() throws Exception {
        GoImport found = of("{\"records\":{\"V\":[\"NATS\",\"nats\",\"nats\",null]}}");
        assertEquals(
                Set.of("records.V: NATS", "records.V: "),
                found.withoutCounterpart().keySet());
        assertTrue(found.withoutCounterpart().get("records.V: NATS").contains("nor in the Go server"));
        assertEquals("nats", found.settings().get(0).value());
        assertTrue(found.notes().contains("records.V: nats is named twice; here a datastore gets a record once"));
    }

    @Test
    void what_the_file_does_not_say_is_not_touched() throws Exception {
        assertEquals(List.of(), settings("{}"));
        assertEquals(
                List.of("records.V = nats"),
                settings("{\"records\":{\"V\":[\"nats\"]},\"nats\":{\"url\":\"\",\"name\":\" \"},\"monitoring\":{},"
                        + "\"airbrake\":{\"host\":\"\"},\"logger\":{}}"));
        assertEquals(
                List.of("prometheus_metrics_port = 0"), settings("{\"monitoring\":{\"prometheus_metrics_port\":0}}"));
        assertEquals(List.of("verbose = false"), settings("{\"logger\":{\"verbose\":false}}"));
        assertTrue(of("{\"namespace\":\"a\"}").notes().get(0).startsWith("records: not in the file"));
        assertTrue(of("{\"records\":{\"V\":[\"nats\"]}}").notes().get(0).startsWith("namespace: not in the file"));
        assertTrue(of("{\"records\":{\"V\":[\"nats\"]}}").notes().get(1).startsWith("nats.url: not in the file"));
    }

    @Test
    void the_project_key_comes_with_a_word_about_the_environment_variable() throws Exception {
        GoConfig config = GoConfig.parse("{\"airbrake\":{\"project_id\":1,\"project_key\":\"k\"}}");
        String note = new GoImport(config, Map.of()).notes().get(0);
        assertTrue(
                note.endsWith(
                        "the environment variable AIRBRAKE_PROJECT_KEY, if it is set for Karaf, replaces the key"),
                note);
        note = new GoImport(config, Map.of("AIRBRAKE_PROJECT_KEY", "")).notes().get(0);
        assertTrue(note.endsWith("; it is set now"), note);
        note = of("{\"airbrake\":{\"project_id\":1}}").notes().get(0);
        assertTrue(note.startsWith("airbrake.project_key: not in the file; without .project_key in etc/"), note);
    }

    @Test
    void several_servers_and_schemes_are_urls() throws Exception {
        for (String url : List.of("localhost:4222", "nats://a:1, tls://b:2", "wss://u:p@c", "nats://[::1]:4222")) {
            assertEquals(List.of("url = " + url), settings("{\"nats\":{\"url\":\"" + url + "\"}}"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    {"namespace": "a b"}          | namespace = "a b": must be tokens joined by dots, such as tesla_telemetry or fleet.eu; 'a b' has a blank at position 2
                    {"namespace": "a..b"}         | namespace = "a..b": must be tokens joined by dots, such as tesla_telemetry or fleet.eu; '' is empty
                    {"namespace": "a.>"}          | namespace = "a.>": must be tokens joined by dots, such as tesla_telemetry or fleet.eu; '>' has '>' at position 1
                    {"namespace": "$SYS"}         | namespace = "$SYS": must be tokens joined by dots, such as tesla_telemetry or fleet.eu; '$SYS' begins with '$'
                    {"records": {"V": []}}        | records.V = []: names no datastore (unknown_dispatch_rule); name one, or remove the key
                    {"records": {"V": null}}      | records.V = []: names no datastore (unknown_dispatch_rule); name one, or remove the key
                    {"records": {}}               | records: has no route; add one to nats or logger, such as "V": ["nats"], or remove records to keep the routes that are configured here
                    {"records": {"V": ["kafka"], "alerts": ["mqtt", "kafka"]}} | records: has no route to a datastore that is here, only to kafka, mqtt; add one to nats or logger, such as "V": ["nats"], or remove records to keep the routes that are configured here
                    {"namespace": "x", "records": {"V": ["kafka"]}} | records: has no route to a datastore that is here, only to kafka; add one to nats or logger, such as "V": ["nats"], or remove records to keep the routes that are configured here
                    {"records": {"a b": ["nats"]}}| records.a b: the record type "a b" has a blank at position 2; remove it, because it cannot be part of a subject
                    {"records": {"": ["nats"]}}   | records.: the record type "" is empty; remove it, because it cannot be part of a subject
                    {"records": {"connectivity": ["nats"]}, "reliable_ack_sources": {"connectivity": "nats"}} | reliable_ack_sources.connectivity = "nats": records of type connectivity need no reliable ack; remove the key
                    {"records": {"V": ["logger"]}, "reliable_ack_sources": {"V": "logger"}} | reliable_ack_sources.V = "logger": the logger cannot be a source of reliable acks; name another, or remove the key
                    {"records": {"V": ["nats"]}, "reliable_ack_sources": {"alerts": "nats"}} | reliable_ack_sources.alerts = "nats": there is no records.alerts; add it, or remove the key
                    {"reliable_ack_sources": {"V": "nats"}} | reliable_ack_sources.V = "nats": there is no records.V; add it, or remove the key
                    {"records": {"V": ["logger","kafka","nats"]}, "reliable_ack_sources": {"V": "mqtt"}} | reliable_ack_sources.V = "mqtt": records.V does not route to it; valid: kafka, nats
                    {"records": {"V": ["logger"]}, "reliable_ack_sources": {"V": "nats"}} | reliable_ack_sources.V = "nats": records.V does not route to it; valid: none
                    {"records": {"V": ["nats"]}, "reliable_ack_sources": {"V": null}} | reliable_ack_sources.V = "": records.V does not route to it; valid: nats
                    {"nats": {"url": "http://a:1"}} | nats.url = http://a:1: the scheme must be one of nats, tls, ws, wss
                    {"nats": {"url": "nats://u:p@a:1,nats://"}} | nats.url = …@a:1,nats://: is not a URL: Expected authority
                    {"nats": {"url": "a:99999"}}  | nats.url = a:99999: the port must be from 1 to 65535
                    {"nats": {"url": "nats://u:1/2@a:1"}} | nats.url = …@a:1: has a user, password or token with a character that has another meaning in a URL; write ',' there as %2C, '@' as %40, '/' as %2F, '#' as %23, '?' as %3F, '%' as %25, or use the keys username and .password, or .token
                    {"nats": {"url": "u:hush://2@a:1"}} | nats.url = …@a:1: the scheme must be one of nats, tls, ws, wss
                    {"nats": {"name": "a${x}"}}   | nats.name = "a${x}": contains ${ or $[, which Karaf would replace; use another value
                    {"nats": {"url": "nats://u:$[x]@a:1"}} | nats.url = …@a:1: is not a URL: Illegal character in user info; write ',' there as %2C, '@' as %40, '/' as %2F, '#' as %23, '?' as %3F, '%' as %25, or use the keys username and .password, or .token ; nats.url = "nats://(hidden)@a:1": contains ${ or $[, which Karaf would replace; use another value
                    {"monitoring": {"prometheus_metrics_port": 65536}} | monitoring.prometheus_metrics_port = "65536": must be a port from 0 (none) to 65535
                    {"monitoring": {"prometheus_metrics_port": -1}} | monitoring.prometheus_metrics_port = "-1": must be a port from 0 (none) to 65535
                    {"airbrake": {"host": "errbit.example.com"}} | airbrake.host = "errbit.example.com": must be a URL such as https://api.airbrake.io, without a user
                    {"airbrake": {"host": "https://u:p@x"}} | airbrake.host = "https://(hidden)@x": must be a URL such as https://api.airbrake.io, without a user
                    {"airbrake": {"project_id": -1}} | airbrake.project_id = "-1": must be 0 or more
                    {"airbrake": {"project_key": "a b"}} | airbrake.project_key = "(hidden)": must not contain blanks, line breaks or characters outside ASCII
                    """)
    void what_would_not_work_is_wrong_and_named_with_the_way_out(String json, String problems) {
        assertEquals(
                problems,
                String.join(
                        " ; ",
                        assertThrows(GoConfig.Wrong.class, () -> of(json)).problems()));
    }

    @Test
    void more_than_twenty_tracked_vins_are_wrong_as_in_the_go_server() throws Exception {
        assertFalse(of(tracking(20)).withoutCounterpart().isEmpty());
        assertEquals(
                List.of(
                        "vins_signal_tracking_enabled: names 21 VINs; the Go server takes 20 and does not start with more"),
                assertThrows(GoConfig.Wrong.class, () -> of(tracking(21))).problems());
    }

    /** With each VIN twice, which counts once. */
    private static String tracking(int vins) {
        String list = IntStream.range(0, 2 * vins)
                .mapToObj(i -> "\"VIN" + i % vins + "\"")
                .collect(Collectors.joining(","));
        return "{\"vins_signal_tracking_enabled\":[" + list + "]}";
    }

    @Test
    void routes_and_reliable_acks_are_replaced_as_a_whole() throws Exception {
        CfgText text = new CfgText("""
                records.V = logger
                records.alerts = nats
                reliable_ack_sources.alerts = nats
                hold.max.ms = 5
                """);
        of("{\"records\":{\"V\":[\"nats\"]},\"reliable_ack_sources\":{\"V\":\"nats\"}}")
                .applyTo(GoImport.HOST, text);
        assertEquals("records.V = nats\nhold.max.ms = 5\nreliable_ack_sources.V = nats\n", text.toString());
        CfgText untouched = new CfgText("records.V = logger\n");
        of("{\"monitoring\":{\"prometheus_metrics_port\":9090}}").applyTo(GoImport.HOST, untouched);
        assertEquals("records.V = logger\nprometheus_metrics_port = 9090\n", untouched.toString());
    }

    @Test
    void an_empty_namespace_means_the_same_as_none() throws Exception {
        GoImport found = of("{\"namespace\":\"\",\"records\":{\"V\":[\"nats\"]}}");
        assertEquals(
                "namespace: empty; a NATS subject needs a namespace, so the one that is configured here stays",
                found.notes().get(0));
        assertEquals(List.of("records.V = nats"), settings("{\"namespace\":\"\",\"records\":{\"V\":[\"nats\"]}}"));
    }

    @Test
    void a_metrics_port_alone_comes_from_a_server_that_listened_on_every_address() throws Exception {
        String port = "{\"monitoring\":{\"prometheus_metrics_port\":9273%s}}";
        assertTrue(of(port.formatted("")).notes().stream()
                .anyMatch(note -> note.startsWith("monitoring.prometheus_metrics_port: the Go server listens on every"
                        + " address; here the address is prometheus_metrics_host of io.fleettelemetry.host.cfg")));
        for (String more : List.of(",\"prometheus_metrics_host\":\"::\"", ",\"prometheus_metrics_port\":0")) {
            assertFalse(
                    of(port.formatted(more)).notes().toString().contains("every address"),
                    "where there is nothing to be said");
        }
    }

    @Test
    void keys_of_older_go_servers_say_that_reliable_acks_end() throws Exception {
        GoImport found = of("{\"reliable_ack\":true,\"reliable_ack_workers\":5}");
        assertEquals(
                Set.of("reliable_ack", "reliable_ack_workers"),
                found.withoutCounterpart().keySet());
        assertTrue(found.withoutCounterpart()
                .get("reliable_ack")
                .contains("only if reliable_ack_sources names a datastore"));
        assertEquals(List.of(), found.unknown());
    }
}
