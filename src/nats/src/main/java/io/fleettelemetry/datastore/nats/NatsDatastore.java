package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.api.kit.Tended;
import io.fleettelemetry.api.kit.Uninterrupted;
import io.fleettelemetry.datastore.nats.connection.Connector;
import io.fleettelemetry.datastore.nats.connection.Servers;
import io.fleettelemetry.datastore.nats.connection.Session;
import io.fleettelemetry.datastore.nats.connection.Watchdog;
import io.fleettelemetry.datastore.nats.jetstream.Inbox;
import io.fleettelemetry.datastore.nats.jetstream.Streams;
import io.fleettelemetry.datastore.nats.journal.Completer;
import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Journal;
import io.fleettelemetry.datastore.nats.journal.Subjects;
import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.datastore.nats.journal.Writer;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.threads.Threads;
import io.nats.client.Connection;
import io.nats.client.api.ServerInfo;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The NATS datastore: checks a record, takes it into the {@link Journal}, from where the {@link Writer} brings it to the
 * server, and reports how it ended when the {@link Completer} knows. Knows nothing of OSGi.
 *
 * <p>The journal and its threads live as long as this object; a {@link Session}, the connection, as long as its settings.
 * New settings get a session of their own, which takes over when it is connected: until then the old one works on. Those
 * that the connection does not depend on are in force at once.
 */
public final class NatsDatastore implements CloseableProducer, Completer.Ends, Session.Wires, Feed {

    private static final Log log = Logs.of(NatsDatastore.class);
    private static final long DRAIN_LOOK_NANOS = 1_000_000;
    /** So much later than its time a record may expire. What was said right after it was offered is still a reason. */
    private static final long EXPIRY_NANOS = 1_000_000_000;

    /** How often, at most, a server is left because it is about to shut down. When it is gone, jnats looks for another. */
    private static final long LEAVING_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** How long closing waits for a thread that may be in somebody else's receipt. */
    private static final long RECEIPT_MILLIS = 5_000;

    /** How long closing waits for the log. */
    public static final long LOG_MILLIS = 500;

    // Made before they are needed: there may be no memory for them then.
    private static final Failure NO_MEMORY =
            new Failure(Failure.Kind.FULL, "the JVM has no memory left for the record");
    private static final Failure NOT_TAKEN = new Failure(
            Failure.Kind.ERROR, "the datastore could not take the record because of an internal error; see the log");

    /** So long after the server has refused frames that is part of the status. */
    private static final long REFUSED_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Words of the server about frames. */
    private record Refused(String words, long nanos) {

        /** The words, if they are no older than that; else empty. */
        String within(long age) {
            return !words.isEmpty() && System.nanoTime() - nanos <= age ? words : "";
        }
    }

    private final Counts counts;
    private final ErrorReporter reporter;
    private final RepeatedLog failures = new RepeatedLog();
    private final RepeatedLog reporterFailures = new RepeatedLog();
    private final RepeatedLog receiptFailures = new RepeatedLog();
    private final RepeatedLog bugs = new RepeatedLog();
    private final RepeatedLog searches = new RepeatedLog();
    /** With it begin the message ids of this datastore in this process. */
    private final String id = RandomId.next();

    private final Journal journal;
    private final Watchdog watchdog;
    private final Completer completer;
    private final Tended writing;
    private final Tended completing;
    private final Tended watching;
    private Thread writerThread;
    private Thread completerThread;

    private volatile Session session;
    /** What takes over from {@link #session} once it is connected; null if nothing waits to. Guarded by this. */
    private Session next;
    /** Those that were told to end, and may not have yet. Guarded by this. */
    private final List<Session> ending = new ArrayList<>();
    /** When a server was last left because it was about to shut down. Guarded by this. */
    private long left = System.nanoTime() - LEAVING_PAUSE_NANOS;
    /** The wire of {@link #next} that the journal knows of. Guarded by this. */
    private Wire prepared;

    /** Called whenever {@link #isLost} or {@link #settings} has changed, by any thread. */
    private final Runnable turn;

    /** Why jnats closed the connection in use; empty once there is one again. Written under this. */
    private volatile String lost = "";

    /** What the server has refused last, and when. */
    private volatile Refused refused = new Refused("", 0);

    private volatile List<String> refusedSettings = List.of();
    /** Whether {@link #turn} is to be run again, because it threw. */
    private volatile boolean turnDue;

    private volatile boolean closing;
    /** Open until closing has come to its end. */
    private final CountDownLatch closed = new CountDownLatch(1);

    /** One that nobody withdraws: while its connection is lost it goes on to accept records. */
    public NatsDatastore(NatsSettings settings, Counts counts, ErrorReporter reporter) {
        this(settings, counts, reporter, () -> {});
    }

    /**
     * @param reporter is told of every record that failed for good, and of a connection that was lost
     * @param turn is run when {@link #isLost} or {@link #settings} has changed, by threads that must not be kept
     */
    public NatsDatastore(NatsSettings settings, Counts counts, ErrorReporter reporter, Runnable turn) {
        this.counts = counts;
        this.reporter = reporter;
        this.turn = turn;
        String first = RandomId.next();
        this.journal = new Journal(settings, encoder(settings, Inbox.subject(settings, first)), System::nanoTime);
        this.watchdog = new Watchdog(journal, () -> session, this::mend);
        this.completer = new Completer(journal, this);
        this.session = new Session(settings, this, first, journal, List.of());
        String prefix = "nats-" + settings.datastore();
        this.writing = new Tended(
                task -> {
                    writerThread = Threads.of(prefix + "-write", task);
                    journal.servedBy(writerThread, completerThread);
                    return writerThread;
                },
                new Writer(journal));
        this.completing = new Tended(
                task -> {
                    completerThread = Threads.of(prefix + "-complete", task);
                    journal.servedBy(writerThread, completerThread);
                    return completerThread;
                },
                completer);
        this.watching = new Tended(task -> Threads.of(prefix + "-watch", task), watchdog);
    }

    private FrameEncoder encoder(NatsSettings settings, String inbox) {
        boolean stores = settings.delivery().isJetStream();
        return new FrameEncoder(
                new Subjects(settings.namespace()),
                stores || settings.messageIds() ? id + "-" : "",
                stores ? inbox : "");
    }

    public void open() {
        writing.start();
        completing.start();
        watching.start();
        session.open();
    }

    /**
     * Puts right what went wrong for want of memory: starts threads that are missing, and tells the journal of wires, and
     * others of changes, that they have not heard of. By the watchdog.
     */
    private void mend() {
        tend();
        synchronized (this) {
            Wire ready = session.readyWire();
            if (ready != null && !journal.knows(ready)) {
                opened(session, ready);
            }
            if (next != null) {
                prepareIfLetIn(next);
            }
        }
        if (turnDue) {
            turnDue = false;
            turn();
        }
    }

    private void tend() {
        writing.tend();
        completing.tend();
        watching.tend();
        sessions().forEach(each -> each.thread().tend());
    }

    /** Which threads are missing although they should be there; empty if none is. */
    private String missing() {
        List<String> missing = new ArrayList<>();
        if (writing.isMissing()) {
            missing.add("writes");
        }
        if (completing.isMissing()) {
            missing.add("ends records");
        }
        if (watching.isMissing()) {
            missing.add("watches the connection");
        }
        if (sessions().stream().anyMatch(each -> each.thread().isMissing())) {
            missing.add("connects");
        }
        return String.join(" and the one that ", missing);
    }

    /** All that have not ended. */
    private synchronized List<Session> sessions() {
        List<Session> sessions = new ArrayList<>(ending);
        sessions.add(session);
        if (next != null) {
            sessions.add(next);
        }
        return sessions;
    }

    /** Has somebody look what has changed; if that fails, the watchdog does it again. */
    private void turn() {
        boolean done = false;
        try {
            turn.run();
            done = true;
        } finally {
            if (!done) {
                turnDue = true;
            }
        }
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
                session.tooLarge();
            }
            failed(record, receipt, refusal);
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
                name(),
                why.kind(),
                PlainText.field(why.reason()),
                PlainText.field(record.vin()),
                PlainText.field(record.type()),
                PlainText.field(record.txid()),
                leftOut));
        if (why.kind() != Failure.Kind.FULL && why.kind() != Failure.Kind.CLOSED) { // these two may pass
            report("nats_err", fields(name(), record, why));
        }
    }

    /** To somebody else's code, which must not keep a record from its end. */
    private void report(String event, Map<String, String> fields) {
        try {
            reporter.report(event, null, fields);
        } catch (RuntimeException | Error e) {
            reporterFailures.write(leftOut -> log.error(
                    "nats_callback_failed datastore={} reason=\"an error reporter threw\" left_out={}",
                    name(),
                    leftOut,
                    e));
        }
    }

    private static Map<String, String> fields(String datastore, TelemetryRecord record, Failure why) {
        return Map.of(
                "datastore", datastore,
                "kind", why.kind().name(),
                "reason", PlainText.field(why.reason()),
                "vin", PlainText.field(record.vin()),
                "record_type", PlainText.field(record.type()),
                "txid", PlainText.field(record.txid()));
    }

    private void receiptThrew(TelemetryRecord record, Throwable e) {
        try {
            receiptFailures.write(leftOut -> log.error(
                    "nats_callback_failed datastore={} reason=\"a receipt threw\" record=\"{}\" left_out={}",
                    name(),
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
                    "nats_denied_by_other_name datastore={} error=\"{}\" reason=\"the server refused a record under a name that is not its"
                            + " subject; sending the records again, fewer at once, to find it\" left_out={}",
                    name(),
                    PlainText.field(words),
                    leftOut));
        }
    }

    /** What the server has said of frames, as the end of a sentence; empty if it has said nothing for so long. */
    private String saidWithin(long nanos) {
        String words = refused.within(nanos);
        return words.isEmpty() ? "" : "; the server refused records: " + words;
    }

    @Override
    public Failure expired() {
        Session now = session;
        Duration timeout = now.settings().confirmTimeout();
        long since = timeout.toNanos() + EXPIRY_NANOS;
        String words = now.streams() == null ? "" : now.streams().latest().lastWords(since);
        return new Failure(
                Failure.Kind.EXPIRED,
                "not confirmed within confirm.timeout.ms = "
                        + timeout.toMillis()
                        + (now.trouble().isEmpty() ? "" : "; " + now.trouble())
                        + (words.isEmpty() ? "" : "; " + words)
                        + saidWithin(since));
    }

    public String name() {
        return session.settings().datastore();
    }

    @Override
    public synchronized void opened(Session from, Wire wire) {
        if (from != session) {
            prepareIfLetIn(from);
            return;
        }
        journal.unusable(null);
        FrameEncoder encoder = encoder(from.settings(), from.inbox());
        if (from.settings().equals(journal.settings()) && encoder.isLike(journal.encoder())) {
            journal.opened(wire);
        } else { // the journal has moved to newer settings, which were taken back at the same moment
            prepare(from, wire, encoder);
        }
    }

    private void prepare(Session from, Wire wire, FrameEncoder encoder) {
        journal.prepare(wire, encoder, from.settings(), () -> tookOver(from));
    }

    /**
     * New settings take over only when the server is known to accept their credentials, and JetStream shows where their records
     * would be stored. That their wire has opened and that they have been let in is told by two threads, in either order, so
     * each looks for both.
     */
    private void prepareIfLetIn(Session from) {
        Wire wire = from.readyWire();
        if (from == next
                && wire != null
                && wire != prepared
                && from.connected() != null
                && (from.flaw().isEmpty() || from.settings().equals(session.settings()))) {
            prepare(from, wire, encoder(from.settings(), from.inbox()));
            prepared = wire; // after that, which may throw
        }
    }

    @Override
    public void connected(Session from) {
        boolean back;
        synchronized (this) {
            prepareIfLetIn(from);
            back = from == session && !lost.isEmpty();
            if (back) {
                lost = "";
            }
        }
        if (back) {
            turn();
        }
    }

    @Override
    public void lost(Session from, String cause) {
        boolean inUse;
        String onClosed;
        synchronized (this) {
            inUse = from == session && !closing;
            if (inUse) {
                lost = cause;
            }
            onClosed =
                    (next == null ? session : next).settings().onClosed().name().toLowerCase(Locale.ROOT);
        }
        if (!inUse) { // New settings that have yet to take over, or one that is being closed: no loss.
            log.warn(
                    "nats_connect_failed datastore={} url={} error=\"{}\" reason=\"jnats gave the connection up; connecting"
                            + " again\"",
                    from.settings().datastore(),
                    from.settings().shownServers(),
                    cause);
            return;
        }
        log.error(
                "nats_closed datastore={} error=\"{}\" url={} reason=\"jnats gave the connection up\" on.closed={}",
                from.settings().datastore(),
                cause,
                from.settings().shownServers(),
                onClosed);
        report(
                "nats_closed",
                Map.of(
                        "datastore",
                        from.settings().datastore(),
                        "url",
                        from.settings().shownServers(),
                        "cause",
                        cause));
        turn();
    }

    /** Another server takes over before this one goes; if none does in time, jnats looks for one when it is gone. */
    @Override
    public synchronized void leaving(Session from) {
        // Not again and again because of a server that says it all the time.
        boolean again = System.nanoTime() - left < LEAVING_PAUSE_NANOS;
        if (from == session && next == null && !closing && !again) {
            left = System.nanoTime();
            next = new Session(from.settings(), this, RandomId.next(), journal, from.discovered());
            next.open();
        }
    }

    /** Whether jnats has given up the connection in use and there is no other yet. */
    public boolean isLost() {
        return !lost.isEmpty();
    }

    @Override
    public void closed(Session from, Wire wire) {
        synchronized (this) {
            if (wire == prepared) {
                prepared = null; // in JetStream it may be of use once more
            }
        }
        journal.closed(wire);
        journal.withdraw(wire);
    }

    /** Records fail at once then: with time it gets no better. But a new configuration that cannot work harms nothing. */
    @Override
    public synchronized void unusable(Session from, String why) {
        if (from == session && !closing) {
            journal.unusable(new Failure(Failure.Kind.ERROR, why));
        }
    }

    /** The journal has moved to the wire of this session. */
    private void tookOver(Session to) {
        Session old;
        synchronized (this) {
            if (to == session || closing) {
                return;
            }
            if (to != next) { // newer settings have come at the same moment: to these, or back
                prepared = null;
                Wire open = session.readyWire();
                if (open != null) {
                    opened(session, open);
                }
                if (next != null) {
                    prepareIfLetIn(next);
                }
                return;
            }
            old = session;
            isEnding(old); // first: it may throw
            session = next;
            next = null;
            journal.unusable(null);
            lost = "";
        }
        old.end();
        turn();
        log.info("nats_switched datastore={} from=\"{}\" to=\"{}\"", name(), old.settings(), to.settings());
    }

    /** Remembers a session that is not needed any more, for {@link #close} to wait for. Called under this. */
    private void isEnding(Session old) {
        ending.removeIf(Session::hasEnded);
        ending.add(old);
    }

    /** Those that are in force. */
    public NatsSettings settings() {
        return session.settings();
    }

    /** Puts new settings in force without losing anything: see the class description. */
    public void configure(NatsSettings settings) {
        refusedSettings = List.of();
        if (!useAtOnce(settings)) {
            connectAnew(settings);
        }
    }

    private boolean useAtOnce(NatsSettings settings) {
        Session abandoned = null;
        synchronized (this) {
            NatsSettings before = session.settings();
            if (closing || !settings.connectLike(before) || settings.equals(before) || !journal.use(before, settings)) {
                return false;
            }
            session.use(settings);
            if (next != null && next.settings().equals(before)) { // because the server is about to shut down
                next.use(settings);
            } else {
                abandoned = abandonNext();
            }
        }
        if (abandoned != null) {
            abandoned.end();
        }
        turn();
        return true;
    }

    private void connectAnew(NatsSettings settings) {
        Session abandoned;
        synchronized (this) {
            Session latest = next == null ? session : next;
            if (closing || settings.equals(latest.settings())) {
                return;
            }
            Session newest = null;
            if (!settings.equals(session.settings())) {
                boolean sameServers =
                        settings.servers().equals(session.settings().servers());
                Collection<Servers.Server> more = sameServers ? session.discovered() : List.of();
                newest = new Session(settings, this, RandomId.next(), journal, more); // may throw
            }
            abandoned = abandonNext();
            next = newest;
            if (newest != null) {
                newest.open();
            }
        }
        if (abandoned != null) {
            abandoned.end();
        }
    }

    /** The session that was to take over, which is to end; null if there is none. Called under this. */
    private Session abandonNext() {
        Session abandoned = next;
        next = null;
        if (abandoned != null) {
            isEnding(abandoned);
        }
        return abandoned;
    }

    /** Notes that newer settings were refused, so that the status says it. */
    public void refuse(List<String> problems) {
        refusedSettings = List.copyOf(problems);
    }

    /** Records accepted that have not ended. */
    public long inFlight() {
        return journal.records();
    }

    /** How many servers besides those of the settings are known. */
    int discovered() {
        return session.discovered().size();
    }

    /** Of these, the ones that were not written to the connection in use. */
    public long unsent() {
        return journal.unsent();
    }

    @Override
    public String subject() {
        return journal.encoder().subjects().all();
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
        return Subjects.flaw(record) == null ? journal.encoder().subjects().of(record) : "";
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
            // Null if the connection is lost at this moment.
            details.put("server", NatsSettings.withoutSecrets(String.valueOf(connection.getConnectedUrl())));
            details.put("server_version", server.getVersion());
            details.put("max_payload", String.valueOf(connection.getMaxPayload()));
        }
        if (now.connection() != null) {
            details.put(
                    "reconnects",
                    String.valueOf(now.connection().getStatistics().getReconnects()));
        }
        details.put("delivery", now.settings().delivery().mode().name().toLowerCase(Locale.ROOT));
        Streams streams = now.streams();
        if (streams != null) {
            details.put("streams", streams.inWords());
            details.put("late_acks", String.valueOf(journal.lateAnswers()));
            details.put("unexpected_replies", String.valueOf(streams.latest().unexpected()));
        }
        details.put("in_flight_records", String.valueOf(journal.records()));
        details.put("in_flight_bytes", String.valueOf(journal.bytes()));
        details.put("in_flight_max_bytes", String.valueOf(now.settings().inflightMaxBytes()));
        Session waiting;
        synchronized (this) {
            waiting = next;
        }
        if (closing) {
            return new Status(Status.State.CRITICAL, "closed", details);
        }
        String missing = missing();
        if (!missing.isEmpty()) {
            tend();
            return new Status(
                    Status.State.CRITICAL,
                    "a thread is missing and is being started again: the one that " + missing,
                    details);
        }
        String news = news(now.settings(), waiting);
        String also = news.isEmpty() ? "" : "; " + news;
        String why = lost;
        if (!why.isEmpty()) {
            return new Status(
                    Status.State.CRITICAL,
                    "the connection was closed unexpectedly: " + why + "; connecting again to "
                            + now.settings().shownServers() + ": " + now.trouble() + also,
                    details);
        }
        String nothingStored = whyNothingIsStored(now);
        if (!nothingStored.isEmpty()) {
            return new Status(Status.State.CRITICAL, nothingStored + also, details);
        }
        if (!news.isEmpty()) {
            return new Status(Status.State.WARN, news, details);
        }
        if (connection != null && now.isPreparing()) {
            return new Status(Status.State.WARN, "connected; JetStream is being asked, records wait", details);
        }
        List<String> problems = connection == null ? List.of() : problems(streams);
        String said = saidWithin(REFUSED_NANOS);
        if (connection != null && !(problems.isEmpty() && said.isEmpty())) {
            problems.add(0, "connected");
            return new Status(Status.State.WARN, String.join("; ", problems) + said, details);
        }
        Journal.Unanswered unanswered = journal.unanswered();
        if (connection != null && unanswered != null) {
            String words = unanswered.inWords(journal.encoder().subjects());
            return new Status(Status.State.WARN, "connected; " + words, details);
        }
        return connection != null
                ? new Status(Status.State.OK, "connected", details)
                : new Status(
                        Status.State.WARN,
                        "connecting to " + now.settings().shownServers() + ", records wait: " + now.trouble(),
                        details);
    }

    private static String whyNothingIsStored(Session now) {
        Streams streams = now.streams();
        boolean answered = now.flaw().isEmpty() && streams != null && now.connected() != null;
        return answered ? streams.latest().whyNothingIsStored() : now.flaw();
    }

    private static List<String> problems(Streams streams) {
        List<String> problems = new ArrayList<>();
        if (streams != null) {
            problems.addAll(streams.warnings());
            problems.addAll(streams.latest().problems());
        }
        return problems;
    }

    /** What has come of new settings, as long as they are not in force; empty if there are none. */
    private String news(NatsSettings inForce, Session waiting) {
        List<String> news = new ArrayList<>();
        if (!refusedSettings.isEmpty()) {
            news.add("new settings were refused, the last good ones are in force: "
                    + String.join("; ", refusedSettings));
        }
        if (waiting != null && waiting.settings().equals(inForce)) {
            news.add("the server is about to shut down, and another is looked for: " + waiting.trouble());
        } else if (waiting != null) {
            news.add("new settings wait for their connection to "
                    + waiting.settings().shownServers() + " and the old ones are in force: " + waiting.trouble());
        }
        return String.join("; ", news);
    }

    /**
     * A thread of ours, which runs somebody else's receipt, does not wait for the end, as it would wait for itself: the rest
     * goes on without it. Neither does anybody wait longer than a while for a receipt that does not return.
     */
    @Override
    public void close() {
        boolean begun;
        synchronized (this) {
            begun = closing;
            closing = true;
        }
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
        } catch (OutOfMemoryError e) { // the machine has no thread left: then nothing is waited for
            stopThreads(sessions());
            closed.countDown();
        }
    }

    private void end() {
        try {
            List<Session> sessions = sessions();
            boolean interrupted = awaitDrained();
            stopThreads(sessions);
            awaitThreads();
            sessions.forEach(Session::close);
            Logs.await(LOG_MILLIS);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        } finally {
            closed.countDown();
        }
    }

    /** Waits for what is in flight, for {@code drain.timeout.ms} at most; returns whether this thread was interrupted. */
    private boolean awaitDrained() {
        boolean interrupted = false;
        long deadline = System.nanoTime() + session.settings().drainTimeout().toNanos();
        while (journal.records() > 0 && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(this, DRAIN_LOOK_NANOS);
            interrupted |= Thread.interrupted(); // else parking would return at once
        }
        return interrupted;
    }

    private void stopThreads(List<Session> sessions) {
        tend(); // what is missing cannot end anything
        journal.stop();
        watchdog.stop();
        sessions.forEach(Session::end);
        if (journal.records() > 0) {
            sessions.forEach(Session::cut); // the writer or the completer may be waiting for one of them
        }
    }

    private void awaitThreads() {
        watching.join(RECEIPT_MILLIS);
        writing.join(RECEIPT_MILLIS);
        if (!completing.join(RECEIPT_MILLIS)) {
            log.error(
                    "nats_callback_failed datastore={} reason=\"a receipt does not return; the {} records that are left end"
                            + " when it does\"",
                    name(),
                    journal.records());
        } else if (completing.isMissing()) { // there was no thread to be had
            completer.run();
        }
    }
}
