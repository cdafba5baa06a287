package io.fleettelemetry.console;

import java.util.List;
import java.util.Map;

/**
 * The answer of a command. Its texts need not be {@linkplain io.fleettelemetry.api.kit.PlainText plain}: each line is
 * made plain when it is written.
 *
 * @param facts for programs: names and values, which become one JSON object, in this order
 * @param text for people: lines
 * @param complaint why the command did not do what it was asked, in lines; the command then ends with an error; empty
 *     if it did
 */
record Answer(Map<String, ?> facts, List<String> text, List<String> complaint) {

    static Answer done(Map<String, ?> facts, List<String> text) {
        return new Answer(facts, text, List.of());
    }

    /** The answer of a command that did nothing. */
    static Answer refused(String... why) {
        return new Answer(Map.of("error", String.join(System.lineSeparator(), why)), List.of(), List.of(why));
    }
}
