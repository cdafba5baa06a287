package io.fleettelemetry.api;

import java.util.Map;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * An error tracker: it gets the errors that a person should look at, in addition to the log. In OSGi it is a service,
 * which may come and go, or be absent.
 */
@ConsumerType
public interface ErrorReporter {

    /**
     * Takes a report. This method never blocks and never throws; it drops a report that it cannot pass on. Any thread
     * may call it.
     *
     * @param message the kind of error, the same text for every error of this kind, for example {@code nats_err}
     * @param cause the exception; null if there was none
     * @param fields further facts by name, without payloads and secrets
     */
    void report(String message, Throwable cause, Map<String, String> fields);
}
