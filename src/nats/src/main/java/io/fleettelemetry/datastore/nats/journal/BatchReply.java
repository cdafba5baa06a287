package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;

/** What a stream has said of a batch. The messages of a batch have numbers from 1 on. */
public sealed interface BatchReply {

    /** The number of the batch. */
    long batch();

    /**
     * All up to this number are stored; it goes on.
     *
     * @param messages after how many more the stream answers next
     */
    record Flow(long batch, long sequence, int messages) implements BatchReply {}

    /** The batch has ended: so many are stored, and of what was written behind them nothing will be. */
    record End(long batch, long stored) implements BatchReply {}

    /** This one will not be stored. */
    record Refused(long batch, long sequence, Failure why) implements BatchReply {}

    /** This one is not stored, and could not be at present. */
    record NotNow(long batch, long sequence) implements BatchReply {}

    /** The stream does not know the batch: it has ended, or was forgotten. */
    record Unknown(long batch) implements BatchReply {}

    /**
     * The stream, or the server, does not take batches.
     *
     * @param stored whether this one is stored all the same
     */
    record Unable(long batch, long sequence, boolean stored) implements BatchReply {}
}
