package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.datastore.nats.settings.Delivery;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Whether records may go to the stream in batches: what the last look that was answered has shown, unless the stream itself
 * has refused one since. So a look that finds no leader does not change it.
 *
 * <p>{@link #looked} is called by the session's thread, the rest by any.
 */
final class BatchPermission {

    /** The stream has refused a batch. */
    private record Refusal(String why, long nanoTime) {}

    /** For how long a refusal counts although looks show that batches are allowed. */
    private static final long REFUSED_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final boolean required;
    private final LongSupplier nanoTime;
    private volatile Batches shown;
    /** Null if there is none that counts. */
    private volatile Refusal refusal;

    BatchPermission(Delivery delivery, LongSupplier nanoTime) {
        this.required = delivery.batch() == Delivery.Batch.REQUIRED;
        this.nanoTime = nanoTime;
        this.shown = Batches.no(
                delivery.batch() == Delivery.Batch.OFF
                        ? "batch = off"
                        : delivery.setup() == Delivery.Setup.OFF
                                ? "stream.setup = off, so JetStream is not asked whether the stream allows batches"
                                : "JetStream has not said yet whether the stream allows batches");
    }

    /** @param newConnection whether nobody had looked by this connection */
    void looked(StreamReport report, boolean newConnection) {
        if (report.answered()) {
            shown = report.batches();
        }
        Refusal now = refusal;
        if (now != null
                && (newConnection
                        || !shown.whyNot().isEmpty()
                        || nanoTime.getAsLong() - now.nanoTime >= REFUSED_NANOS)) {
            refusal = null;
        }
    }

    void refused(String why) {
        refusal = new Refusal(why, nanoTime.getAsLong());
    }

    boolean isRefused() {
        return refusal != null;
    }

    /** Whether nothing may be published, because it could only go record by record. */
    boolean isMissing() {
        return required && stream().isEmpty();
    }

    /** Empty if records are to go one by one. */
    String stream() {
        return refusal == null ? shown.stream() : "";
    }

    /** Empty if records may go in batches. */
    String whyNot() {
        Refusal now = refusal;
        return now == null ? shown.whyNot() : now.why;
    }

    /** Why nothing may be published, in words. */
    String problem() {
        return "batch = required, but " + whyNot() + "; or set batch = auto";
    }
}
