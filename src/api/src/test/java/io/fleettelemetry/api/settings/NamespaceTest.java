package io.fleettelemetry.api.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NamespaceTest {

    @Test
    void tokens_joined_by_dots_are_a_namespace() {
        assertNull(Namespace.problem("tesla_telemetry"));
        assertNull(Namespace.problem("fleet.eu.1"));
        assertNull(Namespace.problem("a".repeat(128) + ".b"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    ''   | '' is empty
                    a..b | '' is empty
                    a b  | 'a b' has a blank at position 2
                    a.>  | '>' has '>' at position 1
                    $SYS | '$SYS' begins with '$'
                    """, quoteCharacter = '"')
    void anything_else_is_none_and_the_reason_names_the_part(String text, String reason) {
        assertEquals(
                "must be tokens joined by dots, such as tesla_telemetry or fleet.eu; " + reason,
                Namespace.problem(text.equals("''") ? "" : text));
    }

    @Test
    void it_has_at_most_1024_characters() {
        assertNull(Namespace.problem("a.".repeat(511) + "bb"));
        assertEquals("has more than 1024 characters", Namespace.problem("a.".repeat(512) + "b"));
    }
}
