package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;

/** Takes what JetStream has answered to what the journal wrote; called by a thread of jnats. */
public interface Answers {

    /** The record with this number is stored. */
    void stored(long number);

    /** The record with this number will not be stored. */
    void refused(long number, Failure why);

    /**
     * The record with this number could not be stored at present, and is to be written again in a while.
     *
     * @param away whether that is because the one stream that stores all records is away
     * @return the record; null if it has ended already
     */
    TelemetryRecord postponed(long number, boolean away);

    /**
     * A stream has answered to a batch.
     *
     * @return the record that it is about and has not stored; null if there is none
     */
    TelemetryRecord replied(BatchReply reply);

    /** Whether something that was written by this connection has had no answer for a long time. */
    boolean areMissing();
}
