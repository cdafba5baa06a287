package io.fleettelemetry.api.settings;

import io.fleettelemetry.api.Token;

/** The rule for a namespace, with which every subject begins: one or more {@link Token tokens}, joined by dots. */
public final class Namespace {

    /** The length of the longest namespace, in characters, each of which is one byte. */
    public static final int MAX_LENGTH = 1_024;

    private Namespace() {}

    /**
     * Returns the reason why a text is not a namespace.
     *
     * @return null if it is one; otherwise the end of a sentence that begins with the key and the text
     */
    public static String problem(String text) {
        if (text.length() > MAX_LENGTH) {
            return "has more than " + MAX_LENGTH + " characters";
        }
        for (String part : text.split("\\.", -1)) {
            String flaw = Token.flaw(part);
            if (flaw != null) {
                return "must be tokens joined by dots, such as tesla_telemetry or fleet.eu; '" + part + "' " + flaw;
            }
        }
        return null;
    }
}
