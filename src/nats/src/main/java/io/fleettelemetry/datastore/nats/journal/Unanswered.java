package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.TelemetryRecord;

/** The number of records that a stream has not answered, and the oldest of them. */
public record Unanswered(int records, TelemetryRecord oldest) {

    public String inWords(Subjects subjects) {
        return "no stream has answered for 10 s or more; "
                + (records == 1 ? "1 record waits and is sent again" : records + " records wait and are sent again")
                + ", the oldest for " + subjects.of(oldest);
    }
}
