package io.fleettelemetry.datastore.logger;

import io.fleettelemetry.api.settings.SettingsReader;
import java.util.List;
import java.util.Map;

/**
 * How records are written.
 *
 * @param verbose true: every value of a {@code V} record stands in an object of one member that names its kind
 */
record LoggerSettings(boolean verbose) {

    private static final String VERBOSE = "verbose";

    static final List<String> KNOWN_KEYS = List.of(VERBOSE);

    static final LoggerSettings DEFAULTS = new LoggerSettings(false);

    /**
     * Reads the settings; keys that are none of ours are somebody else's.
     *
     * @param values by key; texts, or what Config Admin made of them
     * @throws io.fleettelemetry.api.settings.SettingsException if a value is wrong
     */
    static LoggerSettings of(Map<String, ?> values) {
        SettingsReader reader = new SettingsReader(values);
        LoggerSettings settings = new LoggerSettings(reader.flag(VERBOSE, DEFAULTS.verbose));
        reader.check();
        return settings;
    }
}
