package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonObject;
import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;

/**
 * The datastore {@code logger}: writes each record to the log, decoded, as one line of JSON.
 *
 * <p>All its work is done, and every receipt called, on the caller's thread before {@link #produce} returns. A record is
 * confirmed when the logging framework has taken its line. One that cannot be decoded fails as
 * {@link Failure.Kind#INVALID}; the log then has the event {@code record_logging_error} in its place.
 *
 * <p>Every message is an event's name, a blank, and the event's fields as a JSON object:
 * {@code record_payload {"vin":"…","metadata":{…},"data":{…}}}.
 */
final class LoggerDatastore implements CloseableProducer {

    /** The name that routes use. */
    static final String NAME = "logger";

    private final Logger log;
    private final RecordJson json;
    private final LongAdder confirmed = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private volatile LoggerSettings settings;
    private volatile Optional<String> refusal = Optional.empty();
    private volatile boolean closed;

    LoggerDatastore(Logger log, LoggerSettings settings) {
        this.log = log;
        this.json = new RecordJson(log);
        this.settings = settings;
    }

    /** From the next record on, works by these settings. */
    void use(LoggerSettings settings) {
        this.settings = settings;
        refusal = Optional.empty();
    }

    /**
     * Stays with the settings it has, because the new ones are wrong. Says so in the log, once however often they are
     * delivered, and in {@link #status} until right ones come.
     *
     * @param reason key, value and what is wrong with it
     */
    void refuse(String reason) {
        Optional<String> before = refusal;
        refusal = Optional.of(reason);
        if (!refusal.equals(before)) {
            JsonObject fields = new JsonObject();
            fields.addProperty("error", reason);
            log.error("logger_configuration_refused {}", fields);
        }
    }

    @Override
    public void produce(TelemetryRecord record, Receipt receipt) {
        Optional<Failure> failure = write(record);
        failure.ifPresentOrElse(why -> failed.increment(), confirmed::increment);
        try {
            if (failure.isPresent()) {
                receipt.failed(record, failure.get());
            } else {
                receipt.confirmed(record);
            }
        } catch (Throwable e) { // not only exceptions: a host that is being replaced throws LinkageErrors
            log.error("logger_receipt_error {}", json.envelope(record), e);
        }
    }

    /** Writes the record's line, or the one that says why there is none; returns what went wrong, if anything. */
    private Optional<Failure> write(TelemetryRecord record) {
        if (closed) {
            return Optional.of(new Failure(Failure.Kind.CLOSED, "the logger datastore is closed"));
        }
        try {
            JsonObject fields = json.envelope(record);
            try {
                fields.add("data", json.data(record, settings.verbose()));
                log.info("record_payload {}", fields);
                return Optional.empty();
            } catch (RecordJson.Unreadable e) {
                fields.addProperty("txtype", record.type());
                fields.addProperty("error", e.getMessage());
                log.error("record_logging_error {}", fields);
                return Optional.of(new Failure(Failure.Kind.INVALID, e.getMessage()));
            }
        } catch (RuntimeException e) { // an appender may throw; the record must end all the same
            return Optional.of(new Failure(Failure.Kind.ERROR, "the log did not take the record: " + e));
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
        details.put("verbose", Boolean.toString(settings.verbose()));
        Optional<String> wrong = refusal;
        if (closed) {
            return new Status(Status.State.CRITICAL, "closed", details);
        }
        return wrong.map(reason -> new Status(
                        Status.State.WARN, "works by its last good settings; correct this one: " + reason, details))
                .orElseGet(() -> new Status(Status.State.OK, "records are written to the log", details));
    }

    /** Refuses records from now on. One that another thread is handing over at this moment ends there as usual. */
    @Override
    public void close() {
        closed = true;
    }
}
