package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.Map;

/** The log lines and error reports about lost sessions, and about sessions that take over from each other. */
final class SessionsLog {

    private static final Log log = Logs.of(NatsDatastore.class);

    private final Reports reports;

    SessionsLog(Reports reports) {
        this.reports = reports;
    }

    /** jnats has closed the connection of a session that is not in use. */
    void connectingAgain(NatsSettings settings, String cause) {
        log.warn(
                "nats_connect_failed datastore={} url={} error=\"{}\" reason=\"jnats gave the connection up; connecting"
                        + " again\"",
                settings.datastore(),
                settings.shownServers(),
                cause);
    }

    /** jnats has closed the connection in use. */
    void lost(NatsSettings settings, String cause, String onClosed) {
        log.error(
                "nats_closed datastore={} error=\"{}\" url={} reason=\"jnats gave the connection up\" on.closed={}",
                settings.datastore(),
                cause,
                settings.shownServers(),
                onClosed);
        reports.report(
                "nats_closed",
                Map.of("datastore", settings.datastore(), "url", settings.shownServers(), "cause", cause));
    }

    void switched(NatsSettings from, NatsSettings to) {
        log.info("nats_switched datastore={} from=\"{}\" to=\"{}\"", to.datastore(), from, to);
    }
}
