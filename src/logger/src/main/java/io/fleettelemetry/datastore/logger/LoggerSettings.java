package io.fleettelemetry.datastore.logger;

import io.fleettelemetry.api.settings.SettingsReader;
import java.util.List;
import java.util.Map;

/**
 * The logger's settings.
 *
 * @param verbose whether every value of a {@code V} record is wrapped in an object with one member that names its kind
 */
record LoggerSettings(boolean verbose) {

    private static final String VERBOSE = "verbose";

    static final List<String> KNOWN_KEYS = List.of(VERBOSE);

    static final LoggerSettings DEFAULTS = new LoggerSettings(false);

    /**
     * Reads the settings, and ignores unknown keys.
     *
     * @param values values by key; texts, or typed values from Config Admin
     * @throws io.fleettelemetry.api.settings.SettingsException if a value is wrong
     */
    static LoggerSettings of(Map<String, ?> values) {
        SettingsReader reader = new SettingsReader(values);
        LoggerSettings settings = new LoggerSettings(reader.flag(VERBOSE, DEFAULTS.verbose));
        reader.check();
        return settings;
    }
}
