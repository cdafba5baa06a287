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

/** What happens at a record's end: it is counted, its receipt is called, and a failure is logged and reported. */
final class RecordEnds implements Confirmer.Ends {

    private static final Log log = Logs.of(NatsDatastore.class);

    /** So much later than its time a record may expire. What was said right after it was offered is still a reason. */
    private static final long EXPIRY_NANOS = 1_000_000_000;

    /** So long after the server has refused records that is part of the status. */
    private static final long REFUSED_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Words of the server about records that it has refused. */
    private record Refused(String words, long nanos) {

        /** The words, if they are no older than that; else empty. */
        String within(long age) {
            return !words.isEmpty() && System.nanoTime() - nanos <= age ? words : "";
        }
    }

    private final Counts counts;
    private final Reports reports;
    private final RepeatedLog failures = new RepeatedLog();
    private final RepeatedLog receiptFailures = new RepeatedLog();
    private final RepeatedLog searches = new RepeatedLog();
    /** Null before {@link #of}. */
    private volatile Sessions sessions;
    /** What the server has refused last, and when. */
    private volatile Refused refused = new Refused("", 0);

    RecordEnds(Counts counts, Reports reports) {
        this.counts = counts;
        this.reports = reports;
    }

    /** To be called before any record ends. */
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
            // Then there is no place to say it; the record ends all the same.
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
        if (why.kind() != Failure.Kind.FULL && why.kind() != Failure.Kind.CLOSED) { // these two may pass
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
            // Then there is no place to say it.
        }
    }

    @Override
    public void refused(String words, boolean searching) {
        refused = new Refused(words, System.nanoTime());
        if (searching) {
            searches.write(leftOut -> log.warn(
                    "nats_denied datastore={} error=\"{}\" reason=\"the server refused a record; sending the latest records"
                            + " again, so that the server says which ones it refuses\" left_out={}",
                    datastore(),
                    PlainText.field(words),
                    leftOut));
        }
    }

    /** What the server said when it refused records, if it just has; else empty. */
    String justRefused() {
        return refused.within(REFUSED_NANOS);
    }

    @Override
    public Failure expired() {
        Session now = sessions.inUse();
        Duration timeout = now.settings().confirmTimeout();
        long since = timeout.toNanos() + EXPIRY_NANOS;
        String answered = now.streams() == null ? "" : now.streams().latest().lastWords(since);
        String words = refused.within(since);
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
