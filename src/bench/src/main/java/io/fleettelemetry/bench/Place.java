package io.fleettelemetry.bench;

import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.Nats;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;

/**
 * Where contestants are measured: a server, what stores the records, and their size.
 *
 * @param version of the server
 * @param storage of the stream; null in core NATS
 * @param size of a payload in bytes
 */
@SuppressWarnings("try") // closing a connection can be interrupted, and nobody interrupts here
record Place(NatsServer server, String version, StorageType storage, int size) {

    static final int VINS = 1_000;

    /** The stream that stores the records. */
    static final String STREAM = "BENCH";

    /** Below the journal's bound (64 MiB), so that nothing is refused. */
    private static final int WINDOW_BYTES = 40_000_000;
    /** More than any way of confirming waits for at once. */
    private static final int STORED_WINDOW = 20_000;

    /** What a frame and its record take besides the payload, about. */
    private static final int FRAME = 200;

    /** The same with another size of payloads. */
    Place of(int otherSize) {
        return new Place(server, version, storage, otherSize);
    }

    boolean isStored() {
        return storage != null;
    }

    String title() {
        return String.format(
                "nats-server %s, %s, %s",
                version,
                !isStored() ? "core" : storage == StorageType.File ? "file" : "memory",
                size < 1_000 ? size + " B" : size / 1_000 + " kB");
    }

    /** First part of the subjects. */
    String namespace() {
        return isStored() ? "stored" : "tesla_telemetry";
    }

    String[] vins() {
        String[] vins = new String[VINS];
        Arrays.setAll(vins, i -> String.format("5YJ3E1EA1NF%06d", i));
        return vins;
    }

    String[] subjects() {
        return Arrays.stream(vins())
                .map(vin -> namespace() + "." + vin + ".data")
                .toArray(String[]::new);
    }

    byte[] payload() {
        byte[] payload = new byte[size];
        Arrays.fill(payload, (byte) 'x');
        return payload;
    }

    /** How many records wait for their confirmation at most. */
    int window() {
        int window = WINDOW_BYTES / (size + FRAME);
        return isStored() ? Math.min(window, STORED_WINDOW) : window;
    }

    /** How many records are published in a round: for a second or two. */
    int records() {
        if (!isStored()) {
            return size < 1_000 ? 2_000_000 : 400_000;
        }
        return size < 1_000 ? 150_000 : 60_000;
    }

    /** Whether the server knows fast-ingest batches. */
    boolean hasBatches() {
        return isStored() && server.knowsBatches();
    }

    /** Puts an empty stream in the place of the one before: every round begins alike. */
    void clear() throws IOException, InterruptedException, JetStreamApiException {
        if (!isStored()) {
            return;
        }
        try (Connection connection = Nats.connect(server.url())) {
            JetStreamManagement streams = connection.jetStreamManagement();
            if (streams.getStreamNames().contains(STREAM)) {
                streams.deleteStream(STREAM);
            }
            streams.addStream(StreamConfiguration.builder()
                    .name(STREAM)
                    .subjects("stored.>")
                    .storageType(storage)
                    .duplicateWindow(Duration.ofSeconds(150))
                    .allowBatched(hasBatches())
                    .build());
        }
    }
}
