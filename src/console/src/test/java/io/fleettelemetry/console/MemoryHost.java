package io.fleettelemetry.console;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import io.fleettelemetry.host.TelemetryHost;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** A host that keeps what it is offered; what becomes of a record is for the test to say. */
final class MemoryHost implements TelemetryHost {

    /** The outcome of a record; null: it does not end. Confirmed V records are acknowledged. */
    volatile Function<TelemetryRecord, Outcome> outcome = record -> Outcome.CONFIRMED;

    HostStatus status = new HostStatus(Map.of(), Map.of(), List.of(), "", List.of());

    /** By datastore, where that is not the usual one. */
    final Map<String, String> destinations = new HashMap<>();

    final AtomicInteger offers = new AtomicInteger();

    /** The first thousand. */
    final List<TelemetryRecord> records = new CopyOnWriteArrayList<>();

    static Outcome failure(Failure.Kind kind, String reason) {
        return Outcome.failed("nats", new Failure(kind, reason));
    }

    @Override
    public Intake open(Source source) {
        return new Intake() {
            @Override
            public void offer(TelemetryRecord record) {
                take(record, source);
            }

            @Override
            public void close() {
                // what ends later is not told
            }
        };
    }

    private void take(TelemetryRecord record, Source source) {
        if (offers.incrementAndGet() <= 1_000) {
            records.add(record);
        }
        Outcome end = outcome.apply(record);
        if (end == null) {
            return;
        }
        if (end.confirmed() && record.type().equals("V")) {
            source.acknowledge(record);
        }
        source.ended(record, end);
    }

    @Override
    public String destination(TelemetryRecord record) {
        return "fleet." + record.vin() + "." + record.type();
    }

    @Override
    public String destination(TelemetryRecord record, String datastore) {
        return destinations.getOrDefault(datastore, destination(record));
    }

    @Override
    public HostStatus status() {
        return status;
    }
}
