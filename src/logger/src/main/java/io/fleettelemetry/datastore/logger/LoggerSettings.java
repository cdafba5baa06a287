package io.fleettelemetry.datastore.logger;

import java.util.Map;

/**
 * How records are written.
 *
 * @param verbose true: every value of a {@code V} record stands in an object of one member that names its kind
 */
record LoggerSettings(boolean verbose) {

    static final LoggerSettings DEFAULTS = new LoggerSettings(false);

    /**
     * Reads the settings; keys that are none of ours are somebody else's.
     *
     * @param values by key; texts, or what Config Admin made of them
     * @throws IllegalArgumentException if a value is wrong; the message names key, value and reason
     */
    static LoggerSettings of(Map<String, ?> values) {
        Object verbose = values.get("verbose");
        if (verbose == null) {
            return DEFAULTS;
        }
        return switch (verbose.toString().strip()) {
            case "true" -> new LoggerSettings(true);
            case "false" -> new LoggerSettings(false);
            default -> throw new IllegalArgumentException("verbose = " + verbose + ": it must be true or false");
        };
    }
}
