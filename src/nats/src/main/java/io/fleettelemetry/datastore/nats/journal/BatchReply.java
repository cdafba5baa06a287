package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;

/** A stream's reply about a batch. The messages of a batch have numbers from 1 on. */
public sealed interface BatchReply {

    /** The number of the batch. */
    long batch();

    /**
     * All messages up to this number are stored, and the batch continues.
     *
     * @param messages number of further messages after which the stream answers next
     */
    record Flow(long batch, long sequence, int messages) implements BatchReply {}

    /** The batch has ended: this many messages are stored, and no message after them will be. */
    record End(long batch, long stored) implements BatchReply {}

    /** This message will not be stored. */
    record Refused(long batch, long sequence, Failure why) implements BatchReply {}

    /** This message is not stored, because the stream could not store it for the moment. */
    record NotNow(long batch, long sequence) implements BatchReply {}

    /** The stream does not know the batch: it has ended, or was forgotten. */
    record Unknown(long batch) implements BatchReply {}

    /**
     * The stream, or the server, does not take batches.
     *
     * @param stored whether this message is stored nevertheless
     */
    record Unable(long batch, long sequence, boolean stored) implements BatchReply {}
}
