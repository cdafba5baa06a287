package io.fleettelemetry.api;

import io.fleettelemetry.api.kit.PlainText;
import java.util.Objects;

/**
 * Why a record failed.
 *
 * @param kind what sort of failure; for programs
 * @param reason one sentence for people that names the value and the limit; no payload, no secret; what would command a
 *     terminal is {@code ?}
 */
public record Failure(Kind kind, String reason) {

    /** The sorts of failure. {@link #FULL} and {@link #CLOSED} may pass: the record can be offered again. */
    public enum Kind {
        /** The VIN or the record type cannot be part of a destination. The record will never be accepted. */
        INVALID,
        /** The payload is larger than the destination takes. The record will not be accepted as things stand. */
        TOO_LARGE,
        /** No room at this moment. */
        FULL,
        /** It could not be delivered in the time that is set. It will not be sent later. */
        EXPIRED,
        /** The destination does not allow this one. */
        DENIED,
        /** The producer was closed before the record was safe. */
        CLOSED,
        /** Anything else, as the reason says. */
        ERROR
    }

    /** @throws NullPointerException if an argument is null */
    public Failure {
        Objects.requireNonNull(kind, "kind");
        reason = PlainText.of(Objects.requireNonNull(reason, "reason"));
    }
}
