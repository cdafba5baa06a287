package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.host.Outcome;

/** Identifies a datastore for its records; compared by identity. */
final class DatastoreId {

    final String name;
    /** The failure of a record for which there was no memory; made in advance. */
    final Failure noMemory;

    final Outcome noMemoryOutcome;

    DatastoreId(String name) {
        this.name = name;
        this.noMemory = new Failure(Failure.Kind.ERROR, "the JVM has no memory left for the record");
        this.noMemoryOutcome = Outcome.failed(name, noMemory);
    }
}
