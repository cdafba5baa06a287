package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.Status.State;
import io.fleettelemetry.datastore.nats.connection.SessionSnapshot;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Makes the datastore's status from the states of its parts at one moment.
 *
 * @param inUse the session in use
 * @param next the session that takes over next; null if there is none
 * @param journal the records in flight
 * @param isClosed whether the datastore is closed, or is being closed
 * @param missingThreads the names of the threads that should run and do not; empty if none is missing
 * @param lost why jnats closed the connection in use; empty if it has not, or if there is a new one
 * @param refusedSettings the problems of newer settings; empty if they were not refused
 * @param refusedRecords the server's words if it has just refused records; otherwise empty
 */
record StatusReport(
        SessionSnapshot inUse,
        SessionSnapshot next,
        InFlight journal,
        boolean isClosed,
        String missingThreads,
        String lost,
        List<String> refusedSettings,
        String refusedRecords) {

    /**
     * The records in flight.
     *
     * @param records number of records
     * @param bytes their bytes, as counted by {@code inflight.max.bytes}
     * @param lateAnswers JetStream: answers to records that had ended
     * @param inBatches JetStream: whether records go out in batches
     * @param unanswered JetStream: that no stream answers, in words; empty if one does
     */
    record InFlight(long records, long bytes, long lateAnswers, boolean inBatches, String unanswered) {}

    Status status() {
        if (isClosed) {
            return status(State.CRITICAL, "closed");
        }
        if (!missingThreads.isEmpty()) {
            return status(
                    State.CRITICAL,
                    "threads are missing and are being started again: " + missingThreads
                            + "; if this lasts, give the process more memory or threads");
        }
        String pending = pendingChange();
        String alsoPending = pending.isEmpty() ? "" : "; " + pending;
        if (!lost.isEmpty()) {
            return status(
                    State.CRITICAL,
                    "the connection was closed unexpectedly: " + lost + "; connecting again to " + servers() + ": "
                            + inUse.trouble() + alsoPending);
        }
        String nothingStored = whyNothingIsStored();
        if (!nothingStored.isEmpty()) {
            return status(State.CRITICAL, nothingStored + alsoPending);
        }
        if (!pending.isEmpty()) {
            return status(State.WARN, pending);
        }
        return inUse.isConnected()
                ? connected()
                : status(State.WARN, "connecting to " + servers() + ", records wait: " + inUse.trouble());
    }

    private Status connected() {
        if (inUse.isPreparing()) {
            return status(State.WARN, "connected; asking JetStream for its streams, records wait");
        }
        List<String> sentences = new ArrayList<>(List.of("connected"));
        if (inUse.streams() != null) {
            sentences.addAll(inUse.streams().warnings());
        }
        if (!refusedRecords.isEmpty()) {
            sentences.add("the server refused records: " + refusedRecords);
        }
        if (sentences.size() > 1) {
            return status(State.WARN, String.join("; ", sentences));
        }
        return journal.unanswered.isEmpty()
                ? status(State.OK, "connected")
                : status(State.WARN, "connected; " + journal.unanswered);
    }

    private String whyNothingIsStored() {
        boolean mayBeAnswered = inUse.problem().isEmpty() && inUse.streams() != null && inUse.isConnected();
        return mayBeAnswered ? inUse.streams().whyNothingIsStored() : inUse.problem();
    }

    /** The state of new settings that are not in force yet; empty if there are none. */
    private String pendingChange() {
        List<String> sentences = new ArrayList<>();
        if (!refusedSettings.isEmpty()) {
            sentences.add("new settings were refused, the last good ones are in force: "
                    + String.join("; ", refusedSettings));
        }
        if (next != null && next.settings().equals(inUse.settings())) {
            sentences.add("the server is about to shut down; connecting to another one: " + next.trouble());
        } else if (next != null) {
            sentences.add("new settings wait for their connection to "
                    + next.settings().shownServers() + " and the old ones are in force: " + next.trouble());
        }
        return String.join("; ", sentences);
    }

    private String servers() {
        return inUse.settings().shownServers();
    }

    private Status status(State state, String summary) {
        return new Status(state, summary, details());
    }

    private Map<String, String> details() {
        NatsSettings settings = inUse.settings();
        Map<String, String> details = new LinkedHashMap<>();
        details.put("url", servers());
        details.put("namespace", settings.namespace());
        if (inUse.isConnected()) {
            details.put("server", inUse.server().url());
            details.put("server_version", inUse.server().version());
            details.put("max_payload", String.valueOf(inUse.server().maxPayload()));
        }
        if (inUse.reconnects() != null) {
            details.put("reconnects", String.valueOf(inUse.reconnects()));
        }
        details.put("delivery", settings.delivery().mode().name().toLowerCase(Locale.ROOT));
        if (inUse.streams() != null) {
            details.put("streams", inUse.streams().streams());
            details.put("confirmed_by", journal.inBatches ? "batches" : "answers");
            if (!journal.inBatches) {
                String why = inUse.streams().whyNoBatch();
                details.put("why_no_batches", why.isEmpty() ? "the next connection uses them" : why);
            }
            details.put("late_acks", String.valueOf(journal.lateAnswers));
            details.put("unexpected_replies", String.valueOf(inUse.streams().unexpectedReplies()));
        }
        details.put("in_flight_records", String.valueOf(journal.records));
        details.put("in_flight_bytes", String.valueOf(journal.bytes));
        details.put("in_flight_max_bytes", String.valueOf(settings.inflightMaxBytes()));
        return details;
    }
}
