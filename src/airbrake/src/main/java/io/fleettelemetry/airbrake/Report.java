package io.fleettelemetry.airbrake;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A report of an error.
 *
 * @param message the same text for all errors of one kind
 * @param cause the exception; null if there was none
 * @param fields further facts by name; copied
 */
record Report(String message, Throwable cause, Map<String, String> fields) {

    /** Replaces null, except for the cause, with a text, because a report must not fail for its form. */
    Report {
        message = String.valueOf(message);
        Map<String, String> copy = new LinkedHashMap<>();
        if (fields != null) {
            fields.forEach((name, value) -> copy.put(String.valueOf(name), String.valueOf(value)));
        }
        fields = copy;
    }
}
