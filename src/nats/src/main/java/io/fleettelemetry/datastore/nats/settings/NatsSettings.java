package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.settings.SettingsReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The configuration of one NATS datastore, checked and complete.
 *
 * @param connection settings whose change needs a new connection
 * @param limits settings whose change needs no new connection
 */
public record NatsSettings(ConnectionSettings connection, Limits limits) {

    /** All known keys. */
    public static final List<String> KNOWN_KEYS = Stream.of(
                    ConnectionSettings.KEYS, Limits.KEYS, TlsSettings.KEYS, Delivery.KEYS)
            .flatMap(List::stream)
            .toList();

    /**
     * Reads a Config Admin dictionary, or settings from another source with the same keys.
     *
     * @throws io.fleettelemetry.api.settings.SettingsException with every problem, if there is one
     */
    public static NatsSettings parse(Map<String, ?> properties) {
        SettingsReader reader = new SettingsReader(properties);
        Limits limits = Limits.parse(reader);
        NatsSettings settings = new NatsSettings(ConnectionSettings.parse(reader, limits.confirmTimeout()), limits);
        reader.check();
        return settings;
    }

    /** The name under which a refused configuration is shown: its own if that is a token, otherwise the default. */
    public static String datastoreName(Map<String, ?> properties) {
        String name = new SettingsReader(properties).text("datastore", Defaults.DATASTORE);
        return Token.is(name) ? name : Defaults.DATASTORE;
    }

    // Shortcuts to settings that many classes read.

    public String datastore() {
        return connection.datastore();
    }

    public String namespace() {
        return connection.namespace();
    }

    public String shownServers() {
        return connection.shownServers();
    }

    public Delivery delivery() {
        return connection.delivery();
    }

    public int ranking() {
        return limits.ranking();
    }

    public OnClosed onClosed() {
        return limits.onClosed();
    }

    public long inflightMaxBytes() {
        return limits.inflightMaxBytes();
    }

    public int inflightMaxRecords() {
        return limits.inflightMaxRecords();
    }

    public Duration confirmTimeout() {
        return limits.confirmTimeout();
    }

    public Duration drainTimeout() {
        return limits.drainTimeout();
    }

    public Duration heartbeat() {
        return limits.heartbeat();
    }

    public Duration silent() {
        return limits.silent();
    }

    /** The settings without secrets. */
    @Override
    public String toString() {
        return connection.toString();
    }
}
