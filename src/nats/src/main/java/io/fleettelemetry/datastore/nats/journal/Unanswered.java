package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.TelemetryRecord;

/** How many records a stream has not answered to, and the oldest of them. */
public record Unanswered(int records, TelemetryRecord oldest) {

    public String inWords(Subjects subjects) {
        return "no stream has answered for 10 s or more: " + records
                + (records == 1 ? " record waits" : " records wait") + ", the oldest for " + subjects.of(oldest)
                + "; they are published again";
    }
}
