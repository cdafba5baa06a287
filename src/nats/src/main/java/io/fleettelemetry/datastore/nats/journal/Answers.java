package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;

/** Takes JetStream's answers to the journal's messages, on a thread of jnats. */
public interface Answers {

    /** The record with this number is stored. */
    void stored(long number);

    /** The record with this number will not be stored. */
    void refused(long number, Failure why);

    /**
     * The record with this number could not be stored now, and will be written again after a pause.
     *
     * @param away whether the reason is that the one stream for all records is away
     * @return the record; null if it has already ended
     */
    TelemetryRecord postponed(long number, boolean away);

    /**
     * A stream has answered to a batch.
     *
     * @return the record of the answer, if it is not stored; otherwise null
     */
    TelemetryRecord replied(BatchReply reply);

    /** Whether a message that was written on this connection has had no answer for a long time. */
    boolean areMissing();
}
