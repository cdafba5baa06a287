package io.fleettelemetry.api;

import java.util.Map;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Where errors go that somebody should look at, besides the log: an error tracker. In OSGi a service that may come and
 * go, or not be there at all.
 */
@ConsumerType
public interface ErrorReporter {

    /**
     * Takes a report. Never blocks and never throws; what cannot be passed on is dropped. Called by any thread.
     *
     * @param message what happened, the same text for every error of this sort, for example {@code nats_err}
     * @param cause what was thrown; null if nothing was
     * @param fields further facts by name; no payload, no secret
     */
    void report(String message, Throwable cause, Map<String, String> fields);
}
