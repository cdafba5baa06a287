package io.fleettelemetry.datastore.nats.journal;

/**
 * A barrier. It proves the frames that were written in this epoch up to the record with this number, which are exactly
 * the frames written before it.
 *
 * @param epoch the epoch
 * @param confirmation the confirmation in force when these frames were made
 * @param number the number of the last record before it
 */
record Mark(WireEpoch epoch, Confirmation confirmation, long number) {

    Wire wire() {
        return epoch.wire;
    }
}
