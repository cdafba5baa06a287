package io.fleettelemetry.api;

import io.fleettelemetry.api.kit.PlainText;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * How a producer is at one moment. Immutable. What would command a terminal is {@code ?} in every text.
 *
 * @param state what a program acts on
 * @param summary one sentence for people: what is so, and if something is wrong what to do about it; no secret
 * @param details further facts by name, in the order to show them, for example {@code server} or
 *     {@code in_flight_records}; numbers as decimal text
 */
public record Status(State state, String summary, Map<String, String> details) {

    /** From good to bad, and last the producer that does not say. */
    public enum State {
        /** Records flow. */
        OK,
        /** It mends itself (a reconnect is under way) or still works in spite of a fault (a refused setting). */
        WARN,
        /** Records do not flow until somebody does something. */
        CRITICAL,
        /** The producer does not say. */
        UNKNOWN
    }

    /** The state of a producer that does not say how it is. */
    public static final Status UNKNOWN = new Status(State.UNKNOWN, "no status available", Map.of());

    /**
     * Copies the details, keeping their order. All texts become {@linkplain PlainText#of plain}: people see them, and some
     * are what a server says.
     *
     * @throws NullPointerException if an argument is null
     */
    public Status {
        Objects.requireNonNull(state, "state");
        summary = PlainText.of(Objects.requireNonNull(summary, "summary"));
        Map<String, String> copy = new LinkedHashMap<>();
        details.forEach((name, value) -> copy.put(PlainText.of(name), value == null ? null : PlainText.of(value)));
        details = Collections.unmodifiableMap(copy);
    }
}
