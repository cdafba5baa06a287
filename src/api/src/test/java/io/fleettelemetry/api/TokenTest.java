package io.fleettelemetry.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenTest {

    @ParameterizedTest
    @ValueSource(strings = {"V", "5YJ3E1EA1NF123456", "!", "~", "a$b", "device-1", "{}[]\"'\\/:;,"})
    void printable_text_without_dots_and_wildcards_is_a_token(String text) {
        assertNull(Token.flaw(text));
    }

    @ParameterizedTest
    @CsvSource(
            ignoreLeadingAndTrailingWhitespace = false,
            delimiter = '|',
            value = {
                "''|is empty",
                "a b|has a blank at position 2",
                "a.b|has '.' at position 2",
                "*|has '*' at position 1",
                "ab>|has '>' at position 3",
                "a\tb|has U+0009 at position 2",
                "vin\u007f|has U+007F at position 4",
                "\u00fcber|has U+00FC at position 1",
                "$SYS|begins with '$'",
            })
    void anything_else_is_told_where_it_goes_wrong(String text, String flaw) {
        assertEquals(flaw, Token.flaw(text));
    }

    @Test
    void line_breaks_are_flaws() {
        assertEquals("has U+000D at position 2", Token.flaw("a\r\nPUB x 0"));
        assertEquals("has U+000A at position 1", Token.flaw("\n"));
    }

    @Test
    void a_token_has_at_most_128_characters() {
        assertNull(Token.flaw("x".repeat(128)));
        assertEquals("has 300 characters; at most 128 are allowed", Token.flaw("x".repeat(300)));
    }
}
