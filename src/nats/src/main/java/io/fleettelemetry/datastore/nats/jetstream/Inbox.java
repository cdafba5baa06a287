package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.journal.Answers;
import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Subjects;
import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.JetStreamApiException;
import io.nats.client.Message;
import io.nats.client.MessageHandler;
import io.nats.client.api.PublishAck;
import io.nats.client.support.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;

/**
 * Receives JetStream's answers, one for each record, on a subject that ends with the record's number. Only a PubAck
 * proves that a record is stored, and only a PubAck of a stream that {@link Streams} knows, because every user who may
 * publish to these subjects can answer as well.
 */
public final class Inbox implements MessageHandler {

    private static final Log log = Logs.of(Inbox.class);

    private static final String DENIED = "permissions violation for subscription to";

    static final String NOT_AN_ACK = "not a PubAck";
    static final String NOT_OURS =
            "a PubAck of a stream that is neither the configured one nor one that JetStream has listed";
    static final String NO_STREAM = "no stream answers (code 503, no responders)";
    /** Number of bytes shown of a reply that is not JetStream's. */
    private static final int MAX_SHOWN = 200;

    /**
     * Limit on the messages that wait: several times the number of records without an answer, but not everything that
     * another user may publish here. If an answer is dropped, its record is written again, and answered again.
     */
    private static final long MAX_WAITING = 32_768;

    private static final long MAX_WAITING_BYTES = 8 << 20;

    private final String datastore;
    private final String subject;
    private final Subjects subjects;
    private final Streams streams;
    private final Answers answers;
    private final ExecutorService callbacks;
    private final LatestAnswers latest;
    private final PlainAck plainAck = new PlainAck();
    private final BatchReplies batches;
    private final RepeatedLog unexpected = new RepeatedLog();

    // Used by the session's thread only.
    private Connection subscribed;
    private Wire subscribedOn;
    private Dispatcher dispatcher;

    private volatile String denial = "";

    /**
     * @param id unique id of this inbox
     * @param callbacks the thread on which {@link #refused} is called
     */
    public Inbox(NatsSettings settings, String id, Streams streams, Answers answers, ExecutorService callbacks) {
        this.datastore = settings.datastore();
        this.subject = subject(settings, id);
        this.subjects = new Subjects(settings.namespace());
        this.streams = streams;
        this.latest = streams.latest();
        this.answers = answers;
        this.batches = new BatchReplies(streams, subjects, answers);
        this.callbacks = callbacks;
    }

    /** The beginning of the subjects of answers. */
    public static String subject(NatsSettings settings, String id) {
        return settings.delivery().inboxPrefix() + "." + id;
    }

    /** The server has sent {@code -ERR}. Only an error about this inbox matters here. */
    public void refused(String error) {
        if (error.toLowerCase(Locale.ROOT).startsWith(DENIED) && error.contains(subject)) {
            denial = "the server does not let us receive JetStream's answers: " + PlainText.field(error)
                    + "; allow the user to subscribe to " + subject.substring(0, subject.lastIndexOf('.'))
                    + ".>, or set inbox.prefix to a prefix that the user may subscribe to";
        }
    }

    public boolean isDenied() {
        return !denial.isEmpty();
    }

    /** Whether jnats' thread for answers has died, as it does if there is no memory for an answer. */
    public boolean isDeaf() {
        return dispatcher != null && !dispatcher.isActive();
    }

    /** Number of messages that have arrived and were not handled yet. */
    long waiting() {
        return dispatcher.getPendingMessageCount();
    }

    /** Why answers cannot arrive; empty if they can. */
    public String denial() {
        return denial;
    }

    /**
     * Subscribes to answers on this connection, unless that is {@linkplain #isDenied denied}. May take as long as the
     * server takes to answer a PING.
     *
     * @throws IOException if the connection is ending, or the server has not answered in time
     */
    public void open(Connection connection, Wire wire, Duration timeout) throws IOException, InterruptedException {
        try {
            // Anew for each wire. jnats repeats subscriptions, but without memory it may have failed.
            if (wire != subscribedOn || isDenied() || isDeaf()) {
                subscribe(connection);
                subscribedOn = wire;
            }
            connection.flush(timeout);
            callbacks.submit(() -> {}).get(); // after everything that the server sent before its PONG
        } catch (TimeoutException | IllegalStateException | ExecutionException | RejectedExecutionException e) {
            throw new IOException(e);
        }
    }

    private void subscribe(Connection connection) {
        if (connection == subscribed && !isDeaf()) {
            connection.closeDispatcher(dispatcher);
        }
        denial = "";
        dispatcher = connection.createDispatcher(this);
        dispatcher.setPendingLimits(MAX_WAITING, MAX_WAITING_BYTES);
        dispatcher.subscribe(subject + ".>");
        subscribed = connection;
    }

    /** Takes an answer. On jnats' thread for this subscription, which must not be blocked. */
    @Override
    public void onMessage(Message message) {
        if (FrameEncoder.isOfBatch(message.getSubject())) {
            String problem = batches.take(message);
            if (!problem.isEmpty()) {
                unexpected(message, problem);
            }
            return;
        }
        long number = FrameEncoder.numberOf(message.getSubject());
        if (message.isStatusMessage()) {
            answered(number, message.getStatus());
            return;
        }
        String stream = plainAck.stream(message.getData());
        if (!stream.isEmpty() && streams.mayAnswer(stream)) {
            stored(number);
            return;
        }
        try {
            answered(number, new PublishAck(message), message);
        } catch (JetStreamApiException e) {
            refused(number, e, message);
        } catch (IOException e) {
            unexpected(message, NOT_AN_ACK);
        }
    }

    /** Takes a status. Servers from 2.11 on report a full queue with one; jnats drops the rest of the message. */
    private void answered(long number, Status status) {
        switch (status.getCode()) {
            case StreamError.NO_RESPONDERS -> notStored(number, NO_STREAM);
            case StreamError.TOO_MANY_REQUESTS ->
                postponed(number, PlainText.field(status.getMessage()) + " (code 429)");
            default -> unexpected(status.getMessageWithCode(), NOT_AN_ACK);
        }
    }

    private void answered(long number, PublishAck ack, Message message) {
        if (!streams.mayAnswer(ack.getStream())) {
            unexpected(message, NOT_OURS);
            if (streams.isToBeFound(ack.getStream())) { // the stream answers again, and is known by then
                answers.postponed(number, false);
            }
        } else if (ack.getSeqno() > 0) {
            stored(number);
        } else if (ack.isDuplicate()) { // a duplicate of a message that the cluster has not agreed on yet
            postponed(number, "the cluster has not agreed on the record's first copy yet");
        } else {
            unexpected(message, NOT_AN_ACK);
        }
    }

    private void stored(long number) {
        latest.stored();
        answers.stored(number);
    }

    private void postponed(long number, String why) {
        if (answers.postponed(number, false) != null) {
            latest.postponed(why);
        }
    }

    /** The server answers that no stream listens. The record fails if this is known to last. */
    private void notStored(long number, String words) {
        TelemetryRecord record = answers.postponed(number, streams.isOne());
        if (record != null) {
            String why = streams.whyNotStored(subjects.of(record));
            if (why.isEmpty()) {
                latest.postponed(words);
            } else {
                answers.refused(number, new Failure(Failure.Kind.ERROR, why));
            }
        }
    }

    private void refused(long number, JetStreamApiException e, Message message) {
        StreamError error = new StreamError(e.getErrorCode(), e.getApiErrorCode(), e.getErrorDescription());
        if (!error.isKnown()) { // jnats makes an error of what it cannot parse
            unexpected(message, NOT_AN_ACK);
        } else if (error.isPassing()) {
            postponed(number, error.words());
        } else {
            latest.refused(error.words(), error.isOfMessage());
            answers.refused(number, error.failure());
        }
    }

    private void unexpected(Message message, String what) {
        byte[] data = message.getData();
        unexpected(new String(data, 0, Math.min(data.length, MAX_SHOWN), StandardCharsets.UTF_8), what);
    }

    /** Notes a reply that confirms nothing. If no PubAck follows, the record is written again. */
    private void unexpected(String text, String what) {
        String words = what + ": " + PlainText.field(text);
        latest.unexpected(words);
        unexpected.write(leftOut -> log.warn(
                "nats_unexpected_reply datastore={} reason=\"unexpected reply, {}\" left_out={}",
                datastore,
                words,
                leftOut));
    }
}
