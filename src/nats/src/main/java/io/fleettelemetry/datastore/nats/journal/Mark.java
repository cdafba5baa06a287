package io.fleettelemetry.datastore.nats.journal;

/**
 * A barrier that begins, and what it proves: what was written in this epoch up to the record with this number. That is all
 * that was written before it, and nothing else.
 *
 * @param confirmation what was in force when these frames were made
 */
record Mark(WireEpoch epoch, Confirmation confirmation, long number) {

    Wire wire() {
        return epoch.wire;
    }
}
