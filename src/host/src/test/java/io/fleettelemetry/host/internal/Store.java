package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/** A datastore in memory with a bounded number of records in flight, which end when the test says so. */
final class Store implements Producer {

    private record InFlight(TelemetryRecord record, Receipt receipt) {}

    private final Deque<InFlight> inFlight = new ArrayDeque<>();
    private final List<TelemetryRecord> stored = new ArrayList<>();
    private final int capacity;
    private boolean confirmsAtOnce;
    private boolean closed;
    private volatile Status status = new Status(Status.State.OK, "open", Map.of());

    /** One that confirms every record at once. */
    static Store open() {
        Store store = new Store(Integer.MAX_VALUE);
        store.confirmsAtOnce = true;
        return store;
    }

    /** One that keeps records in flight, this many at most, until {@link #confirm}. */
    static Store bounded(int capacity) {
        return new Store(capacity);
    }

    private Store(int capacity) {
        this.capacity = capacity;
    }

    @Override
    public void produce(TelemetryRecord record, Receipt receipt) {
        Failure refusal = null;
        boolean confirm = false;
        synchronized (this) {
            if (closed) {
                refusal = new Failure(Failure.Kind.CLOSED, "closed by the test");
            } else if (confirmsAtOnce) {
                stored.add(record);
                confirm = true;
            } else if (inFlight.size() == capacity) {
                refusal = new Failure(Failure.Kind.FULL, "full by the test");
            } else {
                inFlight.add(new InFlight(record, receipt));
            }
        }
        if (refusal != null) {
            receipt.failed(record, refusal);
        } else if (confirm) {
            receipt.confirmed(record);
        }
    }

    @Override
    public Status status() {
        return status;
    }

    /** From now on says that it cannot work. */
    void fall() {
        status = new Status(Status.State.CRITICAL, "fallen", Map.of());
    }

    /** Confirms the oldest records in flight, this many. */
    void confirm(int count) {
        for (int i = 0; i < count; i++) {
            InFlight oldest = take();
            synchronized (this) {
                stored.add(oldest.record);
            }
            oldest.receipt.confirmed(oldest.record);
        }
    }

    /** Fails the oldest record in flight. */
    void fail(Failure why) {
        InFlight oldest = take();
        oldest.receipt.failed(oldest.record, why);
    }

    private InFlight take() {
        await("a record in flight")
                .pollInterval(Duration.ofMillis(1))
                .atMost(Duration.ofSeconds(20))
                .until(() -> inFlight() > 0);
        synchronized (this) {
            return inFlight.remove();
        }
    }

    /** Takes nothing more, and gives back what is in flight. */
    void close() {
        List<InFlight> back;
        synchronized (this) {
            closed = true;
            back = List.copyOf(inFlight);
            inFlight.clear();
        }
        back.forEach(f -> f.receipt.failed(f.record, new Failure(Failure.Kind.CLOSED, "closed by the test")));
    }

    synchronized int inFlight() {
        return inFlight.size();
    }

    /** Transaction ids of what was confirmed, in that order. */
    synchronized List<String> stored() {
        return stored.stream().map(TelemetryRecord::txid).toList();
    }
}
