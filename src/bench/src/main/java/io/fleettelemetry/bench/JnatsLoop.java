package io.fleettelemetry.bench;

import io.nats.client.Connection;
import io.nats.client.JetStream;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import io.nats.client.support.NatsJetStreamConstants;
import java.time.Duration;
import java.util.concurrent.Semaphore;

/** What people write who have only jnats. */
final class JnatsLoop {

    private static final Duration FLUSH_LIMIT = Duration.ofSeconds(60);

    /**
     * So many PubAcks are waited for at once: 500 to 2,000 are best, and 10,000 take up to twice the CPU. With
     * {@code dontForceFlushOnRequest()} this is all that helps. Other limits of the queue of messages, larger buffers,
     * subjects that are not checked, and {@code PublishOptions} in the place of headers do not help.
     */
    private static final int IN_FLIGHT = 2_000;

    private JnatsLoop() {}

    /** A loop of {@code Connection.publish}: nothing confirms a record. */
    static Contestant publish() {
        return new Contestant("publish", (place, distinct, confirmed) -> new Core(place));
    }

    /**
     * A loop of {@code JetStream.publishAsync}, which does not publish again what was not confirmed.
     *
     * @param ids whether each message has an id of its own, without which nobody could do so
     */
    static Contestant publishAsync(boolean ids) {
        return new Contestant(
                ids ? "publishAsync" : "publishAsync without ids",
                (place, distinct, confirmed) -> new Stored(place, ids, confirmed));
    }

    private static void close(Connection connection) {
        try {
            connection.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static final class Core implements Contestant.Publisher {

        private final Connection connection;
        private final String[] subjects;
        private final byte[] payload;

        Core(Place place) throws Exception {
            connection = Nats.connect(place.server().url());
            subjects = place.subjects();
            payload = place.payload();
        }

        @Override
        public void publish(int number) {
            connection.publish(subjects[number % Place.VINS], payload);
        }

        @Override
        public void await(long records) throws Exception {
            connection.flush(FLUSH_LIMIT);
        }

        @Override
        public void close() {
            JnatsLoop.close(connection);
        }
    }

    private static final class Stored implements Contestant.Publisher {

        private final Connection connection;
        private final JetStream jetStream;
        private final String[] subjects;
        private final byte[] payload;
        /** First part of the ids; null without. */
        private final String id;

        private final Semaphore room = new Semaphore(IN_FLIGHT);
        private final Confirmed confirmed;

        Stored(Place place, boolean ids, Confirmed confirmed) throws Exception {
            connection = Nats.connect(new Options.Builder()
                    .server(place.server().url())
                    .dontForceFlushOnRequest()
                    .build());
            jetStream = connection.jetStream();
            subjects = place.subjects();
            payload = place.payload();
            id = ids ? NUID.nextGlobal() : null;
            this.confirmed = confirmed;
        }

        @Override
        public void publish(int number) throws InterruptedException {
            room.acquire();
            Headers headers = id == null ? null : new Headers().put(NatsJetStreamConstants.MSG_ID_HDR, id + number);
            jetStream
                    .publishAsync(subjects[number % Place.VINS], headers, payload)
                    .whenComplete((ack, problem) -> {
                        room.release();
                        if (problem == null) {
                            confirmed.is(number);
                        } else {
                            confirmed.failed(problem.toString());
                        }
                    });
        }

        @Override
        public void await(long records) {
            confirmed.await(records);
        }

        @Override
        public void close() {
            JnatsLoop.close(connection);
        }
    }
}
