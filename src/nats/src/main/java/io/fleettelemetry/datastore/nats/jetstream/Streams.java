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
 * What is known of the streams that store our records, for how long, and when JetStream is to be asked again. With
 * {@code stream.setup = off} nothing is asked, and so nothing known.
 *
 * <p>What a look shows never outranks the publish itself: a mapping or an import may bring records to a stream that JetStream
 * does not show here. That no stream was found fails a record only if nobody has answered to the record either.
 *
 * <p>{@link #look} is called by the session's thread, the rest by any.
 */
public final class Streams {

    /** What a look has shown, and when. */
    private record Look(StreamReport report, long nanoTime) {}

    private static final Log log = Logs.of(Streams.class);

    /** A cluster that has just come up may not know all of its streams yet: a problem must last so long to be one. */
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    /** After which it is looked once more because of answers that are missing. */
    private static final long MISSING_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** For how long it is known what a look has shown: longer than the journal waits between two tries. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(20);
    /** After which it is looked again whether what is not as it should be has been mended. */
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
    /** Whether nobody has looked yet by this connection. */
    private volatile boolean newConnection = true;
    /** Whether one stream stores all records, as JetStream has said last: while it elects a leader, it says nothing. */
    private volatile boolean one;
    /** Whether a stream has answered, although none is found. */
    private volatile boolean hidden;
    /** Why nothing may be published, as it was logged last. The session's thread's. */
    private String loggedBatchProblem = "";

    /**
     * @param lookWanted is run when there is a reason to look; by any thread, which must not be kept
     * @param nanoTime the clock; {@link System#nanoTime}, but in tests
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

    /** What streams have answered lately. */
    public LatestAnswers latest() {
        return latest;
    }

    // ---- Who may answer --------------------------------------------------------------------------------------------

    /**
     * Whether a PubAck of this stream confirms a record: it must be the one of the settings, or one that was found. As long as
     * no name can be known, because nothing is asked or nothing was ever answered, any will do.
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
     * A stream has answered that is not known. Has the session look for it.
     *
     * @return whether it may be known soon, because the settings name none
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

    /** Answers are missing: perhaps there is no stream any more, and others receive what it should store. */
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

    /** The server has answered {@code -ERR}: perhaps to a question of ours, which then gets no other answer. */
    public void refused(String error) {
        query.refused(error);
    }

    /** There is a new connection, perhaps to other streams: what is known is to be asked again, and must last again. */
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

    /** Whether there is one, and the last time is long enough ago. */
    public boolean isDue() {
        Look now = last;
        boolean urgent = wanted || !now.report.problem().isEmpty() && !hidden || batches.isMissing();
        long pause = newConnection ? 0 : urgent ? PAUSE_NANOS : PROBLEM_PAUSE_NANOS;
        return isWanted() && nanoTime.getAsLong() - now.nanoTime >= pause;
    }

    /** Asks JetStream. May take as long as its answers do, at most two seconds for each. */
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

    // ---- What is known ---------------------------------------------------------------------------------------------

    /** Why nothing can be stored; empty if something can, as far as is known. */
    public String problem() {
        Look now = last;
        String problem = isLasting(now) && !isHidden(now) ? now.report.problem() : "";
        return problem.isEmpty() ? batchProblem() : problem;
    }

    /**
     * Why nothing is to be published: what is stored is never acknowledged, or must go in batches and cannot. Empty if
     * something is.
     */
    public String whyUnusable() {
        return last.report.unacknowledged() ? problem() : batchProblem();
    }

    /** Whether something is wrong that may yet turn out to be nothing. */
    public boolean isUnsettled() {
        Look now = last;
        return !now.report.problem().isEmpty() && !isLasting(now) && !isHidden(now)
                || batches.isMissing() && batchProblem().isEmpty();
    }

    private String batchProblem() {
        return batches.isMissing() && query.wasEverAnswered() && isLasting(last) ? batches.problem() : "";
    }

    /** The stream to which records may go in batches; empty if each is to get an answer of its own. */
    public String batchStream() {
        return batches.stream();
    }

    /** Why records may not go in batches, and the way out if there is one; empty if they may. */
    public String whyNoBatch() {
        return batches.whyNot();
    }

    /**
     * The stream has refused a batch, although a look has shown that it allows them: until the next look that shows otherwise,
     * and for half a minute at least, each record is to get an answer of its own.
     *
     * @param why in the server's words
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

    /** For the status. */
    public StreamsSnapshot snapshot() {
        List<String> all = warnings();
        all.addAll(latest.problems());
        return new StreamsSnapshot(inWords(), latest.whyNothingIsStored(), all, latest.unexpected(), whyNoBatch());
    }

    /** What should be otherwise, in sentences. */
    List<String> warnings() {
        Look now = last;
        List<String> warnings = new ArrayList<>(now.report.warnings());
        if (isHidden(now)) {
            warnings.add(0, check.hiddenStream());
        }
        return warnings;
    }

    /** The streams that store our records, in words; empty if that is not known. */
    private String inWords() {
        return String.join("; ", last.report.streams());
    }

    /**
     * No stream has answered to a message with this subject. Has the session look, so that it is known next time.
     *
     * @return why that will not get better; empty if it may
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
