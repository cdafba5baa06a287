package io.fleettelemetry.datastore.nats.tail;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TailCommandTest {

    @ParameterizedTest
    @ValueSource(strings = {"a", "a.b.c", ">", "a.>", "*.*.data", "fleet.*.>"})
    void a_subject_may_have_wildcards_as_tokens_of_their_own(String subject) {
        assertEquals(null, TailCommand.problem(subject));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``|'' is empty",
                "a..b|'' is empty",
                ".a|'' is empty",
                "a b|'a b' has a blank at position 2",
                "a.>.b|'>' has '>' at position 1",
                "a.b*|'b*' has '*' at position 2",
                "$SYS.>|'$SYS' begins with '$'",
            })
    void an_illegal_subject_is_named_with_the_reason(String subject, String reason) {
        assertEquals(
                "subject \"" + subject
                        + "\": must be tokens joined by dots, with * for one token and > only at the end; " + reason,
                TailCommand.problem(subject));
    }
}
