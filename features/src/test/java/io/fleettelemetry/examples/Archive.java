package io.fleettelemetry.examples;

import io.nats.client.Connection;
import io.nats.client.ConsumerContext;
import io.nats.client.FetchConsumer;
import io.nats.client.JetStreamApiException;
import io.nats.client.Message;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.StreamConfiguration;
import java.io.IOException;
import java.time.Duration;
import java.util.function.Consumer;

/** A consumer that misses nothing while it is away: receiving.md shows it. */
public final class Archive {

    private Archive() {}

    /** Once, by the operator of the server: a stream that keeps what is published under the subjects. */
    static void createStream(Connection nats) throws IOException, JetStreamApiException {
        nats.jetStreamManagement()
                .addStream(StreamConfiguration.builder()
                        .name("TELEMETRY")
                        .subjects("tesla_telemetry.>")
                        .maxAge(Duration.ofDays(7))
                        .duplicateWindow(Duration.ofSeconds(150))
                        .build());
    }

    /**
     * Gives every record of the stream to the store, and goes on where it was when it is called again.
     *
     * @param ackWait how long the store may take for what was fetched at once; what is not acknowledged by then is given
     *     out again
     * @param store returns when the record is safe; what it throws ends the call, and the record will come again
     */
    static void consume(Connection nats, Duration ackWait, Consumer<Message> store) throws Exception {
        ConsumerContext archive = nats.getStreamContext("TELEMETRY")
                .createOrUpdateConsumer(ConsumerConfiguration.builder()
                        .durable("archive")
                        .ackPolicy(AckPolicy.Explicit)
                        .ackWait(ackWait)
                        .build());
        while (!Thread.interrupted()) {
            try (FetchConsumer fetched = archive.fetchMessages(100)) {
                for (Message record = fetched.nextMessage(); record != null; record = fetched.nextMessage()) {
                    store.accept(record);
                    record.ack();
                }
            }
        }
    }
}
