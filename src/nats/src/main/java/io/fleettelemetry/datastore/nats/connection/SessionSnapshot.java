package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.jetstream.StreamsSnapshot;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;

/**
 * The state of a session at one moment, for the status.
 *
 * @param settings its settings
 * @param server the server that it is connected to; null if it is not connected
 * @param reconnects number of jnats' reconnects; null before the first connection
 * @param streams JetStream: the state of the streams; null in core NATS
 * @param isPreparing JetStream: whether it is still unknown if records can be stored
 * @param problem why nothing can be stored although there is a connection; empty if records can be stored, as far as is
 *     known
 * @param trouble the last problem; empty if there is none
 */
public record SessionSnapshot(
        NatsSettings settings,
        Server server,
        Long reconnects,
        StreamsSnapshot streams,
        boolean isPreparing,
        String problem,
        String trouble) {

    /** A server; its URL has no secrets. */
    public record Server(String url, String version, long maxPayload) {}

    public boolean isConnected() {
        return server != null;
    }
}
