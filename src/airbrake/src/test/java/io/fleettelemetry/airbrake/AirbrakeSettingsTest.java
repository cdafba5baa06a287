package io.fleettelemetry.airbrake;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.settings.SettingsException;
import io.fleettelemetry.api.settings.SettingsReader;
import java.net.URI;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AirbrakeSettingsTest {

    private static final String KEY = "0123456789abcdef";

    @Test
    void a_project_and_its_key_are_enough() {
        AirbrakeSettings settings = parse(Map.of("project_id", "42", ".project_key", KEY));
        assertEquals(new AirbrakeSettings("https://api.airbrake.io", 42, KEY, "config_file", "", 100), settings);
        assertEquals(URI.create("https://api.airbrake.io/api/v3/projects/42/notices"), settings.notices());
    }

    @Test
    void every_key_is_read() {
        AirbrakeSettings settings = parse(Map.of(
                "host",
                "http://errbit.example.com:8080/errors/",
                "project_id",
                7L,
                ".project_key",
                KEY,
                "environment",
                "staging",
                "queue.max",
                "5"));
        assertEquals(
                new AirbrakeSettings("http://errbit.example.com:8080/errors", 7, KEY, "config_file", "staging", 5),
                settings);
        assertEquals(
                List.of("project_key"),
                new SettingsReader(Map.of("host", "", "project_key", KEY, "queue.max", "1", "service.pid", "p"))
                        .unknownKeys(AirbrakeSettings.KNOWN_KEYS));
    }

    @Test
    void without_a_project_it_is_off() {
        for (Map<String, String> off : List.of(
                Map.<String, String>of(),
                Map.of("project_id", ""),
                Map.of("project_id", "0", ".project_key", KEY),
                Map.of("host", "https://api.airbrake.io", "environment", "production"))) {
            assertTrue(AirbrakeSettings.parse(off, Map.of("AIRBRAKE_PROJECT_KEY", KEY))
                    .isEmpty());
        }
    }

    @Test
    void the_environment_variable_replaces_the_key_whenever_it_exists() {
        Map<String, String> configured = Map.of("project_id", "42", ".project_key", "from-the-file");
        AirbrakeSettings settings = AirbrakeSettings.parse(configured, Map.of("AIRBRAKE_PROJECT_KEY", KEY))
                .orElseThrow();
        assertEquals(KEY, settings.projectKey());
        assertEquals("environment_variable", settings.keySource());
        assertEquals(
                List.of("project_id = 42: the project has no key: the environment variable AIRBRAKE_PROJECT_KEY is"
                        + " empty and replaces .project_key; give it a value or unset it"),
                problems(configured, Map.of("AIRBRAKE_PROJECT_KEY", "")));
    }

    @Test
    void a_project_without_a_key_is_wrong() {
        assertEquals(
                List.of("project_id = 42: the project has no key; give it as .project_key or in the environment"
                        + " variable AIRBRAKE_PROJECT_KEY"),
                problems(Map.of("project_id", "42"), Map.of()));
    }

    @Test
    void every_wrong_value_is_named() {
        assertEquals(
                List.of(
                        "host = api.airbrake.io: must be a URL such as https://api.airbrake.io",
                        "project_id = -1: must be a whole number, 0 or more",
                        "queue.max = 0: must be a whole number from 1 to 1000000"),
                problems(
                        Map.of("host", "api.airbrake.io", "project_id", "-1", ".project_key", KEY, "queue.max", "0"),
                        Map.of()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ftp://x", "http://", "https://x?key=1", "https://x#y", "https://a b", "//x", "http:x"})
    void a_host_that_is_no_plain_web_address_is_refused(String host) {
        List<String> problems = problems(Map.of("host", host, "project_id", "1", ".project_key", KEY), Map.of());
        assertEquals(1, problems.size());
        assertTrue(problems.get(0).startsWith("host = " + host + ": must be a URL"), problems.get(0));
    }

    @Test
    void no_secret_is_shown_however_wrong_it_is() {
        List<String> problems = problems(
                Map.of("host", "https://me:s3cret@x", "project_id", "1", ".project_key", "two words"), Map.of());
        assertEquals(2, problems.size());
        assertFalse(problems.toString().contains("s3cret"), problems.toString());
        assertFalse(problems.toString().contains("words"), problems.toString());
        for (String host : List.of("https://me:s3 cret@x", "https://me:s3cret@an_underscore")) {
            problems = problems(Map.of("host", host, "project_id", "1", ".project_key", KEY), Map.of());
            assertTrue(
                    problems.get(0).startsWith("host = (hidden): must not contain a user or password"),
                    problems.get(0));
        }
        problems = problems(Map.of("project_id", "1"), Map.of("AIRBRAKE_PROJECT_KEY", "k\r\nX-Header: 1"));
        assertTrue(problems.get(0).startsWith("AIRBRAKE_PROJECT_KEY = (hidden): must not contain"), problems.get(0));
        assertFalse(parse(Map.of("project_id", "42", ".project_key", KEY))
                .toString()
                .contains(KEY));
    }

    private static AirbrakeSettings parse(Map<String, ?> properties) {
        return AirbrakeSettings.parse(properties, Map.of()).orElseThrow();
    }

    private static List<String> problems(Map<String, ?> properties, Map<String, String> variables) {
        return assertThrows(SettingsException.class, () -> AirbrakeSettings.parse(properties, variables))
                .problems();
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://me:s3 cret@x", "https://me:s3@cret@x", "https://me:s3/cret@x", "me:s3cret@x"})
    void what_may_be_a_password_in_the_host_is_not_shown_whatever_characters_it_has(String host) {
        List<String> problems = problems(Map.of("host", host, "project_id", "1", ".project_key", KEY), Map.of());
        assertEquals(
                List.of("host = (hidden): must not contain a user or password; the project's key is enough"), problems);
    }
}
