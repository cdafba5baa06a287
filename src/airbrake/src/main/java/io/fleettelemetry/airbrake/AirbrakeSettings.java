package io.fleettelemetry.airbrake;

import io.fleettelemetry.api.settings.SettingsReader;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The reporter's settings, checked and complete.
 *
 * @param host URL without a slash at its end; scheme http or https
 * @param projectId the project's number, positive
 * @param projectKey the project's key: a secret
 * @param keySource the source of the key: {@code environment_variable} or {@code config_file}
 * @param environment for example {@code production}; empty for none
 * @param queueMax limit on the reports that wait
 */
record AirbrakeSettings(
        String host, long projectId, String projectKey, String keySource, String environment, int queueMax) {

    static final String DEFAULT_HOST = "https://api.airbrake.io";

    /** The environment variable whose value, if it exists, replaces the key of the configuration. */
    static final String KEY_VARIABLE = "AIRBRAKE_PROJECT_KEY";

    /** The Go server's {@code project_key}; the dot keeps it from being shown, see {@link SettingsReader#refuse}. */
    private static final String KEY = ".project_key";

    static final List<String> KNOWN_KEYS = List.of("host", "project_id", KEY, "environment", "queue.max");

    /**
     * Reads a Config Admin dictionary.
     *
     * @param variables the process's environment
     * @return empty if reporting is off, because no project is named
     * @throws io.fleettelemetry.api.settings.SettingsException with every problem, if there is one
     */
    static Optional<AirbrakeSettings> parse(Map<String, ?> properties, Map<String, String> variables) {
        SettingsReader reader = new SettingsReader(properties);
        boolean byVariable = variables.containsKey(KEY_VARIABLE);
        AirbrakeSettings settings = new AirbrakeSettings(
                host(reader),
                reader.number("project_id", 0, 0, Long.MAX_VALUE),
                byVariable ? variables.get(KEY_VARIABLE) : reader.text(KEY, ""),
                byVariable ? "environment_variable" : "config_file",
                reader.text("environment", ""),
                (int) reader.number("queue.max", 100, 1, 1_000_000));
        if (settings.projectId > 0) {
            settings.checkKey(reader);
        }
        reader.check();
        return settings.projectId == 0 ? Optional.empty() : Optional.of(settings);
    }

    private void checkKey(SettingsReader reader) {
        boolean byVariable = keySource.equals("environment_variable");
        if (projectKey.isEmpty()) {
            reader.refuse(
                    "project_id",
                    byVariable
                            ? "the project has no key: the environment variable " + KEY_VARIABLE
                                    + " is empty and replaces " + KEY + "; give it a value or unset it"
                            : "the project has no key; give it as " + KEY + " or in the environment variable "
                                    + KEY_VARIABLE);
        } else if (!projectKey.chars().allMatch(c -> c > ' ' && c <= '~')) {
            // The JDK's exception would show the whole HTTP header, including the key.
            reader.refuse(
                    byVariable ? KEY_VARIABLE : KEY,
                    "(hidden)",
                    "must not contain blanks, line breaks or characters outside ASCII; copy it again from Airbrake");
        }
    }

    private static String host(SettingsReader reader) {
        String host = reader.text("host", DEFAULT_HOST);
        if (host.contains("@")) { // first, because a password may contain characters that are illegal in a URL
            reader.refuse("host", "(hidden)", "must not contain a user or password; the project's key is enough");
            return host;
        }
        try {
            URI uri = new URI(host);
            boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
            if (!http || uri.getHost() == null || uri.getRawQuery() != null || uri.getRawFragment() != null) {
                reader.refuse("host", "must be a URL such as " + DEFAULT_HOST);
            }
        } catch (URISyntaxException e) {
            reader.refuse("host", "must be a URL such as " + DEFAULT_HOST + ": " + e.getReason());
        }
        return host.replaceAll("/+$", "");
    }

    /** The URL for notices, without the key. */
    URI notices() {
        return URI.create(host + "/api/v3/projects/" + projectId + "/notices");
    }

    /** The settings without the key. */
    @Override
    public String toString() {
        return "project " + projectId + " at " + host;
    }
}
