package io.fleettelemetry.api.settings;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsReaderTest {

    private static final String MARK = readAsLatin1("\uFEFF");

    /** What becomes of UTF-8 in a file that is read as ISO 8859-1. */
    private static String readAsLatin1(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private static List<String> problems(Map<String, ?> properties) {
        SettingsReader reader = new SettingsReader(properties);
        return assertThrows(SettingsException.class, reader::check).problems();
    }

    @ParameterizedTest
    @ValueSource(strings = {"url", "# a comment", ""})
    void a_byte_order_mark_is_named_whatever_stands_behind_it(String firstLine) {
        Map<String, ?> properties = Map.of(MARK + firstLine, "x", "name", "y");
        assertEquals(
                List.of("the file begins with a byte order mark (BOM), which makes its first line unreadable: save it"
                        + " without one, in ISO 8859-1 or plain ASCII"),
                problems(properties));
        assertEquals(List.of(), new SettingsReader(properties).unknownKeys(List.of("name")), "it is no key");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\u00FF\u00FE", "\u00FE\u00FF", "\uFEFF"})
    void other_byte_order_marks_are_named_as_well(String mark) {
        assertEquals(1, problems(Map.of(mark + "u", "x")).size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"k\u00F6nig", "\u20AC 5", "\u65E5\u672C", "\uD83D\uDE97"})
    void a_value_in_utf_8_is_refused_and_one_in_iso_8859_1_is_not(String value) {
        assertEquals(
                List.of(
                        ".password = (hidden): has UTF-8 characters, but .cfg files are read as ISO 8859-1: save the file as"
                                + " ISO 8859-1, or write such characters as \\u00e4"),
                problems(Map.of(".password", readAsLatin1(value))));
        assertDoesNotThrow(() -> new SettingsReader(Map.of(".password", value)).check());
    }

    /** Or that of a mistyped key. */
    @ParameterizedTest
    @ValueSource(strings = {"url", "password"})
    void a_value_in_utf_8_is_not_shown_as_it_may_be_a_url_with_a_password(String key) {
        String problem = problems(Map.of(key, readAsLatin1("nats://fleet:secret-k\u00F6nig@host:4222")))
                .get(0);
        assertTrue(problem.startsWith(key + " = (hidden): has UTF-8 characters"), problem);
    }

    @Test
    void the_path_of_the_file_is_none_of_our_values() {
        assertDoesNotThrow(() ->
                new SettingsReader(Map.of("felix.fileinstall.filename", readAsLatin1("file:/k\u00F6nig"))).check());
    }

    @Test
    void what_the_framework_adds_is_no_unknown_key() {
        assertEquals(
                List.of("services", "urls"),
                new SettingsReader(Map.of(
                                "url", "u",
                                "urls", "u",
                                "services", "u",
                                "records.V", "nats",
                                "producers.target", "(x=*)",
                                "service.pid", "p",
                                "felix.fileinstall.filename", "f",
                                "resource-version", 1L,
                                ":configurator:feature-x", "y"))
                        .unknownKeys(List.of("url", "records.")));
    }
}
