package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.host.Outcome;

/** A datastore as its records know it; compared by identity. */
final class DatastoreId {

    final String name;
    /** Why a record failed for which there was no memory; made before it is needed. */
    final Failure noMemory;

    final Outcome noMemoryOutcome;

    DatastoreId(String name) {
        this.name = name;
        this.noMemory = new Failure(Failure.Kind.ERROR, "the JVM has no memory left for the record");
        this.noMemoryOutcome = Outcome.failed(name, noMemory);
    }
}
