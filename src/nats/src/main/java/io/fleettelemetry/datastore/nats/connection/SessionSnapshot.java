package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.jetstream.StreamsSnapshot;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;

/**
 * How a session is at one moment, for the status.
 *
 * @param server the server that it is connected to; null if it is not
 * @param reconnects how often jnats has reconnected; null before the first connection
 * @param streams JetStream: what is known of them; null in core NATS
 * @param isPreparing JetStream: whether it is not known yet that something can be stored
 * @param problem why nothing can be stored, although there is a connection; empty if something can, as far as is known
 * @param trouble what was wrong last; empty if nothing was
 */
public record SessionSnapshot(
        NatsSettings settings,
        Server server,
        Long reconnects,
        StreamsSnapshot streams,
        boolean isPreparing,
        String problem,
        String trouble) {

    /** A server, by its URL without secrets. */
    public record Server(String url, String version, long maxPayload) {}

    public boolean isConnected() {
        return server != null;
    }
}
