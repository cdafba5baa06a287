package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.Window.Entry;
import io.nats.client.Connection;
import io.nats.client.api.ServerInfo;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The NATS datastore: checks a record, takes it into the {@link Window}, from where the {@link Publisher} brings it to
 * the server, and reports how it ended. Knows nothing of OSGi.
 *
 * <p>The window and the publisher live as long as this object; a {@link Session}, the connection, as long as its
 * settings. New settings get a session of their own, which takes over when it is connected: until then the old one works
 * on.
 */
final class NatsDatastore implements CloseableProducer, Feed {

    private static final Logger log = LoggerFactory.getLogger(NatsDatastore.class);

    private final Counts counts;
    private final ErrorReporter reporter;
    private final Window window = new Window();
    private final Thread publisher;
    private final RepeatedLog failures = new RepeatedLog();

    private volatile Session session;
    /** What takes over from {@link #session} once it is connected; null if nothing waits to. Guarded by this. */
    private Session next;

    private volatile List<String> refusedSettings = List.of();
    private volatile int publishing;
    private volatile boolean closing;
    private volatile long drainDeadline;

    /** @param reporter is told of every record that failed for good */
    NatsDatastore(NatsSettings settings, Counts counts, ErrorReporter reporter) {
        this.counts = counts;
        this.reporter = reporter;
        this.session = new Session(settings, window::signal);
        this.publisher = new Thread(new Publisher(this, window), "nats-" + settings.datastore() + "-publish");
    }

    void open() {
        session.open();
        publisher.start();
    }

    @Override
    public void produce(TelemetryRecord record, Receipt receipt) {
        Counts.OfType count = counts.of(record.type());
        count.produced.increment();
        count.producedBytes.add(record.payload().length);
        Failure refusal = Subjects.flaw(record);
        if (refusal == null) {
            refusal = sizeFlaw(record);
        }
        if (refusal == null) {
            refusal = window.add(record, receipt, session.settings());
        }
        if (refusal != null) {
            failed(record, receipt, refusal);
        }
    }

    /** Known only once a server has told its limit; the publisher looks again. */
    private Failure sizeFlaw(TelemetryRecord record) {
        Connection connection = session.connection();
        long max = connection == null ? -1 : connection.getMaxPayload();
        return max > 0 && record.payload().length > max ? tooLarge(record.payload().length, max) : null;
    }

    static Failure tooLarge(long size, long max) {
        return new Failure(
                Failure.Kind.TOO_LARGE,
                "the payload has " + size + " bytes, and the server takes " + max + " (its max_payload)");
    }

    /** The publisher calls this when the server has the record. */
    void confirmed(Entry entry) {
        Counts.OfType count = counts.of(entry.record().type());
        count.confirmed.increment();
        count.confirmedBytes.add(entry.record().payload().length);
        try {
            if (entry.receipt().confirmed(entry.record())) {
                count.reliableAcks.increment();
            }
        } catch (RuntimeException e) {
            receiptThrew(entry.record(), e);
        }
    }

    /** Ends a record that the server is not known to have. */
    void failed(TelemetryRecord record, Receipt receipt, Failure why) {
        counts.of(record.type()).failed.increment();
        failures.write(leftOut -> log.error(
                "nats_err datastore={} kind={} reason=\"{}\" vin=\"{}\" record_type=\"{}\" txid=\"{}\" left_out={}",
                name(),
                why.kind(),
                LogText.of(why.reason()),
                LogText.of(record.vin()),
                LogText.of(record.type()),
                LogText.of(record.txid()),
                leftOut));
        if (why.kind() != Failure.Kind.FULL && why.kind() != Failure.Kind.CLOSED) { // these two may pass
            reporter.report("nats_err", null, report(record, why));
        }
        try {
            receipt.failed(record, why);
        } catch (RuntimeException e) {
            receiptThrew(record, e);
        }
    }

    private Map<String, String> report(TelemetryRecord record, Failure why) {
        return Map.of(
                "datastore", name(),
                "kind", why.kind().name(),
                "reason", LogText.of(why.reason()),
                "vin", LogText.of(record.vin()),
                "record_type", LogText.of(record.type()),
                "txid", LogText.of(record.txid()));
    }

    private void receiptThrew(TelemetryRecord record, RuntimeException e) {
        log.error(
                "nats_err datastore={} reason=\"the receipt threw\" record=\"{}\"",
                name(),
                LogText.of(record.toString()),
                e);
    }

    Failure expired() {
        return new Failure(
                Failure.Kind.EXPIRED,
                "not confirmed within confirm.timeout.ms = "
                        + session.settings().confirmTimeout().toMillis()
                        + (session.trouble().isEmpty() ? "" : "; " + session.trouble()));
    }

    String name() {
        return session.settings().datastore();
    }

    Subjects subjects() {
        return new Subjects(session.settings().namespace());
    }

    /**
     * The connection to publish to at this moment, or null. Called by the publisher between batches, when nothing is in
     * flight on the old connection that it does not know the fate of: so here a new one takes over.
     */
    Connection connected() {
        Session old = null;
        synchronized (this) {
            if (next != null && (next.connected() != null || session.connected() == null)) {
                old = session;
                session = next;
                next = null;
            }
        }
        if (old != null) {
            log.info("nats_switched datastore={} from={} to={}", name(), old.settings(), session.settings());
            old.close();
        }
        return session.connected();
    }

    /** Puts new settings in force without losing anything: see the class description. */
    void configure(NatsSettings settings) {
        refusedSettings = List.of();
        Session abandoned;
        synchronized (this) {
            Session latest = next == null ? session : next;
            if (closing || settings.equals(latest.settings())) {
                return;
            }
            abandoned = next;
            next = null;
            if (!settings.equals(session.settings())) {
                next = new Session(settings, window::signal);
                next.open();
            }
        }
        if (abandoned != null) {
            abandoned.close();
        }
        window.signal();
    }

    /** Notes that newer settings were refused, so that the status says it. */
    void refuse(List<String> problems) {
        refusedSettings = List.copyOf(problems);
    }

    /** Whether the publisher may end: the datastore is being closed and everything has ended or the time is up. */
    boolean isDone() {
        return closing && (window.records() == 0 || drainDeadline - System.nanoTime() <= 0);
    }

    /** Records accepted that have not ended. */
    long inFlight() {
        return window.records();
    }

    /** Of these, the ones that were not given to a connection yet. */
    long unsent() {
        return Math.max(0, window.records() - publishing);
    }

    /** The publisher says how many of the oldest records it is about to have confirmed. */
    void publishing(int records) {
        publishing = records;
    }

    @Override
    public String subject() {
        return subjects().all();
    }

    @Override
    public Connection connect(Consumer<String> errors) throws IOException, InterruptedException {
        NatsSettings settings = session.settings();
        try {
            return new Connector(settings, settings.name() + "-tail", (source, event) -> {}, errors).connect();
        } catch (IOException e) {
            throw new IOException("cannot connect to " + settings.shownServers() + ": " + e.getMessage(), e);
        }
    }

    @Override
    public String destination(TelemetryRecord record) {
        return Subjects.flaw(record) == null ? subjects().of(record) : "";
    }

    @Override
    public Status status() {
        Session now = session;
        Connection connection = now.connected();
        Map<String, String> details = new LinkedHashMap<>();
        details.put("url", now.settings().shownServers());
        details.put("namespace", now.settings().namespace());
        if (connection != null) {
            ServerInfo server = connection.getServerInfo();
            details.put("server", NatsSettings.withoutSecrets(connection.getConnectedUrl()));
            details.put("server_version", server.getVersion());
            details.put("max_payload", String.valueOf(connection.getMaxPayload()));
        }
        if (now.connection() != null) {
            details.put(
                    "reconnects",
                    String.valueOf(now.connection().getStatistics().getReconnects()));
        }
        details.put("in_flight_records", String.valueOf(window.records()));
        details.put("in_flight_bytes", String.valueOf(window.bytes()));
        Session waiting;
        synchronized (this) {
            waiting = next;
        }
        if (!refusedSettings.isEmpty()) {
            return new Status(
                    Status.State.WARN,
                    "new settings were refused, the last good ones are in force: " + String.join("; ", refusedSettings),
                    details);
        }
        if (closing) {
            return new Status(Status.State.CRITICAL, "closed", details);
        }
        if (waiting != null) {
            return new Status(
                    Status.State.WARN,
                    "new settings wait for their connection to "
                            + waiting.settings().shownServers() + " and the old ones are in force: "
                            + waiting.trouble(),
                    details);
        }
        return connection != null
                ? new Status(Status.State.OK, "connected", details)
                : new Status(
                        Status.State.WARN,
                        "connecting to " + now.settings().shownServers() + ", records wait: " + now.trouble(),
                        details);
    }

    @Override
    public void close() {
        Session abandoned;
        synchronized (this) {
            if (closing) {
                return;
            }
            drainDeadline =
                    System.nanoTime() + session.settings().drainTimeout().toNanos();
            closing = true;
            abandoned = next;
            next = null;
        }
        window.close();
        boolean interrupted = false;
        while (publisher.isAlive()) {
            try {
                publisher.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        session.close();
        if (abandoned != null) {
            abandoned.close();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
