package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.settings.SettingsReader;
import java.time.Duration;
import java.util.List;

/**
 * The settings that need no new connection. A change takes effect even while there is no connection.
 *
 * @param ranking rank among datastores of one name: the highest is used
 * @param inflightMaxBytes limit (bytes) on records that are accepted and have not ended: messages, plus 128 for each
 *     record
 * @param inflightMaxRecords the same limit in records
 * @param confirmTimeout time after which a record that is not confirmed fails
 * @param drainTimeout longest wait for confirmations on closing
 * @param heartbeat idle time after which the server is sent a PING
 * @param silent time after which a connection that neither takes bytes nor answers is replaced
 * @param onClosed reaction when jnats gives the connection up
 */
public record Limits(
        int ranking,
        long inflightMaxBytes,
        int inflightMaxRecords,
        Duration confirmTimeout,
        Duration drainTimeout,
        Duration heartbeat,
        Duration silent,
        OnClosed onClosed) {

    static final List<String> KEYS = List.of(
            "inflight.max.bytes",
            "inflight.max.records",
            "confirm.timeout.ms",
            "drain.timeout.ms",
            "heartbeat.ms",
            "silent.ms",
            "on.closed");

    static Limits parse(SettingsReader reader) {
        Duration confirmTimeout = reader.millis(
                "confirm.timeout.ms", Duration.ofMillis(Defaults.CONFIRM_TIMEOUT_MS), Duration.ofMillis(100));
        Limits limits = new Limits(
                (int) reader.number("service.ranking", Defaults.RANKING, Integer.MIN_VALUE, Integer.MAX_VALUE),
                reader.number("inflight.max.bytes", Defaults.INFLIGHT_MAX_BYTES, 1, Long.MAX_VALUE),
                (int) reader.number("inflight.max.records", Defaults.INFLIGHT_MAX_RECORDS, 1, Integer.MAX_VALUE),
                confirmTimeout,
                reader.millis("drain.timeout.ms", Duration.ofMillis(Defaults.DRAIN_TIMEOUT_MS), Duration.ZERO),
                reader.millis("heartbeat.ms", Duration.ofMillis(Defaults.HEARTBEAT_MS), Duration.ofMillis(10)),
                reader.millis(
                        "silent.ms",
                        min(Duration.ofMillis(Defaults.SILENT_MS), confirmTimeout),
                        Duration.ofMillis(100)),
                reader.choice("on.closed", OnClosed.of(Defaults.ON_CLOSED)));
        if (limits.silent.compareTo(confirmTimeout) > 0) {
            reader.refuse(
                    "silent.ms",
                    "must not be longer than confirm.timeout.ms = " + confirmTimeout.toMillis()
                            + ": records would fail before a dead connection is replaced");
        }
        return limits;
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }
}
