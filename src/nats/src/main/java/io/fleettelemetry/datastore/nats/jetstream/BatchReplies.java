package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.journal.Answers;
import io.fleettelemetry.datastore.nats.journal.BatchReply.End;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Flow;
import io.fleettelemetry.datastore.nats.journal.BatchReply.NotNow;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Refused;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Unable;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Unknown;
import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Subjects;
import io.nats.client.Message;
import io.nats.client.support.JsonParseException;
import io.nats.client.support.JsonParser;
import io.nats.client.support.JsonValue;
import io.nats.client.support.JsonValueUtils;

/**
 * Parses nats-server's answers to the messages of a batch. The subject of each answer has the number of the batch and
 * of the message.
 */
final class BatchReplies {

    private final Streams streams;
    private final Subjects subjects;
    private final Answers answers;

    /** What the stream has acknowledged last. They belong to jnats' thread for the inbox. */
    private long lastBatch = -1;

    private long lastStored;

    BatchReplies(Streams streams, Subjects subjects, Answers answers) {
        this.streams = streams;
        this.subjects = subjects;
        this.answers = answers;
    }

    /**
     * Takes a reply.
     *
     * @return the problem of the reply; empty if there is none
     */
    String take(Message message) {
        long batch = FrameEncoder.batchOf(message.getSubject());
        long sequence = FrameEncoder.sequenceOf(message.getSubject());
        if (message.isStatusMessage()) {
            return status(
                    batch,
                    sequence,
                    message.getStatus().getCode(),
                    message.getStatus().getMessage());
        }
        try {
            return reply(batch, sequence, JsonParser.parse(message.getData()), message);
        } catch (JsonParseException e) {
            return Inbox.NOT_AN_ACK;
        }
    }

    private String status(long batch, long sequence, int code, String words) {
        if (code == StreamError.NO_RESPONDERS) {
            noStream(batch, sequence);
        } else if (code == StreamError.TOO_MANY_REQUESTS) {
            notNow(batch, sequence, PlainText.field(words) + " (code 429)");
        } else {
            return Inbox.NOT_AN_ACK;
        }
        return "";
    }

    private String reply(long batch, long sequence, JsonValue json, Message message) {
        String type = JsonValueUtils.readString(json, "type", "");
        switch (type) {
            case "ack" -> {
                long stored = JsonValueUtils.readLong(json, "seq", 0);
                if (stored > 0 && (batch != lastBatch || stored > lastStored)) { // else it answers a question again
                    streams.latest().stored();
                }
                lastBatch = batch;
                lastStored = stored;
                answers.replied(new Flow(batch, stored, JsonValueUtils.readInteger(json, "msgs", 1)));
            }
            case "gap" -> {} // a PubAck follows, with the count
            default -> {
                JsonValue error = JsonValueUtils.readValue(json, "error");
                return error == null ? pubAck(batch, sequence, json, message) : refused(batch, sequence, error);
            }
        }
        return "";
    }

    private String pubAck(long batch, long sequence, JsonValue json, Message message) {
        String stream = JsonValueUtils.readString(json, "stream", "");
        long count = JsonValueUtils.readLong(json, "count", -1);
        if (stream.isEmpty()) {
            return Inbox.NOT_AN_ACK;
        }
        if (!streams.mayAnswer(stream)) {
            return Inbox.NOT_OURS;
        }
        if (count < 0
                || count
                        == FrameEncoder.lengthOf(
                                message.getSubject())) { // otherwise it is about messages stored long ago
            streams.latest().stored();
        }
        if (count >= 0) {
            answers.replied(new End(batch, count));
        } else {
            unable(batch, sequence, true, "the server does not know batches: it answers each message");
        }
        return "";
    }

    private String refused(long batch, long sequence, JsonValue json) {
        StreamError error = new StreamError(
                JsonValueUtils.readInteger(json, "code", 0),
                JsonValueUtils.readInteger(json, "err_code", 0),
                JsonValueUtils.readString(json, "description", ""));
        if (!error.isKnown()) {
            return Inbox.NOT_AN_ACK;
        } else if (error.isUnknownBatch()) {
            answers.replied(new Unknown(batch));
        } else if (error.isNoBatches()) {
            unable(batch, sequence, false, error.words());
        } else if (error.isPassing()) {
            notNow(batch, sequence, error.words());
        } else {
            streams.latest().refused(error.words(), error.isOfMessage());
            answers.replied(new Refused(batch, sequence, error.failure()));
        }
        return "";
    }

    private void unable(long batch, long sequence, boolean stored, String why) {
        if (answers.replied(new Unable(batch, sequence, stored)) != null) {
            streams.batchRefused(why);
        }
    }

    private void notNow(long batch, long sequence, String why) {
        if (answers.replied(new NotNow(batch, sequence)) != null) {
            streams.latest().postponed(why);
        }
    }

    private void noStream(long batch, long sequence) {
        TelemetryRecord record = answers.replied(new NotNow(batch, sequence));
        if (record == null) {
            return;
        }
        String why = streams.whyNotStored(subjects.of(record));
        if (why.isEmpty()) {
            streams.latest().postponed(Inbox.NO_STREAM);
        } else {
            answers.replied(new Refused(batch, sequence, new Failure(Failure.Kind.ERROR, why)));
        }
    }
}
