package io.fleettelemetry.datastore.nats.jetstream;

import io.nats.client.JetStreamApiException;
import io.nats.client.api.StreamConfiguration;
import java.util.Map;

/**
 * The differences between versions of nats-server, as the server itself reports them: from 2.11 on, the server that
 * leads a stream adds its API level to the stream's metadata.
 */
record ServerFeatures(int apiLevel) {

    private static final String LEVEL = "_nats.level";
    /** The API level of nats-server 2.14, which has batches. */
    private static final int BATCHES = 4;

    /** The error for an unknown field in a request. Servers before 2.12 ignore the field instead. */
    private static final int INVALID_REQUEST = 10_025;

    /** The features of the server that leads this stream. */
    static ServerFeatures of(StreamConfiguration stream) {
        Map<String, String> metadata = stream.getMetadata();
        String level = metadata == null ? "" : metadata.getOrDefault(LEVEL, "");
        return new ServerFeatures(level.matches("[0-9]{1,9}") ? Integer.parseInt(level) : 0);
    }

    /** Whether a stream can allow batches. */
    boolean hasBatches() {
        return apiLevel >= BATCHES;
    }

    /** Whether the server has refused a request because of a field that it does not know. */
    static boolean isFieldUnknown(JetStreamApiException refusal) {
        return refusal.getApiErrorCode() == INVALID_REQUEST;
    }
}
