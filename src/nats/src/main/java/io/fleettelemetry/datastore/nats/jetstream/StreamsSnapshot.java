package io.fleettelemetry.datastore.nats.jetstream;

import java.util.List;

/**
 * The state of the streams at one moment, for the status.
 *
 * @param streams the streams of our records, in words
 * @param whyNothingIsStored the server's words; empty if records are stored, or if there was no answer
 * @param warnings problems that do not prevent storing, in sentences
 * @param unexpectedReplies number of replies that confirmed nothing
 * @param whyNoBatch why records may not go to the stream in batches; empty if they may
 */
public record StreamsSnapshot(
        String streams, String whyNothingIsStored, List<String> warnings, long unexpectedReplies, String whyNoBatch) {}
