package io.fleettelemetry.api;

import io.fleettelemetry.api.kit.PlainText;
import java.util.Objects;

/**
 * The reason why a record failed.
 *
 * @param kind the kind of failure, for programs
 * @param reason one sentence for people, which names the value and the limit, without payloads and secrets; characters
 *     that would control a terminal are replaced by {@code ?}
 */
public record Failure(Kind kind, String reason) {

    /** The kinds of failure. {@link #FULL} and {@link #CLOSED} may be temporary: the record can be offered again. */
    public enum Kind {
        /** The VIN or the record type cannot be part of a destination. The record will never be accepted. */
        INVALID,
        /** The payload is larger than the destination accepts. */
        TOO_LARGE,
        /** There is no room for the record at this moment. */
        FULL,
        /** The record was not confirmed within the time limit. It will not be sent again. */
        EXPIRED,
        /** The destination does not allow this record. */
        DENIED,
        /** The producer was closed before the record was confirmed. */
        CLOSED,
        /** Any other failure; the reason says which. */
        ERROR
    }

    /** @throws NullPointerException if an argument is null */
    public Failure {
        Objects.requireNonNull(kind, "kind");
        reason = PlainText.of(Objects.requireNonNull(reason, "reason"));
    }
}
