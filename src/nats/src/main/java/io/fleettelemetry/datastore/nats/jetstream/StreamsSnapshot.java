package io.fleettelemetry.datastore.nats.jetstream;

import java.util.List;

/**
 * What is known of the streams at one moment, for the status.
 *
 * @param streams those that store our records, in words
 * @param whyNothingIsStored in the server's words; empty if something is, or nothing was answered
 * @param warnings what should be otherwise, in sentences
 * @param unexpectedReplies how many confirmed nothing
 * @param whyNoBatch why records may not go to the stream in batches; empty if they may
 */
public record StreamsSnapshot(
        String streams, String whyNothingIsStored, List<String> warnings, long unexpectedReplies, String whyNoBatch) {}
