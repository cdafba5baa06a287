package io.fleettelemetry.datastore.nats;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A receipt that remembers how each record ended, and fails the test if one ends twice. */
public final class Outcomes implements Receipt {

    private final List<TelemetryRecord> confirmed = new ArrayList<>();
    private final List<TelemetryRecord> failed = new ArrayList<>();
    private final List<Failure> failures = new ArrayList<>();

    @Override
    public synchronized boolean confirmed(TelemetryRecord record) {
        confirmed.add(record);
        return record.type().equals("V");
    }

    @Override
    public synchronized void failed(TelemetryRecord record, Failure why) {
        failed.add(record);
        failures.add(why);
    }

    public synchronized List<TelemetryRecord> confirmed() {
        return List.copyOf(confirmed);
    }

    public synchronized List<TelemetryRecord> failed() {
        return List.copyOf(failed);
    }

    public synchronized List<Failure> failures() {
        return List.copyOf(failures);
    }

    public synchronized int ended() {
        return confirmed.size() + failed.size();
    }

    /** Waits until this many records have ended, and checks that none of them did so twice. */
    public Outcomes awaitEnded(int count) {
        await("records ended")
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(5))
                .atMost(Duration.ofSeconds(20))
                .until(() -> ended() >= count);
        assertEquals(
                count,
                Stream.concat(confirmed().stream(), failed().stream())
                        .distinct()
                        .count());
        assertEquals(count, ended());
        return this;
    }
}
