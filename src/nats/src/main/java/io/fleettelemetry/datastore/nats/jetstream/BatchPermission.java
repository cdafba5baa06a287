package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.datastore.nats.settings.Delivery;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Knows whether records may go to the stream in batches: as the last answered look has shown, unless the stream itself
 * has refused a batch since. So a look that finds no leader does not change it.
 *
 * <p>The session's thread calls {@link #looked}; any thread may call the rest.
 */
final class BatchPermission {

    /** The stream has refused a batch. */
    private record Refusal(String why, long nanoTime) {}

    /** How long a refusal counts although looks show that batches are allowed. */
    private static final long REFUSED_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final boolean required;
    private final LongSupplier nanoTime;
    private volatile Batches shown;
    /** The refusal that counts; null if there is none. */
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

    /** @param newConnection whether this is the first look on this connection */
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

    /** Whether nothing may be published, because batches are required and not allowed. */
    boolean isMissing() {
        return required && stream().isEmpty();
    }

    /** The stream for batches; empty if each record gets an answer of its own. */
    String stream() {
        return refusal == null ? shown.stream() : "";
    }

    /** Why records may not go in batches; empty if they may. */
    String whyNot() {
        Refusal now = refusal;
        return now == null ? shown.whyNot() : now.why;
    }

    /** Why nothing may be published, in words. */
    String problem() {
        return "batch = required, but " + whyNot() + "; or set batch = auto";
    }
}
