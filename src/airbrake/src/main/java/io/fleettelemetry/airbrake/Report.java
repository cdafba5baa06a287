package io.fleettelemetry.airbrake;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What somebody reported.
 *
 * @param message the same text for every error of its sort
 * @param cause what was thrown; null if nothing was
 * @param fields further facts by name; copied
 */
record Report(String message, Throwable cause, Map<String, String> fields) {

    /** Whatever is null, but for the cause, becomes a text that says so: a report must not fail for its form. */
    Report {
        message = String.valueOf(message);
        Map<String, String> copy = new LinkedHashMap<>();
        if (fields != null) {
            fields.forEach((name, value) -> copy.put(String.valueOf(name), String.valueOf(value)));
        }
        fields = copy;
    }
}
