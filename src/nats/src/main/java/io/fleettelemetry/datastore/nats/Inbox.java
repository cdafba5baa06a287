package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.JetStreamApiException;
import io.nats.client.Message;
import io.nats.client.MessageHandler;
import io.nats.client.api.PublishAck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;

/**
 * Where JetStream's answers arrive, one for each record, to a subject that ends with the record's number. Only a PubAck
 * says that a record is stored.
 */
final class Inbox implements MessageHandler {

    /** Takes what was answered; called by a thread of jnats. */
    interface Answers {

        /** The record with this number is stored. */
        void stored(long number);

        /** The record with this number will not be stored. */
        void refused(long number, Failure why);

        /**
         * The record with this number could not be stored at present, and is to be written again in a while.
         *
         * @return the record; null if it has ended already
         */
        TelemetryRecord postponed(long number);
    }

    private static final Log log = Logs.of(Inbox.class);

    private static final String DENIED = "permissions violation for subscription to";

    private static final int NO_RESPONDERS = 503;
    private static final int UNAVAILABLE = 503;
    private static final int TOO_MANY_REQUESTS = 429;
    /** A limit of the stream is reached, although the code says "unavailable". */
    private static final int STORE_FAILED = 10_077;
    /** The first copy of the message is not stored yet. */
    private static final int DUPLICATE_IN_PROCESS = 10_158;

    private final String datastore;
    private final String subject;
    private final Subjects subjects;
    private final Streams streams;
    private final Answers answers;
    private final ExecutorService callbacks;
    private final RepeatedLog strange = new RepeatedLog();

    // These two belong to the session's thread.
    private Connection subscribed;
    private Dispatcher dispatcher;

    private volatile String denial = "";

    /**
     * @param id what is unique to this inbox
     * @param callbacks the thread on which {@link #refused} is called
     */
    Inbox(NatsSettings settings, String id, Streams streams, Answers answers, ExecutorService callbacks) {
        this.datastore = settings.datastore();
        this.subject = subject(settings, id);
        this.subjects = new Subjects(settings.namespace());
        this.streams = streams;
        this.answers = answers;
        this.callbacks = callbacks;
    }

    /** What the subjects of answers begin with. */
    static String subject(NatsSettings settings, String id) {
        return settings.delivery().inboxPrefix() + "." + id;
    }

    /** The server has answered {@code -ERR}; only one about this inbox matters. */
    void refused(String error) {
        if (error.toLowerCase(Locale.ROOT).startsWith(DENIED) && error.contains(subject)) {
            denial = "the server does not let us receive JetStream's answers: " + PlainText.field(error)
                    + "; allow the user to subscribe to " + subject.substring(0, subject.lastIndexOf('.'))
                    + ".>, or set inbox.prefix to what it may";
        }
    }

    boolean isDenied() {
        return !denial.isEmpty();
    }

    /** Why answers cannot arrive; empty if they can. */
    String denial() {
        return denial;
    }

    /**
     * Has answers arrive by this connection, unless that is {@linkplain #isDenied denied}. May take as long as the server
     * takes to answer a PING.
     *
     * @throws IOException if the connection is ending, or the server has not answered in time
     */
    void open(Connection connection, Duration timeout) throws IOException, InterruptedException {
        try {
            if (connection != subscribed || isDenied()) {
                subscribe(connection);
            }
            connection.flush(timeout);
            callbacks.submit(() -> {}).get(); // behind what the server has said before its PONG
        } catch (TimeoutException | IllegalStateException | ExecutionException | RejectedExecutionException e) {
            throw new IOException(e);
        }
    }

    private void subscribe(Connection connection) {
        if (connection == subscribed) {
            connection.closeDispatcher(dispatcher);
        }
        denial = "";
        dispatcher = connection.createDispatcher(this);
        dispatcher.setPendingLimits(-1, -1); // what waits there is bounded by what is in flight
        dispatcher.subscribe(subject + ".*");
        subscribed = connection;
    }

    /** An answer. By jnats' thread for this subscription, which must not be kept. */
    @Override
    public void onMessage(Message message) {
        long number = FrameEncoder.numberOf(message.getSubject());
        if (message.isStatusMessage()) {
            if (message.getStatus().getCode() == NO_RESPONDERS) {
                postponed(number);
            }
            return;
        }
        try {
            PublishAck ack = new PublishAck(message);
            if (ack.getSeqno() > 0) {
                answers.stored(number);
            } else if (ack.isDuplicate()) { // of a message that a cluster has not agreed on yet
                postponed(number);
            } else {
                strange(message);
            }
        } catch (JetStreamApiException e) {
            refused(number, e, message);
        } catch (IOException e) {
            strange(message);
        }
    }

    private void postponed(long number) {
        TelemetryRecord record = answers.postponed(number);
        if (record != null) {
            String lack = streams.lack(subjects.of(record));
            if (!lack.isEmpty()) {
                answers.refused(number, new Failure(Failure.Kind.ERROR, lack));
            }
        }
    }

    private void refused(long number, JetStreamApiException e, Message message) {
        int code = e.getErrorCode();
        int detail = e.getApiErrorCode();
        if (detail <= 0) { // jnats makes an error of what it cannot parse
            strange(message);
        } else if (code == UNAVAILABLE && detail != STORE_FAILED
                || code == TOO_MANY_REQUESTS
                || detail == DUPLICATE_IN_PROCESS) {
            answers.postponed(number);
        } else {
            answers.refused(
                    number,
                    new Failure(
                            Failure.Kind.ERROR,
                            "the stream refused it: " + PlainText.field(e.getErrorDescription()) + " (code " + code
                                    + ", err_code " + detail + ")"));
        }
    }

    /** It confirms nothing; if no PubAck follows, the record is written again. */
    private void strange(Message message) {
        String text = new String(message.getData(), StandardCharsets.UTF_8);
        strange.write(leftOut -> log.warn(
                "nats_error datastore={} reason=\"somebody else than a stream answers to what we publish: {}\" left_out={}",
                datastore,
                PlainText.field(text),
                leftOut));
    }
}
