package io.fleettelemetry.console;

import java.util.List;
import java.util.Map;

/**
 * What a command has to say.
 *
 * @param facts for programs: names and values, which become one JSON object; in the order to show them
 * @param text for people: lines
 * @param complaint why the command did not do what it was asked, which makes it end with an error; empty if it did
 */
record Answer(Map<String, ?> facts, List<String> text, String complaint) {

    static Answer done(Map<String, ?> facts, List<String> text) {
        return new Answer(facts, text, "");
    }

    /** The answer of a command that did nothing. */
    static Answer refused(String why) {
        return new Answer(Map.of("error", why), List.of(), why);
    }
}
