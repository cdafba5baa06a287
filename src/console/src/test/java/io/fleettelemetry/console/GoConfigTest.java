package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The Go server's file is read as the Go server reads it. */
class GoConfigTest {

    /** One with every block of the Go server and its fork. */
    static String full() throws Exception {
        try (var in = GoConfigTest.class.getResourceAsStream("/go-config.json")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static List<String> problems(String json) {
        return assertThrows(GoConfig.Wrong.class, () -> GoConfig.parse(json)).problems();
    }

    @Test
    void every_documented_key_is_known() throws Exception {
        GoConfig config = GoConfig.parse(full());
        assertEquals("fleet", config.text("namespace"));
        assertEquals("9090", config.scalar("monitoring.prometheus_metrics_port"));
        assertEquals("true", config.scalar("logger.verbose"));
        assertEquals(List.of("nats", "kafka", "logger"), config.list("records.V"));
        assertEquals(List.of("V", "alerts", "errors", "connectivity", "my_type"), config.namesIn("records"));
        assertEquals("kafka", config.text("reliable_ack_sources.alerts"));
        assertEquals(
                List.of("monitoring.statsd.sample_rate", "pubsub.reliable_ack"),
                config.unknown(),
                "these two do nothing in the Go server either");
        assertEquals(
                Set.of(
                        "host",
                        "port",
                        "status_port",
                        "log_level",
                        "json_log_enable",
                        "transmit_decoded_records",
                        "use_default_eng_ca",
                        "vins_signal_tracking_enabled",
                        "reliable_ack",
                        "rate_limit",
                        "tls",
                        "monitoring.statsd",
                        "monitoring.profiler_port",
                        "monitoring.profiler_host",
                        "monitoring.profiling_path",
                        "monitoring.otel",
                        "airbrake.tls",
                        "kafka",
                        "kinesis",
                        "pubsub",
                        "zmq",
                        "mqtt",
                        "redis"),
                config.withoutCounterpart().keySet());
    }

    @Test
    void names_of_keys_match_in_any_case_but_names_that_are_data_do_not() throws Exception {
        GoConfig config = GoConfig.parse("""
                {"NameSpace": "fleet", "NATS": {"URL": "nats://a:1"}, "Records": {"v": ["nats"], "V": ["logger"]},
                 "rate_limit": {"messageintervaltimesecond": 1}}""");
        assertEquals("fleet", config.text("namespace"));
        assertEquals("nats://a:1", config.text("nats.url"));
        assertEquals(List.of("nats"), config.list("records.v"));
        assertEquals(List.of("logger"), config.list("records.V"));
        assertEquals(List.of(), config.unknown());
    }

    @Test
    void of_several_values_the_last_counts_and_objects_are_merged() throws Exception {
        GoConfig config = GoConfig.parse("""
                {"namespace": "a", "NAMESPACE": "b", "nats": {"url": "nats://a:1"}, "Nats": {"name": "n"}}""");
        assertEquals("b", config.text("namespace"));
        assertEquals("nats://a:1", config.text("nats.url"));
        assertEquals("n", config.text("nats.name"));
    }

    @Test
    void what_stands_behind_the_object_is_not_looked_at() throws Exception {
        assertEquals(
                "a", GoConfig.parse("{\"namespace\":\"a\"} trailing {garbage").text("namespace"));
    }

    @Test
    void null_is_as_good_as_absent() throws Exception {
        GoConfig config = GoConfig.parse("""
                {"namespace": null, "records": null, "port": null, "nats": {"url": null}, "monitoring": null}""");
        assertFalse(config.has("namespace"));
        assertFalse(config.has("records"));
        assertEquals("", config.text("nats.url"));
        assertTrue(config.withoutCounterpart().isEmpty());
        assertEquals(List.of(), GoConfig.parse("{\"records\":{\"V\":null}}").list("records.V"));
        assertEquals(List.of("V"), GoConfig.parse("{\"records\":{\"V\":null}}").namesIn("records"));
    }

    @Test
    void a_name_that_looks_like_a_path_is_unknown() throws Exception {
        GoConfig config =
                GoConfig.parse("{\"nats.url\":\"nats://a:1\",\"records\":{\"a.b\":[\"nats\"]},\"nats\":{\"*\":1}}");
        assertEquals("", config.text("nats.url"));
        assertEquals(List.of("nats.url", "nats.*"), config.unknown());
        assertEquals(List.of("a.b"), config.namesIn("records"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    ``              | the file is empty; it must contain one JSON object
                    ` \n `          | the file is empty; it must contain one JSON object
                    null            | the file contains null; it must contain one JSON object, in braces
                    []              | the file contains […]; it must contain one JSON object, in braces
                    "secret"        | the file contains a string; it must contain one JSON object, in braces
                    17              | the file contains a number; it must contain one JSON object, in braces
                    {"port": 1      | the file is not JSON, it ends too early: see line 1, column 11
                    {"port" 1}      | the file is not JSON: see line 1, column 10
                    {port: 1}       | the file is not JSON: see line 1, column 3
                    {"a": 1,}       | the file is not JSON: see line 1, column 10
                    {"a": 'b'}      | the file is not JSON: see line 1, column 8
                    // a comment {} | the file is not JSON: see line 1, column 2
                    """)
    void a_file_without_an_object_is_wrong(String json, String problem) {
        assertEquals(List.of(problem), problems(json));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    {"port": "4443"}              | port = "4443": must be a whole number, without quotes
                    {"PORT": 4443.0}              | port = 4443.0: must be a whole number, without quotes
                    {"port": 1e3}                 | port = 1e3: must be a whole number, without quotes
                    {"port": 99999999999999999999}| port = 99999999999999999999: must be a whole number, without quotes
                    {"namespace": 5}              | namespace = 5: must be a string, in quotes
                    {"namespace": ["a"]}          | namespace = […]: must be a string, in quotes
                    {"namespace": {"a": 1}}       | namespace = {…}: must be a string, in quotes
                    {"json_log_enable": "true"}   | json_log_enable = "true": must be true or false, without quotes
                    {"logger": {"verbose": 1}}    | logger.verbose = 1: must be true or false, without quotes
                    {"records": ["nats"]}         | records = […]: must be an object, in braces
                    {"records": {"V": "nats"}}    | records.V = "nats": must be a list of strings, in brackets
                    {"records": {"V": ["nats",1]}}| records.V = […]: must be a list of strings, in brackets
                    {"reliable_ack_sources": {"V": ["nats"]}} | reliable_ack_sources.V = […]: must be a string, in quotes
                    {"redis": {"pool": {"read_timeout": "5s"}}} | redis.pool.read_timeout = "5s": must be a whole number, without quotes
                    {"monitoring": {"otel": {"trace_sample_rate": "1"}}} | monitoring.otel.trace_sample_rate = "1": must be a number, without quotes
                    {"nats": "nats://me:s3cret@x"}| nats = a string: must be an object, in braces
                    {"nats": {"url": 5}}          | nats.url = a number: must be a string, in quotes
                    {"airbrake": {"project_key": 123456}} | airbrake.project_key = a number: must be a string, in quotes
                    {"kafka": true}               | kafka = a Boolean: must be an object, in braces
                    """)
    void a_value_of_another_type_is_wrong_and_named_without_secrets(String json, String problem) {
        assertEquals(List.of(problem), problems(json));
    }

    @Test
    void every_wrong_value_is_named_at_once() {
        assertEquals(
                3,
                problems("{\"port\":\"1\",\"tls\":5,\"nats\":{\"name\":true}}").size());
    }
}
