package io.fleettelemetry.console;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A setting that is taken over.
 *
 * @param from the key in the Go server's file, as a path
 * @param file the name of the {@code .cfg} file
 * @param key in that file
 * @param value of the key, a secret perhaps
 */
record ImportedSetting(String from, String file, String key, String value) {

    String shownValue() {
        return Secret.masked(key, value);
    }

    /** By name, for programs. */
    Map<String, String> shown() {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put("key", from);
        shown.put("file", file);
        shown.put("setting", key);
        shown.put("value", shownValue());
        return shown;
    }
}
