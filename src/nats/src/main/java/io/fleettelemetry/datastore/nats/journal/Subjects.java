package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.Token;

/**
 * The one place that builds subjects: {@code <namespace>.<vin>.<topic>}. The topic is the record type, but {@code V}
 * becomes {@code data}.
 *
 * @param namespace tokens joined by dots
 */
public record Subjects(String namespace) {

    /**
     * Returns why a record cannot have a subject. jnats would accept a wildcard or a line break. A line break ends the
     * protocol line, and the text after it would be a command to the server.
     *
     * @return the failure; null if the record can have a subject
     */
    public static Failure flaw(TelemetryRecord record) {
        String flaw = Token.flaw(record.vin());
        if (flaw != null) {
            return invalid("the VIN " + flaw);
        }
        flaw = Token.flaw(record.type());
        return flaw == null ? null : invalid("the record type " + flaw);
    }

    private static Failure invalid(String reason) {
        return new Failure(Failure.Kind.INVALID, reason + ", so it cannot be part of a subject");
    }

    /** The wildcard subject of all records. */
    public String all() {
        return namespace + ".>";
    }

    /** The subject of a record without {@linkplain #flaw flaw}. */
    public String of(TelemetryRecord record) {
        String topic = record.type().equals("V") ? "data" : record.type();
        return namespace + '.' + record.vin() + '.' + topic;
    }
}
