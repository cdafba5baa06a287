package io.fleettelemetry.datastore.nats.faults;

import static org.awaitility.Awaitility.await;

import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.PushSubscribeOptions;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What arrived: which records, how often, and in which order. Told by a subscriber on a connection of its own, or by a stream. */
final class Arrivals implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Duration STORING = Duration.ofSeconds(5);
    private static final int SHOWN = 10;

    private final Fleet fleet;
    private final Connection connection;
    private final Ids arrived;
    private final int[] highest;
    private long duplicates;
    private long outOfOrder;
    private long messages;
    private final List<String> aliens = new ArrayList<>();
    private boolean isHeard;
    private boolean atEnd;

    private Arrivals(Fleet fleet, Connection connection) {
        this.fleet = fleet;
        this.connection = connection;
        this.arrived = new Ids(fleet);
        this.highest = new int[fleet.vehicles()];
        Arrays.fill(highest, -1);
    }

    private static Connection connect(String url) throws IOException, InterruptedException {
        return Nats.connect(new Options.Builder()
                .server(url)
                .noReconnect()
                .errorListener(BareLoop.SILENT)
                .build());
    }

    /** Subscribes to everything; returns when the server has the subscription. */
    static Arrivals at(String url, Fleet fleet) {
        try {
            Arrivals arrivals = new Arrivals(fleet, connect(url));
            Dispatcher dispatcher = arrivals.connection.createDispatcher(arrivals::note);
            dispatcher.setPendingLimits(-1, -1);
            dispatcher.subscribe(fleet.namespace() + ".>");
            arrivals.connection.flush(LIMIT);
            return arrivals;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Waits until what is published at another server of the same cluster arrives here: servers tell each other, later. */
    Arrivals awaitInterestAt(String url) {
        try (Connection elsewhere = connect(url)) {
            await("interest").atMost(LIMIT).until(() -> {
                elsewhere.publish(heard(), new byte[0]);
                return isHeard();
            });
            return this;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private synchronized boolean isHeard() {
        return isHeard;
    }

    /**
     * Reads what a stream has stored.
     *
     * @param expected so many messages it gets a moment to store: it does so a little after the server has them
     */
    static Arrivals in(String url, String stream, Fleet fleet, long expected) {
        try {
            Arrivals arrivals = new Arrivals(fleet, connect(url));
            arrivals.read(stream, expected);
            return arrivals;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private void read(String stream, long expected) throws IOException, JetStreamApiException, InterruptedException {
        long stored = 0;
        for (long deadline = System.nanoTime() + STORING.toNanos(); stored < expected; ) {
            stored = messages(stream);
            if (System.nanoTime() - deadline > 0) {
                break; // the tally will say what is missing
            }
        }
        JetStreamSubscription subscription = connection
                .jetStream()
                .subscribe(
                        fleet.namespace() + ".>",
                        PushSubscribeOptions.builder().stream(stream)
                                .ordered(true)
                                .build());
        for (long i = 0; i < stored; i++) {
            Message message = subscription.nextMessage(LIMIT);
            if (message == null) {
                throw new IllegalStateException("the stream has " + stored + " messages and gave " + i);
            }
            note(message);
        }
        subscription.unsubscribe();
    }

    private long messages(String stream) throws IOException, JetStreamApiException {
        return connection
                .jetStreamManagement()
                .getStreamInfo(stream)
                .getStreamState()
                .getMsgCount();
    }

    private synchronized void note(Message message) {
        if (message.getSubject().equals(heard())) {
            isHeard = true;
            return;
        }
        if (message.getSubject().equals(end())) {
            atEnd = true;
            return;
        }
        messages++;
        long id = fleet.id(message.getSubject(), message.getData());
        if (id == Fleet.ALIEN) {
            if (aliens.size() < SHOWN) {
                aliens.add(message.getSubject() + " with " + message.getData().length + " bytes");
            }
        } else if (!arrived.add(id)) {
            duplicates++;
        } else if (Fleet.number(id) < highest[Fleet.vehicle(id)]) {
            outOfOrder++;
        } else {
            highest[Fleet.vehicle(id)] = Fleet.number(id);
        }
    }

    private String heard() {
        return fleet.namespace() + ".heard";
    }

    private String end() {
        return fleet.namespace() + ".end";
    }

    /**
     * Waits until everything is here that the server has for this subscriber: a message of one's own comes after whatever
     * the server had parsed before it.
     */
    Arrivals awaitAll() {
        connection.publish(end(), new byte[0]);
        await("the last message").atMost(LIMIT).until(this::isAtEnd);
        if (connection.getStatus() != Connection.Status.CONNECTED
                || connection.getStatistics().getDroppedCount() > 0) {
            throw new IllegalStateException("this subscriber itself lost something: " + connection.getStatistics());
        }
        return this;
    }

    private synchronized boolean isAtEnd() {
        return atEnd;
    }

    Ids arrived() {
        return arrived;
    }

    /** Messages that were no first arrivals. */
    synchronized long duplicates() {
        return duplicates;
    }

    /** First arrivals after that of a newer record of the same vehicle. */
    synchronized long outOfOrder() {
        return outOfOrder;
    }

    /** Some of the messages that are no record of the fleet. */
    synchronized List<String> aliens() {
        return List.copyOf(aliens);
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
