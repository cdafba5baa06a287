package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A source that remembers what it was told. */
class Recorder implements Source {

    private final List<TelemetryRecord> acknowledged = new ArrayList<>();
    private final List<TelemetryRecord> ended = new ArrayList<>();
    private final List<Outcome> outcomes = new ArrayList<>();

    @Override
    public synchronized boolean acknowledge(TelemetryRecord record) {
        acknowledged.add(record);
        return true;
    }

    @Override
    public synchronized void ended(TelemetryRecord record, Outcome outcome) {
        ended.add(record);
        outcomes.add(outcome);
    }

    synchronized List<TelemetryRecord> acknowledged() {
        return List.copyOf(acknowledged);
    }

    synchronized List<TelemetryRecord> ended() {
        return List.copyOf(ended);
    }

    synchronized List<Outcome> outcomes() {
        return List.copyOf(outcomes);
    }

    Recorder awaitEnded(int count) {
        await("records ended")
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(5))
                .atMost(Duration.ofSeconds(20))
                .until(() -> ended().size() >= count);
        return this;
    }

    /** How the only record ended. */
    Outcome onlyOutcome() {
        return awaitEnded(1).outcomes().get(0);
    }
}
