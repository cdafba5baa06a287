package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonObject;
import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Threads;
import io.fleettelemetry.api.kit.Uninterrupted;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;

/**
 * The datastore {@code logger}: writes each record to the log, decoded, as one line of JSON.
 *
 * <p>One thread writes the lines and calls the receipts, in the order of the offers. So a log that is slow or hangs
 * delays no caller. The records that wait for it are limited; further records are refused as {@link Failure.Kind#FULL}.
 * A record is confirmed when the logging framework has taken its line. A record that cannot be decoded fails as
 * {@link Failure.Kind#INVALID}, and the log has the event {@code record_logging_error} in its place.
 *
 * <p>Every message is an event's name, a blank, and the event's fields as a JSON object:
 * {@code record_payload {"vin":"…","metadata":{…},"data":{…}}}.
 */
final class LoggerDatastore implements CloseableProducer {

    /** The name that routes use. */
    static final String NAME = "logger";

    static final Threads threads = new Threads(LoggerDatastore.class);

    /** Longest wait for the accepted records on closing. */
    private static final Duration DRAIN = Duration.ofSeconds(2);
    /** Longest wait after that for the thread, which may be writing a line. */
    private static final Duration LAST_LINE = Duration.ofSeconds(1);

    private final Logger log;
    private final RecordJson json;
    private final Backlog backlog = new Backlog();
    private final Thread writer = threads.of("logger-write", this::run);
    private final LongAdder confirmed = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private volatile LoggerSettings settings;
    private volatile Optional<String> settingsProblem = Optional.empty();

    LoggerDatastore(Logger log, LoggerSettings settings) {
        this.log = log;
        this.json = new RecordJson(log);
        this.settings = settings;
        writer.setDaemon(true); // a log that hangs must not prevent the end of the process
    }

    /** Starts to write. */
    void open() {
        writer.start();
    }

    /** Puts settings in force, for records that are offered from now on. */
    void use(LoggerSettings settings) {
        this.settings = settings;
    }

    /** Sets the problem of refused settings that {@link #status} shows; empty if there is none. */
    void settingsProblem(Optional<String> problem) {
        settingsProblem = problem;
    }

    @Override
    public void produce(TelemetryRecord record, Receipt receipt) {
        Backlog.Entry entry = new Backlog.Entry(record, receipt, settings.verbose());
        backlog.offer(entry).ifPresent(why -> end(entry, Optional.of(why)));
    }

    private void run() {
        for (Backlog.Entry entry = backlog.oldest(); entry != null; entry = backlog.oldest()) {
            Optional<Failure> failure = write(entry);
            if (backlog.end(entry)) {
                end(entry, failure);
            }
        }
    }

    /** Writes the record's line, or a line that says why it has none; returns the failure, if there is one. */
    private Optional<Failure> write(Backlog.Entry entry) {
        try {
            JsonObject fields = json.envelope(entry.record());
            try {
                fields.add("data", json.data(entry.record(), entry.verbose()));
                log.info("record_payload {}", RecordJson.line(fields));
                return Optional.empty();
            } catch (RecordJson.Unreadable e) {
                fields.addProperty("txtype", entry.record().type());
                fields.addProperty("error", e.getMessage());
                log.error("record_logging_error {}", RecordJson.line(fields));
                return Optional.of(new Failure(Failure.Kind.INVALID, e.getMessage()));
            }
        } catch (Throwable e) { // an appender may throw anything; the record must end, and the thread must not
            return Optional.of(new Failure(Failure.Kind.ERROR, "the record could not be logged: " + e));
        }
    }

    private void end(Backlog.Entry entry, Optional<Failure> failure) {
        failure.ifPresentOrElse(why -> failed.increment(), confirmed::increment);
        try {
            if (failure.isPresent()) {
                entry.receipt().failed(entry.record(), failure.get());
            } else {
                entry.receipt().confirmed(entry.record());
            }
        } catch (Throwable e) { // also errors: a host that is being replaced throws LinkageErrors
            complain(entry, e);
        }
    }

    private void complain(Backlog.Entry entry, Throwable e) {
        try {
            log.error("logger_callback_failed {}", RecordJson.line(json.envelope(entry.record())), e);
        } catch (Throwable again) {
            // Then there is nowhere to report it.
        }
    }

    @Override
    public String destination(TelemetryRecord record) {
        return "log";
    }

    @Override
    public Status status() {
        Map<String, String> details = new LinkedHashMap<>();
        details.put("confirmed_records", Long.toString(confirmed.sum()));
        details.put("failed_records", Long.toString(failed.sum()));
        details.put("waiting_records", Integer.toString(backlog.records()));
        details.put("verbose", Boolean.toString(settings.verbose()));
        Optional<String> wrong = settingsProblem;
        if (backlog.isClosed()) {
            return new Status(Status.State.CRITICAL, "closed", details);
        }
        if (backlog.isFull()) {
            return new Status(
                    Status.State.WARN, "the log is slower than the records arrive; look at its appenders", details);
        }
        return wrong.map(reason -> new Status(
                        Status.State.WARN,
                        "new settings were refused, the last good ones are in force: " + reason,
                        details))
                .orElseGet(() -> new Status(Status.State.OK, "records are written to the log", details));
    }

    /**
     * Closes the datastore. Waiting records get a moment to be written. If the log hangs, the thread that closes fails
     * the rest, because the writing thread hangs as well; that thread ends as soon as the log returns.
     */
    @Override
    public void close() {
        backlog.close();
        if (Thread.currentThread() == writer) {
            return; // called from a receipt: this thread would wait for itself; it continues after the receipt
        }
        awaitWriter(DRAIN);
        Failure why =
                new Failure(Failure.Kind.CLOSED, "the logger datastore was closed before it had logged the record");
        backlog.takeAway().forEach(entry -> end(entry, Optional.of(why)));
        awaitWriter(LAST_LINE);
    }

    private void awaitWriter(Duration longest) {
        Uninterrupted.join(writer, longest.toMillis());
    }
}
