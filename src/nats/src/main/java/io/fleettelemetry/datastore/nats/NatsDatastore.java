package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.api.kit.Uninterrupted;
import io.fleettelemetry.datastore.nats.connection.Connector;
import io.fleettelemetry.datastore.nats.connection.Session;
import io.fleettelemetry.datastore.nats.connection.Watchdog;
import io.fleettelemetry.datastore.nats.jetstream.Inbox;
import io.fleettelemetry.datastore.nats.journal.Confirmer;
import io.fleettelemetry.datastore.nats.journal.Journal;
import io.fleettelemetry.datastore.nats.journal.Subjects;
import io.fleettelemetry.datastore.nats.journal.Unanswered;
import io.fleettelemetry.datastore.nats.journal.Writer;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.threads.Threads;
import io.nats.client.Connection;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The NATS datastore. It checks a record and puts it into the {@link Journal}. The {@link Writer} writes it to the
 * server, and the {@link Confirmer} reports how it ended. It does not depend on OSGi.
 *
 * <p>The journal and its threads live as long as this object. The connections ({@link Sessions}) come and go with the
 * settings.
 */
public final class NatsDatastore implements CloseableProducer, Feed {

    private static final Log log = Logs.of(NatsDatastore.class);
    private static final long DRAIN_LOOK_NANOS = 1_000_000;

    /** Longest wait (ms) for the log on closing. */
    public static final long LOG_MILLIS = 500;

    // Made in advance, because there may be no memory for them later.
    private static final Failure NO_MEMORY =
            new Failure(Failure.Kind.FULL, "the JVM has no memory left for the record");
    private static final Failure NOT_TAKEN = new Failure(
            Failure.Kind.ERROR, "the datastore could not take the record because of an internal error; see the log");

    private final Counts counts;
    private final Journal journal;
    private final RecordEnds ends;
    private final Sessions sessions;
    private final Workers workers;
    private final RepeatedLog bugs = new RepeatedLog();
    private volatile List<String> refusedSettings = List.of();
    /** Opens when closing has ended. */
    private final CountDownLatch closed = new CountDownLatch(1);

    /** A datastore that is never withdrawn: it accepts records while its connection is lost. */
    public NatsDatastore(NatsSettings settings, Counts counts, ErrorReporter reporter) {
        this(settings, counts, reporter, () -> {});
    }

    /**
     * @param reporter gets every record that failed for good, and every unexpected close
     * @param updateServices is run when {@link #isLost} or {@link #settings} has changed, on threads that it must not
     *     block
     */
    public NatsDatastore(NatsSettings settings, Counts counts, ErrorReporter reporter, Runnable updateServices) {
        this(settings, counts, reporter, updateServices, System::nanoTime);
    }

    /** @param nanoTime the clock by which records expire and are sent again, and the status forgets */
    NatsDatastore(
            NatsSettings settings,
            Counts counts,
            ErrorReporter reporter,
            Runnable updateServices,
            LongSupplier nanoTime) {
        this.counts = counts;
        Reports reports = new Reports(reporter);
        Encoders encoders = new Encoders(RandomId.next());
        String session = RandomId.next();
        this.journal =
                new Journal(settings, encoders.encoder(settings, Inbox.subject(settings, session), false), nanoTime);
        this.ends = new RecordEnds(counts, reports, nanoTime);
        this.sessions = new Sessions(
                settings, session, journal, encoders, reports, new ServiceUpdates(updateServices), nanoTime);
        ends.of(sessions);
        this.workers = new Workers(
                "nats-" + settings.datastore(),
                journal,
                new Confirmer(journal, ends),
                new Watchdog(journal, sessions::inUse, this::mend));
    }

    public void open() {
        workers.start();
        sessions.open();
    }

    /** Repeats work that failed because there was no memory. Called by the watchdog. */
    private void mend() {
        tend();
        sessions.tellAgain();
    }

    private void tend() {
        workers.tend();
        sessions.all().forEach(each -> each.thread().tend());
    }

    @Override
    public void produce(TelemetryRecord record, Receipt receipt) {
        Failure refusal;
        Counts.OfType count = counts.of(record.type());
        count.produced.increment();
        count.producedBytes.add(record.payload().length);
        try {
            refusal = Subjects.flaw(record);
            if (refusal == null) {
                refusal = journal.offer(record, receipt);
            }
        } catch (OutOfMemoryError e) { // thrown before the record was accepted
            refusal = NO_MEMORY;
        } catch (RuntimeException | Error e) {
            refusal = NOT_TAKEN;
            offerThrew(e);
        }
        if (refusal != null) {
            if (refusal.kind() == Failure.Kind.TOO_LARGE) {
                sessions.inUse().tooLarge();
            }
            ends.failed(record, receipt, refusal);
        }
    }

    private void offerThrew(Throwable e) {
        try {
            bugs.write(leftOut -> log.error(
                    "nats_internal_error datastore={} reason=\"internal error while taking a record\" left_out={}",
                    name(),
                    leftOut,
                    e));
        } catch (RuntimeException | Error noMemory) {
            // Then there is no place to say it.
        }
    }

    @Override
    public String destination(TelemetryRecord record) {
        return Subjects.flaw(record) == null ? journal.encoder().subjects().of(record) : "";
    }

    public String name() {
        return settings().datastore();
    }

    /** The settings in force. */
    public NatsSettings settings() {
        return sessions.settings();
    }

    /** Puts new settings in force, without losing a record: at once, or when their connection is made. */
    public void configure(NatsSettings settings) {
        refusedSettings = List.of();
        sessions.configure(settings);
    }

    /** Notes that newer settings were refused, so that the status shows it. */
    public void refuse(List<String> problems) {
        refusedSettings = List.copyOf(problems);
    }

    /** Whether jnats has given up the connection in use and there is no new one yet. */
    public boolean isLost() {
        return !sessions.whyLost().isEmpty();
    }

    /** Number of records that are accepted and have not ended. */
    public long inFlight() {
        return journal.records();
    }

    /** Number of these that are not yet written to the connection in use. */
    public long unsent() {
        return journal.unsent();
    }

    /** Number of servers that the cluster advertised, besides those of the settings. */
    int discovered() {
        return sessions.inUse().discovered().size();
    }

    @Override
    public String subject() {
        return journal.encoder().subjects().all();
    }

    @Override
    public Connection connect(Consumer<String> errors) throws IOException, InterruptedException {
        ConnectionSettings settings = settings().connection();
        try {
            return new Connector(settings, settings.name() + "-tail", (source, event) -> {}, errors).connect();
        } catch (IOException e) {
            throw new IOException("cannot connect to " + settings.shownServers() + ": " + e.getMessage(), e);
        }
    }

    @Override
    public Status status() {
        String missing = sessions.isClosing() ? "" : missingThreads();
        if (!missing.isEmpty()) {
            tend();
        }
        Session next = sessions.next();
        Unanswered unanswered = journal.unanswered();
        return new StatusReport(
                        sessions.inUse().snapshot(),
                        next == null ? null : next.snapshot(),
                        new StatusReport.InFlight(
                                journal.records(),
                                journal.bytes(),
                                journal.lateAnswers(),
                                journal.isInBatches(),
                                unanswered == null
                                        ? ""
                                        : unanswered.inWords(journal.encoder().subjects())),
                        sessions.isClosing(),
                        missing,
                        sessions.whyLost(),
                        refusedSettings,
                        ends.justRefused())
                .status();
    }

    private String missingThreads() {
        List<String> missing = workers.missing();
        if (sessions.all().stream().anyMatch(each -> each.thread().isMissing())) {
            missing.add("connection");
        }
        return String.join(", ", missing);
    }

    /**
     * Closes the datastore. If a thread of this bundle calls it from within a receipt, it does not wait for the end,
     * because it would wait for itself; closing continues without it. Nothing waits longer than a few seconds for a
     * receipt that does not return.
     */
    @Override
    public void close() {
        boolean begun = sessions.close();
        journal.close();
        if (Threads.isOwn()) {
            if (!begun) {
                endAside();
            }
        } else if (!begun) {
            end();
        } else {
            Uninterrupted.await(closed);
        }
    }

    private void endAside() {
        try {
            Threads.of("nats-" + name() + "-close", this::end).start();
        } catch (OutOfMemoryError e) { // the machine has no thread left: closing does not wait then
            stop(sessions.all());
            closed.countDown();
        }
    }

    private void end() {
        try {
            List<Session> all = sessions.all();
            boolean interrupted = awaitDrained();
            stop(all);
            if (!workers.await()) {
                log.error(
                        "nats_callback_failed datastore={} reason=\"a receipt of the host has not returned; {} records end only"
                                + " when it does\"",
                        name(),
                        journal.records());
            }
            all.forEach(Session::close);
            Logs.await(LOG_MILLIS);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        } finally {
            closed.countDown();
        }
    }

    /**
     * Waits for the records in flight, at most {@code drain.timeout.ms}; returns whether this thread was interrupted.
     */
    private boolean awaitDrained() {
        boolean interrupted = false;
        long deadline = System.nanoTime() + settings().drainTimeout().toNanos();
        while (journal.records() > 0 && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(this, DRAIN_LOOK_NANOS);
            interrupted |= Thread.interrupted(); // otherwise parking returns at once
        }
        return interrupted;
    }

    private void stop(List<Session> all) {
        tend(); // a missing thread could not end records
        workers.stop();
        all.forEach(Session::end);
        if (journal.records() > 0) {
            all.forEach(Session::cut); // the writer or the confirmer may be waiting for one of them
        }
    }
}
