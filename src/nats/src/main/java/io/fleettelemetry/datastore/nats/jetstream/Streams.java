package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.Delivery;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.nats.client.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The known streams of our records, how long they have been known, and when to ask JetStream again. With
 * {@code stream.setup = off} JetStream is not asked, and nothing is known.
 *
 * <p>An answer to a record counts for more than a look: a mapping or an import may bring records to a stream that
 * JetStream does not show here. A record fails for want of a stream only if no stream has answered to the record itself
 * either.
 *
 * <p>The session's thread calls {@link #look}; any thread may call the rest.
 */
public final class Streams {

    /** The result of a look, and its time. */
    private record Look(StreamReport report, long nanoTime) {}

    private static final Log log = Logs.of(Streams.class);

    /**
     * A problem counts only after this time, because a cluster that has just started may not know all its streams yet.
     */
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    /** Pause before another look because answers are missing. */
    private static final long MISSING_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** How long the result of a look is valid: longer than the journal waits before it writes a record again. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(20);
    /** Pause before another look because there is a problem, which may have been corrected. */
    private static final long PROBLEM_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final String datastore;
    private final Delivery delivery;
    private final StreamCheck check;
    private final StreamQuery query;
    private final Runnable lookWanted;
    private final LongSupplier nanoTime;
    private final LatestAnswers latest;
    private final BatchPermission batches;

    private volatile Look last;
    /** Since when looks have shown the same patterns on the same connection. */
    private volatile long since;

    private volatile boolean wanted;
    /** Whether there was no look on this connection yet. */
    private volatile boolean newConnection = true;
    /**
     * Whether one stream stores all records, by JetStream's last answer: while it elects a leader, it does not answer.
     */
    private volatile boolean one;
    /** Whether a stream has answered, although none is found. */
    private volatile boolean hidden;
    /** The last logged reason why nothing may be published. Used by the session's thread only. */
    private String loggedBatchProblem = "";

    /**
     * @param settings the settings
     * @param lookWanted is run when there is a reason to look, on any thread, which it must not block
     * @param nanoTime the clock; {@link System#nanoTime}, except in tests
     */
    public Streams(NatsSettings settings, Runnable lookWanted, LongSupplier nanoTime) {
        this.datastore = settings.datastore();
        this.delivery = settings.delivery();
        this.check = new StreamCheck(settings.namespace(), delivery);
        this.query = new StreamQuery(datastore, check);
        this.lookWanted = lookWanted;
        this.nanoTime = nanoTime;
        this.latest = new LatestAnswers(nanoTime);
        this.batches = new BatchPermission(delivery, nanoTime);
        this.since = nanoTime.getAsLong();
        this.last = new Look(StreamReport.UNKNOWN, since);
    }

    /** The latest answers of streams. */
    public LatestAnswers latest() {
        return latest;
    }

    // ---- Who may answer --------------------------------------------------------------------------------------------

    /**
     * Whether a PubAck of this stream confirms a record: it must be the stream of the settings, or one that was found.
     * While no names can be known, because JetStream is not asked or has never answered, any stream counts.
     */
    boolean mayAnswer(String stream) {
        return stream.equals(delivery.stream()) && !stream.isEmpty()
                || query.hasFound(stream)
                || delivery.stream().isEmpty()
                        && !stream.isEmpty()
                        && !query.wasEverAnswered()
                        && last.report.problem().isEmpty();
    }

    /**
     * An unknown stream has answered. This makes the session look for it.
     *
     * @return whether it may soon be known, because the settings name no stream
     */
    boolean isToBeFound(String stream) {
        if (asksNothing()) {
            return false;
        }
        boolean mayBe = delivery.stream().isEmpty() && !stream.isEmpty() && query.lookFor(stream);
        wantLook();
        return mayBe;
    }

    // ---- When to look ----------------------------------------------------------------------------------------------

    private boolean asksNothing() {
        return delivery.setup() == Delivery.Setup.OFF;
    }

    /** Answers are missing: perhaps there is no stream any more, and only subscribers get the records. */
    public void unanswered() {
        if (!asksNothing() && nanoTime.getAsLong() - last.nanoTime >= MISSING_PAUSE_NANOS) {
            wanted = true;
        }
    }

    private void wantLook() {
        if (!wanted) {
            wanted = true;
            lookWanted.run();
        }
    }

    /** The server has sent {@code -ERR}, perhaps for a request of ours, which then gets no other answer. */
    public void refused(String error) {
        query.refused(error);
    }

    /**
     * There is a new connection, perhaps to other streams. JetStream must be asked again, and problems must last again.
     */
    public void connected() {
        newConnection = true;
        since = nanoTime.getAsLong();
    }

    /** Whether there is a reason to look, now or in a while. */
    boolean isWanted() {
        StreamReport now = last.report;
        return !asksNothing()
                && (wanted
                        || newConnection
                        || !now.problem().isEmpty()
                        || !now.warnings().isEmpty()
                        || batches.isRefused()
                        || batches.isMissing());
    }

    /** Whether there is a reason to look, and the last look was long enough ago. */
    public boolean isDue() {
        Look now = last;
        boolean urgent = wanted || !now.report.problem().isEmpty() && !hidden || batches.isMissing();
        long pause = newConnection ? 0 : urgent ? PAUSE_NANOS : PROBLEM_PAUSE_NANOS;
        return isWanted() && nanoTime.getAsLong() - now.nanoTime >= pause;
    }

    /** Asks JetStream. May wait for its answers, at most two seconds for each. */
    public void look(Connection connection) {
        boolean first = newConnection;
        wanted = false;
        newConnection = false;
        StreamReport report = query.ask(connection);
        batches.looked(report, first);
        take(new Look(report, nanoTime.getAsLong()));
        String problem = batchProblem();
        if (!problem.isEmpty() && !problem.equals(loggedBatchProblem)) {
            log.error("nats_stream_problem datastore={} reason=\"{}\"", datastore, PlainText.field(problem));
        }
        loggedBatchProblem = problem;
    }

    private void take(Look now) {
        StreamReport before = last.report;
        StreamReport report = now.report;
        if (!report.patterns().equals(before.patterns()) || !report.problem().equals(before.problem())) {
            since = now.nanoTime;
            latest.forgetPostponed();
        }
        if (report.answered() && report.problem().isEmpty()) {
            hidden = false;
        }
        if (report.answered()) {
            one = report.streams().size() == 1 && report.covers(check.allSubjects());
        }
        last = now;
        if (report.saysTheSameAs(before)) {
            return;
        }
        if (!report.streams().isEmpty()) {
            log.info(
                    "nats_stream datastore={} streams=\"{}\" confirmed_by={}",
                    datastore,
                    PlainText.field(inWords()),
                    report.batches().stream().isEmpty()
                            ? "answers reason=\""
                                    + PlainText.field(report.batches().whyNot()) + '"'
                            : "batches");
        }
        report.warnings()
                .forEach(warning -> log.warn(
                        "nats_stream_problem datastore={} reason=\"{}\"", datastore, PlainText.field(warning)));
        if (!report.problem().isEmpty()) {
            log.error("nats_stream_problem datastore={} reason=\"{}\"", datastore, PlainText.field(report.problem()));
        }
    }

    // ---- Results ---------------------------------------------------------------------------------------------------

    /** Why nothing can be stored; empty if records can be stored, as far as is known. */
    public String problem() {
        Look now = last;
        String problem = isLasting(now) && !isHidden(now) ? now.report.problem() : "";
        return problem.isEmpty() ? batchProblem() : problem;
    }

    /**
     * Returns why nothing may be published: stored records are never acknowledged, or batches are required and not
     * possible. Empty if records may be published.
     */
    public String whyUnusable() {
        return last.report.unacknowledged() ? problem() : batchProblem();
    }

    /** Whether there is a problem that has not lasted long enough to count. */
    public boolean isUnsettled() {
        Look now = last;
        return !now.report.problem().isEmpty() && !isLasting(now) && !isHidden(now)
                || batches.isMissing() && batchProblem().isEmpty();
    }

    private String batchProblem() {
        return batches.isMissing() && query.wasEverAnswered() && isLasting(last) ? batches.problem() : "";
    }

    /** The stream to which records may go in batches; empty if each record must get an answer of its own. */
    public String batchStream() {
        return batches.stream();
    }

    /** Why records may not go in batches, and the way out if there is one; empty if they may. */
    public String whyNoBatch() {
        return batches.whyNot();
    }

    /**
     * The stream has refused a batch, although a look has shown that it allows batches. Each record gets an answer of
     * its own until the next look that shows otherwise, and for at least half a minute.
     *
     * @param why the server's words
     */
    public void batchRefused(String why) {
        String words = "the stream refuses batches: " + PlainText.field(why);
        batches.refused(words);
        log.warn("nats_stream_problem datastore={} reason=\"{}\"", datastore, words);
        wantLook();
    }

    /** Whether records are stored although no stream is found, as PubAcks that have come since then show. */
    private boolean isHidden(Look now) {
        if (now.report.problem().isEmpty()) {
            return false;
        }
        hidden = hidden || latest.isStoredSince(since);
        return hidden;
    }

    private boolean isLasting(Look now) {
        return now.nanoTime - since >= GRACE_NANOS;
    }

    /** Whether one stream stores all records, as far as is known: if it is away, none is stored. */
    boolean isOne() {
        return one;
    }

    /** The state for the status. */
    public StreamsSnapshot snapshot() {
        List<String> all = warnings();
        all.addAll(latest.problems());
        return new StreamsSnapshot(inWords(), latest.whyNothingIsStored(), all, latest.unexpected(), whyNoBatch());
    }

    /** The problems that do not prevent storing, in sentences. */
    List<String> warnings() {
        Look now = last;
        List<String> warnings = new ArrayList<>(now.report.warnings());
        if (isHidden(now)) {
            warnings.add(0, check.hiddenStream());
        }
        return warnings;
    }

    /** The streams of our records, in words; empty if they are not known. */
    private String inWords() {
        return String.join("; ", last.report.streams());
    }

    /**
     * No stream has answered to a message with this subject. This makes the session look, so that more is known next
     * time.
     *
     * @return why the record cannot be stored later either; empty if it may be
     */
    String whyNotStored(String subject) {
        if (asksNothing()) {
            return "";
        }
        Look now = last;
        boolean fresh = nanoTime.getAsLong() - now.nanoTime < FRESH_NANOS;
        wantLook();
        StreamReport report = now.report;
        if (!fresh || !report.answered() || !isLasting(now) || isHidden(now) || report.covers(subject)) {
            return "";
        }
        return report.problem().isEmpty() ? check.whyNotStored(subject) : report.problem();
    }
}
