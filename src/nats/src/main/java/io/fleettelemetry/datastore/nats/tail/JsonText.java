package io.fleettelemetry.datastore.nats.tail;

import io.fleettelemetry.api.kit.PlainText;

/** Texts in JSON. */
final class JsonText {

    private JsonText() {}

    /** The text as a JSON string. Characters that would control a terminal are escaped. */
    static String quoted(String text) {
        return '"' + PlainText.json(text.replace("\\", "\\\\").replace("\"", "\\\"")) + '"';
    }
}
