package io.fleettelemetry.datastore.nats.settings;

import io.fleettelemetry.api.settings.SettingsReader;
import java.time.Duration;
import java.util.List;

/**
 * What neither the connection nor its frames depend on: a change of these needs no new connection, and can be in force while
 * there is none.
 *
 * @param ranking which of several datastores with one name is taken: the highest
 * @param inflightMaxBytes bound of what is accepted and not yet ended: messages, and 128 bytes for each record
 * @param inflightMaxRecords bound of the same in records
 * @param confirmTimeout after which a record that is not confirmed fails
 * @param drainTimeout how long closing waits for confirmations
 * @param heartbeat after which an idle connection is asked for a sign of life
 * @param silent after which a connection that neither takes bytes nor answers is given up
 * @param onClosed what is done when jnats gives the connection up
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
