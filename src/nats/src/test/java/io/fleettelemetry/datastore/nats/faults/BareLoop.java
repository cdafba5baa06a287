package io.fleettelemetry.datastore.nats.faults;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.JetStream;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeoutException;

/**
 * What people write who have jnats and no datastore: it publishes, takes a call that returned for success, or with
 * JetStream a PubAck, and an exception for a failure. For comparison.
 */
final class BareLoop implements CloseableProducer {

    /** So many PubAcks are waited for at once; jnats itself has no limit. */
    private static final int IN_FLIGHT = 10_000;

    /** For connections that are meant to break. */
    static final ErrorListener SILENT = new ErrorListener() {};

    private static final Duration FLUSH_LIMIT = Duration.ofSeconds(20);

    private final Connection connection;
    private final JetStream jetStream;
    private final String namespace;
    private final Semaphore room = new Semaphore(IN_FLIGHT);

    private BareLoop(Connection connection, JetStream jetStream, String namespace) {
        this.connection = connection;
        this.jetStream = jetStream;
        this.namespace = namespace;
    }

    /** Takes the keys of the datastore that it understands. */
    static BareLoop open(Map<String, String> settings) {
        try {
            Connection connection = Nats.connect(new Options.Builder()
                    .servers(settings.get("url").split(","))
                    .maxReconnects(-1)
                    .errorListener(SILENT)
                    .reconnectWait(
                            Duration.ofMillis(Long.parseLong(settings.getOrDefault("reconnect.wait.ms", "2000"))))
                    .build());
            boolean stored = "jetstream".equals(settings.get("delivery"));
            return new BareLoop(connection, stored ? connection.jetStream() : null, settings.get("namespace"));
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void produce(TelemetryRecord record, Receipt receipt) {
        NatsMessage message = NatsMessage.builder()
                .subject(namespace + '.' + record.vin() + ".data")
                .data(record.payload())
                .build();
        try {
            if (jetStream == null) {
                connection.publish(message);
                receipt.confirmed(record);
            } else if (room.tryAcquire()) {
                jetStream.publishAsync(message).whenComplete((ack, failure) -> {
                    room.release();
                    if (failure == null) {
                        receipt.confirmed(record);
                    } else {
                        receipt.failed(record, new Failure(Failure.Kind.ERROR, failure.toString()));
                    }
                });
            } else {
                receipt.failed(record, new Failure(Failure.Kind.FULL, IN_FLIGHT + " are in flight"));
            }
        } catch (IllegalStateException e) {
            receipt.failed(record, new Failure(Failure.Kind.ERROR, e.toString()));
        }
    }

    @Override
    public void close() {
        if (connection.getStatus() == Connection.Status.CLOSED) {
            return;
        }
        try {
            connection.flush(FLUSH_LIMIT);
            connection.close();
        } catch (TimeoutException e) {
            throw new IllegalStateException("the last messages did not go out", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
