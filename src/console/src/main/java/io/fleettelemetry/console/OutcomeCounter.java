package io.fleettelemetry.console;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import java.util.LinkedHashMap;
import java.util.Map;

/** A source that counts how its records end. Thread-safe. */
final class OutcomeCounter implements Source {

    /** Number of different reasons that are kept; every further reason is {@link #OTHER}. */
    static final int REASONS = 5;

    static final String OTHER = "other reasons";

    private long offered;
    private long confirmed;
    private long failed;
    private long acks;
    private final Map<String, Long> failures = new LinkedHashMap<>();
    private boolean hostClosed;

    /**
     * The counts at one moment.
     *
     * @param failures number of failed records by reason, in the order of the first occurrence
     */
    record Counts(long offered, long confirmed, long failed, long acks, Map<String, Long> failures) {

        /** Offered and not yet ended. */
        long inFlight() {
            return offered - confirmed - failed;
        }
    }

    /** Counts a record. Must be called before the record is offered. */
    synchronized void offering() {
        offered++;
    }

    @Override
    public synchronized boolean acknowledge(TelemetryRecord record) {
        acks++;
        return true;
    }

    @Override
    public synchronized void ended(TelemetryRecord record, Outcome outcome) {
        if (outcome.confirmed()) {
            confirmed++;
        } else {
            failed++;
            String reason = reason(outcome);
            boolean known = failures.containsKey(reason) || failures.size() < REASONS;
            failures.merge(known ? reason : OTHER, 1L, Long::sum);
            hostClosed |= outcome.failure().kind() == Failure.Kind.CLOSED;
        }
        if (confirmed + failed == offered) {
            notifyAll();
        }
    }

    /** Whether the host takes no more records. A closed datastore does not matter here. */
    synchronized boolean hostClosed() {
        return hostClosed;
    }

    synchronized Counts counts() {
        return new Counts(offered, confirmed, failed, acks, new LinkedHashMap<>(failures));
    }

    /**
     * Waits until every record has ended.
     *
     * @param millis longest wait (ms)
     * @return whether every record has ended
     */
    synchronized boolean await(long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000;
        while (confirmed + failed < offered) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return false;
            }
            wait(left);
        }
        return true;
    }

    /** A failed record's reason, with the datastore that failed it, if one did. */
    static String reason(Outcome outcome) {
        String reason = outcome.failure().reason();
        return outcome.datastore().isEmpty() ? reason : outcome.datastore() + ": " + reason;
    }
}
