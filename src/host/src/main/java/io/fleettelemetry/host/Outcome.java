package io.fleettelemetry.host;

import io.fleettelemetry.api.Failure;
import java.util.Objects;

/**
 * How a record ended.
 *
 * @param confirmed whether every datastore of its route confirmed it
 * @param datastore the name of the datastore that failed it first; empty if it is confirmed or has no route
 * @param failure the reason; null if and only if it is confirmed
 */
public record Outcome(boolean confirmed, String datastore, Failure failure) {

    /** Every datastore of the route confirmed the record. */
    public static final Outcome CONFIRMED = new Outcome(true, "", null);

    /** @throws IllegalArgumentException if it is confirmed and has a failure, or neither */
    public Outcome {
        Objects.requireNonNull(datastore, "datastore");
        if (confirmed != (failure == null)) {
            throw new IllegalArgumentException("confirmed = " + confirmed + " with failure " + failure);
        }
    }

    /** The outcome of a record that a datastore, or the host on its behalf, has failed. */
    public static Outcome failed(String datastore, Failure failure) {
        return new Outcome(false, datastore, Objects.requireNonNull(failure, "failure"));
    }
}
