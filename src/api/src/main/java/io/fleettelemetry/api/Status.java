package io.fleettelemetry.api;

import io.fleettelemetry.api.kit.PlainText;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * The state of a producer at one moment. Immutable. Characters that would control a terminal are replaced by {@code ?}
 * in every text.
 *
 * @param state the state, for programs
 * @param summary one sentence for people: the state, the problem if there is one, and what to do about it; no secrets
 * @param details further facts by name, in the order in which to show them, for example {@code server} or
 *     {@code in_flight_records}; numbers are decimal text
 */
public record Status(State state, String summary, Map<String, String> details) {

    /** The states, from good to bad; the unknown state is the last. */
    public enum State {
        /** Records flow. */
        OK,
        /** The producer recovers by itself (it is reconnecting), or works in spite of a problem (a refused setting). */
        WARN,
        /** Records do not flow, and an operator must act. */
        CRITICAL,
        /** The producer does not report its state. */
        UNKNOWN
    }

    /** The status of a producer that does not report its state. */
    public static final Status UNKNOWN = new Status(State.UNKNOWN, "no status available", Map.of());

    /**
     * Copies the details and keeps their order. All texts become {@linkplain PlainText#of plain}, because people see
     * them, and some of them come from a server.
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
