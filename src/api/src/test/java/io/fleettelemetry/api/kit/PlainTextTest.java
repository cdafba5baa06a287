package io.fleettelemetry.api.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class PlainTextTest {

    private static final Pattern UNSAFE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\u2028\u2029]");

    private static final String LANGUAGE_TAG = Character.toString(0xE0001); // of the category Cf, two chars

    @Test
    void every_character_that_commands_a_terminal_becomes_a_question_mark_and_every_other_stays() {
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            String text = "a" + Character.toString(c) + "b";
            String expected = UNSAFE.matcher(Character.toString(c)).matches() ? "a?b" : text;
            assertEquals(expected, PlainText.of(text), String.format("U+%04X", c));
        }
    }

    @Test
    void escape_line_ends_c1_del_and_bidirectional_controls_are_gone() {
        assertEquals("?[2J??????x", PlainText.of("\u001b[2J\r\n\u009b\u007f\u202e\u2028x"));
        assertEquals("???", PlainText.of("\u001b\u001b\u001b"));
        assertEquals("?" + "é€𝄞", PlainText.of(LANGUAGE_TAG + "é€𝄞"));
        assertEquals("a?", PlainText.of("a\ud834"));
        assertEquals("?a", PlainText.of("\udd1ea"));
    }

    @Test
    void a_text_without_them_is_not_copied() {
        String text = "5YJ3E1EA1NF123456 \"é€𝄞\"";
        assertSame(text, PlainText.of(text));
        assertSame(text, PlainText.json(text));
        assertSame("", PlainText.of(""));
    }

    @Test
    void a_field_has_no_quotes_either_and_is_cut() {
        assertEquals("?it's 'x'", PlainText.field("\nit's \"x\""));
        assertEquals("a".repeat(512), PlainText.field("a".repeat(512)));
        assertEquals("a".repeat(512) + "…", PlainText.field("a".repeat(513)));
        assertEquals("a".repeat(511) + "…", PlainText.field("a".repeat(511) + "𝄞"), "no half of a character");
    }

    @Test
    void json_says_the_same_in_escapes() {
        assertEquals(
                "{\"a\":\"\\u007f\\u009b\\u202e\\u2028é𝄞\\udb40\\udc01\"}",
                PlainText.json("{\"a\":\"\u007f\u009b\u202e\u2028é𝄞" + LANGUAGE_TAG + "\"}"));
    }

    @Test
    void a_regular_expression_says_the_same() {
        String all = "\u0000\u001b\u007f\u0080\u009b\u00ad\u200b\u200e\u2028\u2029\u202e\u2066\ufeff";
        assertTrue(UNSAFE.matcher(all).find());
        assertFalse(UNSAFE.matcher(PlainText.of(all)).find());
    }
}
