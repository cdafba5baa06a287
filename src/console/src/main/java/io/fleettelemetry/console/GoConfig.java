package io.fleettelemetry.console;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import java.io.EOFException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Go server's configuration, read as that server reads it: keys may be in upper or lower case, the last of several
 * values counts, null means absent, and text after the object is ignored.
 */
final class GoConfig {

    /** The file is wrong. The problems contain no secrets. */
    static final class Wrong extends Exception {

        private static final long serialVersionUID = 1;

        private final transient List<String> problems;

        /** @param problems one sentence for each problem: key, value, reason, and the way out */
        Wrong(List<String> problems) {
            super(String.join("; ", problems));
            this.problems = List.copyOf(problems);
        }

        List<String> problems() {
            return problems;
        }
    }

    private static final Pattern PLACE = Pattern.compile("at line (\\d+) column (\\d+)");
    // A Go int: neither a fraction nor an exponent. 18 digits always fit.
    private static final Pattern WHOLE = Pattern.compile("-?\\d{1,18}");
    /** Keys with secrets in their values. */
    private static final Set<String> SECRETS =
            Set.of("airbrake.project_key", "nats.url", "mqtt.password", "redis.password", "redis.addrs");

    private final Map<String, Object> values = new LinkedHashMap<>();
    private final Map<String, String> withoutCounterpart = new LinkedHashMap<>();
    private final List<String> unknown = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();

    private GoConfig() {}

    /**
     * Reads a file.
     *
     * @param json its text
     * @throws Wrong if it is not an object, or if a value does not have its key's type
     */
    static GoConfig parse(String json) throws Wrong {
        GoConfig config = new GoConfig();
        if (json.isBlank()) {
            config.problems.add("the file is empty; it must contain one JSON object");
        } else {
            config.read(json);
        }
        if (!config.problems.isEmpty()) {
            throw new Wrong(config.problems);
        }
        return config;
    }

    private void read(String json) {
        JsonReader reader = new JsonReader(new StringReader(json));
        reader.setStrictness(Strictness.STRICT);
        try {
            JsonElement file = JsonParser.parseReader(reader);
            if (file.isJsonObject()) {
                readObject(file.getAsJsonObject(), "");
            } else {
                problems.add("the file contains " + kind(file) + "; it must contain one JSON object, in braces");
            }
        } catch (JsonParseException e) {
            // Gson's own message gives advice for Java programmers.
            Matcher place = PLACE.matcher(String.valueOf(e.getMessage()));
            problems.add("the file is not JSON"
                    + (e.getCause() instanceof EOFException ? ", it ends too early" : "")
                    + (place.find() ? ": see line " + place.group(1) + ", column " + place.group(2) : ""));
        }
    }

    private void readObject(JsonObject object, String path) {
        object.asMap().forEach((name, value) -> {
            Optional<GoKey> key = GoKey.of(path, name);
            if (key.isEmpty()) {
                unknown.add(path + name);
            } else if (!value.isJsonNull()) {
                readValue(value, key.get());
            } else if (GoKey.isMap(path)) {
                // If names are data, a name with the value null counts, with an empty text or an empty list.
                values.put(key.get().path(), key.get().type() == GoKey.Type.TEXTS ? List.of() : "");
            }
        });
    }

    private void readValue(JsonElement json, GoKey key) {
        if (!key.instead().isEmpty()) {
            withoutCounterpart.put(key.path(), key.instead());
        }
        Object value = value(json, key.type());
        if (value == null) {
            problems.add(key.path() + " = " + shown(json, key) + ": must be " + key.type().words);
            return;
        }
        values.put(key.path(), value);
        if (key.type() == GoKey.Type.OBJECT) {
            readObject(json.getAsJsonObject(), key.path() + ".");
        }
    }

    /** The value as a String, a List of them, a Long, a Double or a Boolean; null if it is of another type. */
    private static Object value(JsonElement json, GoKey.Type type) {
        return switch (type) {
            case TEXT -> json instanceof JsonPrimitive text && text.isString() ? text.getAsString() : null;
            case TEXTS -> json instanceof JsonArray array ? texts(array) : null;
            case WHOLE ->
                json instanceof JsonPrimitive number
                                && number.isNumber()
                                && WHOLE.matcher(number.getAsString()).matches()
                        ? number.getAsLong()
                        : null;
            case NUMBER -> json instanceof JsonPrimitive number && number.isNumber() ? number.getAsDouble() : null;
            case FLAG -> json instanceof JsonPrimitive flag && flag.isBoolean() ? flag.getAsBoolean() : null;
            case OBJECT -> json.isJsonObject() ? "" : null; // its members are values
            case ANY -> "";
        };
    }

    private static List<String> texts(JsonArray array) {
        List<String> texts = new ArrayList<>();
        for (JsonElement item : array) {
            Object text = item.isJsonNull() ? "" : value(item, GoKey.Type.TEXT);
            if (text == null) {
                return null;
            }
            texts.add((String) text);
        }
        return texts;
    }

    /** Shows a value of the wrong type; if it may contain a secret, only its kind. */
    private static String shown(JsonElement value, GoKey key) {
        boolean secret = key.type() == GoKey.Type.OBJECT || SECRETS.contains(key.path());
        return secret || !value.isJsonPrimitive() ? kind(value) : value.toString();
    }

    private static String kind(JsonElement value) {
        if (!value.isJsonPrimitive()) {
            return value.isJsonObject() ? "{…}" : value.isJsonArray() ? "[…]" : "null";
        }
        JsonPrimitive scalar = value.getAsJsonPrimitive();
        return scalar.isString() ? "a string" : scalar.isNumber() ? "a number" : "a Boolean";
    }

    /** Whether the file has a key, by its documented path. */
    boolean has(String path) {
        return values.containsKey(path);
    }

    /** A text; empty if the file does not have the key. */
    String text(String path) {
        return (String) values.getOrDefault(path, "");
    }

    /** A whole number or a flag as a text; empty if the file does not have the key. */
    String scalar(String path) {
        return values.getOrDefault(path, "").toString();
    }

    /** A list; empty if the file does not have the key. */
    List<String> list(String path) {
        return cast(values.getOrDefault(path, List.of()));
    }

    /** The names in an object whose names are data, in their order. */
    List<String> namesIn(String path) {
        return values.keySet().stream()
                .filter(key -> key.startsWith(path + "."))
                .map(key -> key.substring(path.length() + 1))
                .toList();
    }

    @SuppressWarnings("unchecked") // readValue puts texts there
    private static List<String> cast(Object list) {
        return (List<String>) list;
    }

    /** The keys of the file without a counterpart here, with the reason, in the order of the file. */
    Map<String, String> withoutCounterpart() {
        return withoutCounterpart;
    }

    /** The keys of the file that the Go server does not know either, in the order of the file. */
    List<String> unknown() {
        return unknown;
    }
}
