package io.fleettelemetry.datastore.nats.tail;

import io.fleettelemetry.api.kit.PlainText;

/** Texts in JSON. */
final class JsonText {

    private JsonText() {}

    /** The text as a JSON string. No control character stays as it is, nor any other that would command a terminal. */
    static String quoted(String text) {
        return '"' + PlainText.json(text.replace("\\", "\\\\").replace("\"", "\\\"")) + '"';
    }
}
