package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.connection.Session;
import io.fleettelemetry.datastore.nats.journal.Confirmer;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** Ends records: counts them, calls their receipts, and logs and reports failures. */
final class RecordEnds implements Confirmer.Ends {

    private static final Log log = Logs.of(NatsDatastore.class);

    /** A record may expire this much (ns) after its time limit, so the reason may be this much older than the limit. */
    private static final long EXPIRY_NANOS = 1_000_000_000;

    /** How long the status shows that the server has refused records. */
    private static final long REFUSED_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** The server's words when it refused records, and when that was. */
    private record Refused(String words, long nanos) {}

    private final Counts counts;
    private final Reports reports;
    private final LongSupplier nanoTime;
    private final RepeatedLog failures = new RepeatedLog();
    private final RepeatedLog receiptFailures = new RepeatedLog();
    private final RepeatedLog searches = new RepeatedLog();
    /** Null before {@link #of}. */
    private volatile Sessions sessions;
    /** The server's last refusal. */
    private volatile Refused refused = new Refused("", 0);

    RecordEnds(Counts counts, Reports reports, LongSupplier nanoTime) {
        this.counts = counts;
        this.reports = reports;
        this.nanoTime = nanoTime;
    }

    /** Must be called before any record ends. */
    void of(Sessions sessions) {
        this.sessions = sessions;
    }

    /** The server has the record. */
    @Override
    public void confirmed(TelemetryRecord record, Receipt receipt) {
        Counts.OfType count = counts.of(record.type());
        count.confirmed.increment();
        count.confirmedBytes.add(record.payload().length);
        try {
            if (receipt.confirmed(record)) {
                count.reliableAcks.increment();
            }
        } catch (RuntimeException | Error e) {
            receiptThrew(record, e);
        }
    }

    /** The server is not known to have the record, whether it was accepted or not. */
    @Override
    public void failed(TelemetryRecord record, Receipt receipt, Failure why) {
        counts.of(record.type()).failed.increment();
        try {
            tell(record, why);
        } catch (RuntimeException | Error noMemory) {
            // Then there is nowhere to report it. The record ends anyway.
        }
        try {
            receipt.failed(record, why);
        } catch (RuntimeException | Error e) {
            receiptThrew(record, e);
        }
    }

    private void tell(TelemetryRecord record, Failure why) {
        failures.write(leftOut -> log.error(
                "nats_err datastore={} kind={} reason=\"{}\" vin=\"{}\" record_type=\"{}\" txid=\"{}\" left_out={}",
                datastore(),
                why.kind(),
                PlainText.field(why.reason()),
                PlainText.field(record.vin()),
                PlainText.field(record.type()),
                PlainText.field(record.txid()),
                leftOut));
        if (why.kind() != Failure.Kind.FULL && why.kind() != Failure.Kind.CLOSED) { // these two may be temporary
            reports.report(
                    "nats_err",
                    Map.of(
                            "datastore", datastore(),
                            "kind", why.kind().name(),
                            "reason", PlainText.field(why.reason()),
                            "vin", PlainText.field(record.vin()),
                            "record_type", PlainText.field(record.type()),
                            "txid", PlainText.field(record.txid())));
        }
    }

    private void receiptThrew(TelemetryRecord record, Throwable e) {
        try {
            receiptFailures.write(leftOut -> log.error(
                    "nats_callback_failed datastore={} reason=\"a receipt of the host threw an exception\" record=\"{}\" left_out={}",
                    datastore(),
                    PlainText.field(record.toString()),
                    leftOut,
                    e));
        } catch (RuntimeException | Error noMemory) {
            // Then there is nowhere to report it.
        }
    }

    @Override
    public void refused(String words, boolean searching) {
        refused = new Refused(words, nanoTime.getAsLong());
        if (searching) {
            searches.write(leftOut -> log.warn(
                    "nats_denied datastore={} error=\"{}\" reason=\"the server refused a record; sending the latest records"
                            + " again, so that the server says which ones it refuses\" left_out={}",
                    datastore(),
                    PlainText.field(words),
                    leftOut));
        }
    }

    /** The server's words if it has just refused records; otherwise empty. */
    String justRefused() {
        return refusedWithin(REFUSED_NANOS);
    }

    private String refusedWithin(long nanos) {
        Refused last = refused;
        return !last.words.isEmpty() && nanoTime.getAsLong() - last.nanos <= nanos ? last.words : "";
    }

    @Override
    public Failure expired() {
        Session now = sessions.inUse();
        Duration timeout = now.settings().confirmTimeout();
        long since = timeout.toNanos() + EXPIRY_NANOS;
        String answered = now.streams() == null ? "" : now.streams().latest().lastWords(since);
        String words = refusedWithin(since);
        return new Failure(
                Failure.Kind.EXPIRED,
                "not confirmed within confirm.timeout.ms = "
                        + timeout.toMillis()
                        + (now.trouble().isEmpty() ? "" : "; " + now.trouble())
                        + (answered.isEmpty() ? "" : "; " + answered)
                        + (words.isEmpty() ? "" : "; the server refused records: " + words));
    }

    private String datastore() {
        return sessions.settings().datastore();
    }
}
