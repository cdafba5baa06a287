package io.fleettelemetry.datastore.nats.tail;

import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.Feed;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Subscription;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;

/** One run of the command: a connection and a subscription of its own, from {@link #run} to its end. */
final class Tail {

    /** Shows the records. Only the thread that runs the tail calls it. */
    interface Screen {

        void show(Arrival arrival);

        /** Shows a note. */
        void note(String text);

        /** Flushes the output, and returns whether it is still open. */
        boolean isWatched();
    }

    /** Limits on the records that wait to be shown. Further records are left out. */
    private static final int MAX_WAITING_RECORDS = 65_536;

    private static final int MAX_WAITING_BYTES = 16 << 20;

    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration LOOK = Duration.ofMillis(500);
    private static final int LOOK_RECORDS = 256;

    private final Feed feed;
    private final String subject;
    private final long count;
    private final Screen screen;
    private volatile String trouble = "";
    private String noted = "";
    private long leftOut;

    /**
     * @param subject the subject, which may have wildcards
     * @param count number of records after which it ends; 0 means no end
     */
    Tail(Feed feed, String subject, long count, Screen screen) {
        this.feed = feed;
        this.subject = subject;
        this.count = count;
        this.screen = screen;
    }

    /**
     * Shows records until there were enough or the output is closed. A broken connection is made anew, like the
     * datastore's own; records that arrive in the meantime are not shown.
     *
     * @throws IOException if there is no connection, or the subject may not be read; the message is the reason
     * @throws InterruptedException if the thread is interrupted, which ends a tail without a count
     */
    void run() throws IOException, InterruptedException {
        Connection connection = feed.connect(error -> trouble = PlainText.of(error));
        try {
            Subscription subscription = subscribe(connection);
            screen.note("listening to " + subject);
            boolean watched = screen.isWatched();
            for (long shown = 0; watched && (count == 0 || shown < count); ) {
                Message message = subscription.nextMessage(LOOK);
                if (message != null) {
                    screen.show(Arrival.of(message.getSubject(), message.getData()));
                    shown++;
                }
                if (message == null || subscription.getPendingMessageCount() == 0 || shown % LOOK_RECORDS == 0) {
                    tellTrouble(subscription);
                    watched = screen.isWatched();
                }
            }
        } catch (IllegalStateException e) {
            throw new IOException("the connection was given up: " + (trouble.isEmpty() ? e.getMessage() : trouble), e);
        } finally {
            Thread.interrupted(); // an interrupt would cut the closing short, and threads would stay
            connection.close();
        }
    }

    private Subscription subscribe(Connection connection) throws IOException, InterruptedException {
        Subscription subscription = connection.subscribe(subject);
        subscription.setPendingLimits(MAX_WAITING_RECORDS, MAX_WAITING_BYTES);
        try {
            connection.flush(ANSWER_TIMEOUT);
        } catch (TimeoutException e) {
            throw new IOException("the server does not answer", e);
        }
        // A server that denies the subscription says so before it answers the flush.
        String denied = connection.getLastError();
        if (denied != null && !denied.isEmpty()) {
            throw new IOException("the server said " + PlainText.of(denied));
        }
        return subscription;
    }

    private void tellTrouble(Subscription subscription) {
        if (!trouble.equals(noted)) {
            noted = trouble;
            screen.note(noted);
        }
        if (subscription.getDroppedCount() != leftOut) {
            leftOut = subscription.getDroppedCount();
            screen.note(leftOut + " records were left out: they arrive faster than they can be shown");
        }
    }
}
