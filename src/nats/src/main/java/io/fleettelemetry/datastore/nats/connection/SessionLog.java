package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.nats.client.ConnectionListener.Events;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Supplier;

/** The log lines of a session. Each kind of problem has its own event name and is not repeated too often. */
final class SessionLog {

    private static final Log log = Logs.of(Session.class);

    /** Limit on the reasons that are remembered as logged, in case a server always gives another one. */
    private static final int MAX_REASONS = 20;

    private final Supplier<NatsSettings> settings;
    private final RepeatedLog attempts = new RepeatedLog();
    private final RepeatedLog errors = new RepeatedLog();
    private final RepeatedLog exceptions = new RepeatedLog();
    private final RepeatedLog discoveries = new RepeatedLog();
    private final RepeatedLog lameDucks = new RepeatedLog();
    /** The logged reasons of failed attempts since the last successful one. Used by the session's thread only. */
    private final Set<String> reasons = new HashSet<>();

    SessionLog(Supplier<NatsSettings> settings) {
        this.settings = settings;
    }

    private String datastore() {
        return settings.get().datastore();
    }

    // ---- By the session's thread -----------------------------------------------------------------------------------

    /** Logs each reason once. */
    void attemptFailed(String reason) {
        if (!reasons.contains(reason)) {
            attempts.write(leftOut -> logAttempt(reason, leftOut));
        }
    }

    private void logAttempt(String reason, long leftOut) {
        if (reasons.size() == MAX_REASONS) {
            reasons.clear();
        }
        reasons.add(reason);
        NatsSettings now = settings.get();
        log.warn(
                "nats_connect_failed datastore={} url={} reason=\"cannot connect: {}; trying again every {} ms\" left_out={}",
                now.datastore(),
                now.shownServers(),
                reason,
                now.connection().reconnectWait().toMillis(),
                leftOut);
    }

    void attemptSucceeded() {
        reasons.clear();
    }

    void connectingAgain(String error, String reason) {
        log.warn(
                "nats_disconnected datastore={} error=\"{}\" reason=\"{}; connecting again\"",
                datastore(),
                error,
                reason);
    }

    void limitRaised(long max, long before) {
        log.info(
                "nats_event datastore={} event=\"max_payload is {} now, was {}\" reason=\"connecting again\"",
                datastore(),
                max,
                before);
    }

    void bug(Throwable e) {
        attempts.write(leftOut -> log.error(
                "nats_internal_error datastore={} reason=\"internal error; connecting again\" left_out={}",
                datastore(),
                leftOut,
                e));
    }

    // ---- By any thread ---------------------------------------------------------------------------------------------

    void reconnectFailed(Exception e) {
        log.warn("nats_connect_failed datastore={} error=\"{}\"", datastore(), PlainText.field(e.toString()));
    }

    void notEnded() {
        log.error(
                "nats_internal_error datastore={} reason=\"the connection's thread has not ended in time\"",
                datastore());
    }

    // ---- By jnats' thread for callbacks ----------------------------------------------------------------------------

    void connected(String server) {
        log.info("nats_connected datastore={} server={}", datastore(), server);
    }

    void reconnected(String server) {
        log.info("nats_reconnected datastore={} server={}", datastore(), server);
    }

    void disconnected(String error) {
        log.warn("nats_disconnected datastore={} error=\"{}\"", datastore(), error);
    }

    void closedOnPurpose() {
        log.info("nats_closed datastore={} reason=\"closed on purpose\"", datastore());
    }

    void lameDuck(String server) {
        lameDucks.write(leftOut -> log.warn(
                "nats_event datastore={} event=\"lame duck\" server={} reason=\"it is about to shut down; moving"
                        + " to another\" left_out={}",
                datastore(),
                server,
                leftOut));
    }

    void discovered(Events event, String servers) {
        discoveries.write(leftOut -> log.info(
                "nats_event datastore={} event=\"{}\" servers=\"{}\" left_out={}",
                datastore(),
                event,
                PlainText.field(servers),
                leftOut));
    }

    void happened(Events event) {
        log.info("nats_event datastore={} event=\"{}\"", datastore(), event);
    }

    void serverError(String error) {
        errors.write(leftOut -> log.error(
                "nats_error datastore={} error=\"{}\" left_out={}", datastore(), PlainText.field(error), leftOut));
    }

    /**
     * @param unexpected whether it is not an exception that links or servers cause
     * @param connected whether jnats last reported that it is connected
     */
    void exception(String error, boolean unexpected, boolean connected) {
        exceptions.write(leftOut -> {
            String shown = PlainText.field(error);
            if (unexpected) {
                log.error("nats_internal_error datastore={} error=\"{}\" left_out={}", datastore(), shown, leftOut);
            } else if (connected) { // most likely the connection ends, which is logged next
                log.warn(
                        "nats_event datastore={} event=\"exception\" error=\"{}\" left_out={}",
                        datastore(),
                        shown,
                        leftOut);
            } else {
                log.warn("nats_connect_failed datastore={} error=\"{}\" left_out={}", datastore(), shown, leftOut);
            }
        });
    }
}
