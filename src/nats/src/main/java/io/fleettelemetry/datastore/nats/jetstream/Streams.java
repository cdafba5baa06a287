package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.Delivery;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamOptions;
import io.nats.client.RequestFailureException;
import io.nats.client.RequestFailureReason;
import io.nats.client.api.DiscardPolicy;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.api.StreamInfo;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What the server's streams store of our records: asks JetStream, says what is not as it should be, and makes a stream if
 * that is wanted. Alters none. With {@code stream.setup = off} it asks nothing, and so knows nothing.
 *
 * <p>What a look shows never outranks the publish itself: a mapping or an import may bring records to a stream that JetStream
 * does not show here. That no stream was found fails a record only if nobody has answered to the record either.
 *
 * <p>{@link #look} is called by the session's thread, the rest by any.
 */
public final class Streams {

    /**
     * What a look has shown.
     *
     * @param answered whether JetStream has said which streams there are, or that it is not there at all
     * @param patterns subjects, with wildcards, that streams store
     * @param flaw why nothing can be stored, as far as JetStream shows; empty if something can
     * @param silent whether that is because no stream acknowledges what it stores
     * @param problems what else should be otherwise
     * @param streams the streams, in words
     * @param nanoTime when
     */
    private record Report(
            boolean answered,
            List<String> patterns,
            String flaw,
            boolean silent,
            List<String> problems,
            List<String> streams,
            long nanoTime) {

        boolean saysTheSameAs(Report other) {
            return flaw.equals(other.flaw) && problems.equals(other.problems) && streams.equals(other.streams);
        }
    }

    private static final Log log = Logs.of(Streams.class);

    private static final Duration TIMEOUT = Duration.ofSeconds(2);
    /** A cluster that has just come up may not know all of its streams yet: a lack must last so long to be one. */
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    /** After which it is looked once more because of answers that are missing. */
    private static final long MISSING_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** So many streams that were found are remembered ... */
    private static final int MAX_FOUND = 100;
    /** ... and so many that are to be found, each by a question of its own: anybody may name some. */
    private static final int MAX_NAMED = 8;
    /** For how long it is known what a look has shown: longer than the journal waits between two tries. */
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(20);
    /** After which it is looked again whether what is not as it should be has been mended. */
    private static final long PROBLEM_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** What JetStream answers where it is not enabled, for the server or for the account. */
    private static final List<Integer> NOT_ENABLED = List.of(10_039, 10_076);

    private static final List<String> TOPICS = List.of("data", "alerts", "errors", "connectivity");
    private static final int CLUSTER_REPLICAS = 3;

    private final NatsSettings settings;
    private final Delivery delivery;
    private final Runnable wish;
    private final LongSupplier nanoTime;
    private final LatestAnswers latest;
    /** Names of streams that were found. They stay: an answer may be older than a stream's end. */
    private final Set<String> found = ConcurrentHashMap.newKeySet();
    /** Names in PubAcks that are to be found. */
    private final Set<String> named = ConcurrentHashMap.newKeySet();

    private volatile Report report;
    /** Since when looks have shown the same patterns on the same connection. */
    private volatile long since;

    private volatile boolean wanted;
    /** Whether nobody has looked yet by this connection. */
    private volatile boolean unseen = true;

    /** Whether JetStream has ever said which streams there are. */
    private volatile boolean everAnswered;
    /** Whether a stream has answered, although none is found. */
    private volatile boolean hidden;

    private volatile String denial = "";

    /**
     * @param wish is run when there is a reason to look; by any thread, which must not be kept
     * @param nanoTime the clock; {@link System#nanoTime}, but in tests
     */
    public Streams(NatsSettings settings, Runnable wish, LongSupplier nanoTime) {
        this.settings = settings;
        this.wish = wish;
        this.nanoTime = nanoTime;
        this.latest = new LatestAnswers(nanoTime);
        this.delivery = settings.delivery();
        this.since = nanoTime.getAsLong();
        this.report = new Report(false, List.of(), "", false, List.of(), List.of(), since);
    }

    /** What streams have answered lately. */
    public LatestAnswers latest() {
        return latest;
    }

    private boolean asksNothing() {
        return delivery.setup() == Delivery.Setup.OFF;
    }

    /**
     * Whether a PubAck of this stream confirms a record: it must be the one of the settings, or one that was found. As long as
     * no name can be known, because nothing is asked or nothing was ever answered, any will do.
     */
    boolean mayAnswer(String stream) {
        return stream.equals(delivery.stream()) && !stream.isEmpty()
                || found.contains(stream)
                || delivery.stream().isEmpty() && !stream.isEmpty() && !everAnswered && report.flaw.isEmpty();
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
        boolean mayBe = delivery.stream().isEmpty() && !stream.isEmpty() && named.size() < MAX_NAMED;
        if (mayBe) {
            named.add(stream);
        }
        wantLook();
        return mayBe;
    }

    /** Answers are missing: perhaps there is no stream any more, and others receive what it should store. */
    public void unanswered() {
        if (!asksNothing() && nanoTime.getAsLong() - report.nanoTime >= MISSING_PAUSE_NANOS) {
            wanted = true;
        }
    }

    private void wantLook() {
        if (!wanted) {
            wanted = true;
            wish.run();
        }
    }

    /** The server has answered {@code -ERR}: perhaps to a question of ours, which then gets no other answer. */
    public void refused(String error) {
        if (error.contains("$JS.")) {
            denial = error;
        }
    }

    /** There is a new connection, perhaps to other streams: what is known is to be asked again, and must last again. */
    public void connected() {
        unseen = true;
        since = nanoTime.getAsLong();
    }

    /** Whether there is a reason to look, now or in a while. */
    boolean isWanted() {
        Report now = report;
        return !asksNothing() && (wanted || !now.flaw.isEmpty() || !now.problems.isEmpty() || unseen);
    }

    /** Whether there is one, and the last time is long enough ago. */
    public boolean isDue() {
        Report now = report;
        boolean urgent = wanted || !now.flaw.isEmpty() && !hidden;
        long pause = unseen ? 0 : urgent ? PAUSE_NANOS : PROBLEM_PAUSE_NANOS;
        return isWanted() && nanoTime.getAsLong() - now.nanoTime >= pause;
    }

    /** Why nothing can be stored; empty if something can, as far as is known. */
    public String flaw() {
        Report now = report;
        return isLasting(now) && !isHidden(now) ? now.flaw : "";
    }

    /** Why there is no use in publishing: what is stored is never acknowledged. Empty if there is. */
    public String silence() {
        return report.silent ? flaw() : "";
    }

    /** Whether something is wrong that may yet turn out to be nothing. */
    public boolean isUnsettled() {
        Report now = report;
        return !now.flaw.isEmpty() && !isLasting(now) && !isHidden(now);
    }

    /** Whether records are stored although no stream is found, as PubAcks that have come since then show. */
    private boolean isHidden(Report now) {
        if (now.flaw.isEmpty()) {
            return false;
        }
        hidden = hidden || latest.isStoredSince(since);
        return hidden;
    }

    private boolean isLasting(Report now) {
        return now.nanoTime - since >= GRACE_NANOS;
    }

    /** What should be otherwise, in sentences. */
    public List<String> problems() {
        Report now = report;
        List<String> problems = new ArrayList<>(now.problems);
        if (isHidden(now)) {
            problems.add(
                    0,
                    "a stream stores records, but JetStream does not show it for " + all()
                            + ", perhaps because of a mapping or an import; set stream.setup = off if this is intended");
        }
        return problems;
    }

    /** The streams that store our records, in words; empty if that is not known. */
    public String inWords() {
        return String.join("; ", report.streams);
    }

    /**
     * No stream has answered to a message with this subject. Has the session look, so that it is known next time.
     *
     * @return why that will not get better; empty if it may
     */
    String lack(String subject) {
        if (asksNothing()) {
            return "";
        }
        Report now = report;
        boolean fresh = nanoTime.getAsLong() - now.nanoTime < FRESH_NANOS;
        wantLook();
        if (!fresh
                || !now.answered
                || !isLasting(now)
                || isHidden(now)
                || now.patterns.stream().anyMatch(p -> covers(p, subject))) {
            return "";
        }
        return now.flaw.isEmpty() ? "no stream stores " + subject + "; " + wayOut() : now.flaw;
    }

    private String wayOut() {
        return delivery.setup() == Delivery.Setup.CREATE
                ? "add the subject to the stream " + delivery.stream()
                : "create one, or set stream and stream.setup = create";
    }

    /** Asks JetStream. May take as long as its answers do, at most two seconds for each. */
    public void look(Connection connection) {
        wanted = false;
        unseen = false;
        denial = "";
        Report now;
        try {
            JetStreamManagement jetStream = connection.jetStreamManagement(JetStreamOptions.builder()
                    .domain(delivery.domain().isEmpty() ? null : delivery.domain())
                    .requestTimeout(TIMEOUT)
                    .build());
            String refusal = "";
            if (delivery.setup() == Delivery.Setup.CREATE) {
                refusal = create(jetStream, connection.getServerInfo().getCluster() != null);
            }
            now = report(jetStream.getStreams(all()), refusal);
            if (now.patterns.stream().noneMatch(pattern -> covers(pattern, all()))) {
                find(jetStream);
            }
            named.clear();
            everAnswered = true;
        } catch (JetStreamApiException e) {
            now = NOT_ENABLED.contains(e.getApiErrorCode()) ? absent() : unanswered(e.getMessage());
        } catch (RequestFailureException e) {
            now = e.getReason() == RequestFailureReason.NO_RESPONDERS
                    ? noResponders()
                    : unanswered(denial.isEmpty() ? e.getMessage() : denial);
        } catch (IOException | RuntimeException e) { // jnats throws many kinds when it closes at the same moment
            now = unanswered(e.toString());
        }
        take(now);
    }

    /** Looks for streams that have answered, and that are not found by their subjects. */
    private void find(JetStreamManagement jetStream) throws IOException {
        for (String name : List.copyOf(named)) {
            try {
                know(jetStream.getStreamInfo(name).getConfiguration());
            } catch (JetStreamApiException | IllegalArgumentException e) {
                // There is none of that name.
            }
        }
    }

    private void know(StreamConfiguration stream) {
        if (!stream.getNoAck() && found.size() < MAX_FOUND) {
            found.add(stream.getName());
        }
    }

    private void take(Report now) {
        Report before = report;
        if (!now.patterns.equals(before.patterns) || !now.flaw.equals(before.flaw)) {
            since = now.nanoTime;
            latest.forgetPostponed();
        }
        if (now.answered && now.flaw.isEmpty()) {
            hidden = false;
        }
        report = now;
        if (now.saysTheSameAs(before)) {
            return;
        }
        if (!now.streams.isEmpty()) {
            log.info("nats_stream datastore={} streams=\"{}\"", settings.datastore(), PlainText.field(inWords()));
        }
        now.problems.forEach(problem -> log.warn(
                "nats_stream_problem datastore={} reason=\"{}\"", settings.datastore(), PlainText.field(problem)));
        if (!now.flaw.isEmpty()) {
            log.error(
                    "nats_stream_problem datastore={} reason=\"{}\"", settings.datastore(), PlainText.field(now.flaw));
        }
    }

    private Report of(boolean answered, String flaw, List<String> problems) {
        return new Report(answered, List.of(), flaw, false, problems, List.of(), nanoTime.getAsLong());
    }

    private Report absent() {
        return of(
                true,
                "the server has no JetStream" + (delivery.domain().isEmpty() ? "" : " domain " + delivery.domain())
                        + " for this account; enable it there, or set delivery = core",
                List.of());
    }

    /** Where JetStream has been before, it is away: behind a leaf node, the hub is. */
    private Report noResponders() {
        return everAnswered ? unanswered("nobody answers (code 503, no responders)") : absent();
    }

    private Report unanswered(String reason) {
        return of(false, "", List.of("JetStream does not say which streams there are: " + PlainText.field(reason)));
    }

    /** @return why the server does not make the stream; empty if it is there */
    private String create(JetStreamManagement jetStream, boolean clustered) throws IOException, JetStreamApiException {
        if (jetStream.getStreamNames().contains(delivery.stream())) {
            return "";
        }
        try {
            jetStream.addStream(StreamConfiguration.builder()
                    .name(delivery.stream())
                    .subjects(settings.namespace() + ".>")
                    .storageType(StorageType.File)
                    .replicas(clustered ? CLUSTER_REPLICAS : 1)
                    .duplicateWindow(window())
                    .build());
        } catch (JetStreamApiException e) {
            if (NOT_ENABLED.contains(e.getApiErrorCode())) {
                throw e;
            }
            return "the stream " + delivery.stream() + " was not created: " + PlainText.field(e.getMessage());
        }
        log.info("nats_stream_created datastore={} stream={}", settings.datastore(), delivery.stream());
        return "";
    }

    private Duration window() {
        return settings.confirmTimeout().plus(Delivery.WINDOW_RESERVE);
    }

    /** The subjects of all records. */
    private String all() {
        return settings.namespace() + ".*.*";
    }

    /** @param refusal why a stream was not created; empty if none had to be */
    private Report report(List<StreamInfo> found, String refusal) {
        List<StreamConfiguration> streams =
                found.stream().map(StreamInfo::getConfiguration).toList();
        List<StreamConfiguration> answering =
                streams.stream().filter(stream -> !stream.getNoAck()).toList();
        answering.forEach(this::know);
        List<String> patterns =
                answering.stream().flatMap(s -> s.getSubjects().stream()).toList();
        List<String> problems = new ArrayList<>();
        String flaw = "";
        if (streams.isEmpty()) {
            flaw = "no stream stores " + all() + "; " + (refusal.isEmpty() ? wayOut() : refusal);
        } else if (answering.isEmpty()) {
            flaw = "the stream " + streams.get(0).getName() + " has no_ack set, and so confirms nothing; unset it";
        } else {
            if (!refusal.isEmpty()) {
                problems.add(refusal);
            }
            problems.addAll(uncovered(patterns));
            streams.forEach(stream -> problems.addAll(problems(stream)));
        }
        if (!delivery.stream().isEmpty()
                && streams.stream().noneMatch(s -> s.getName().equals(delivery.stream()))) {
            problems.add("the stream " + delivery.stream() + " does not store " + all());
        }
        return new Report(
                true,
                patterns,
                flaw,
                !streams.isEmpty() && answering.isEmpty(),
                problems,
                streams.stream().map(Streams::inWords).toList(),
                nanoTime.getAsLong());
    }

    private List<String> uncovered(List<String> patterns) {
        if (patterns.stream().anyMatch(pattern -> covers(pattern, all()))) {
            return List.of();
        }
        List<String> missing = TOPICS.stream()
                .map(topic -> settings.namespace() + ".*." + topic)
                .filter(subject -> patterns.stream().noneMatch(pattern -> covers(pattern, subject)))
                .toList();
        return List.of(
                missing.isEmpty()
                        ? "no stream stores records of other types than V, alerts, errors and connectivity: they fail"
                        : "no stream stores all of " + String.join(", ", missing) + ": what none stores fails");
    }

    private List<String> problems(StreamConfiguration stream) {
        List<String> problems = new ArrayList<>();
        Duration window = stream.getDuplicateWindow();
        if (window != null && window.compareTo(window()) < 0) {
            problems.add("the stream " + stream.getName() + " knows message ids for " + window.toSeconds()
                    + " s only, so a record that is written again may be stored twice; set its duplicate_window to "
                    + window().plusMillis(999).toSeconds()
                    + " s, which is confirm.timeout.ms and 30 s, or confirm.timeout.ms to less");
        }
        if (stream.getNoAck()) {
            problems.add("the stream " + stream.getName()
                    + " has no_ack set, so what it stores is never confirmed and expires; unset it");
        }
        if (stream.getSealed()) {
            problems.add("the stream " + stream.getName() + " is sealed and takes nothing");
        }
        return problems;
    }

    private static String inWords(StreamConfiguration stream) {
        List<String> limits = new ArrayList<>();
        limit(limits, "max_msgs", stream.getMaxMsgs());
        limit(limits, "max_msgs_per_subject", stream.getMaxMsgsPerSubject());
        limit(limits, "max_bytes", stream.getMaxBytes());
        limit(limits, "max_msg_size", stream.getMaximumMessageSize());
        limit(
                limits,
                "max_age_s",
                stream.getMaxAge() == null ? 0 : stream.getMaxAge().toSeconds());
        return stream.getName() + ": subjects " + String.join(" ", stream.getSubjects()) + ", "
                + stream.getStorageType()
                + " storage, replicas " + stream.getReplicas() + ", retention " + stream.getRetentionPolicy()
                + (limits.isEmpty() ? ", no limits" : ", " + String.join(", ", limits))
                + (stream.getDiscardPolicy() == DiscardPolicy.New ? ", refuses what is more" : "");
    }

    private static void limit(List<String> limits, String name, long value) {
        if (value > 0) {
            limits.add(name + " " + value);
        }
    }

    /**
     * Whether a pattern matches all that another one, or a subject, does.
     *
     * @param pattern tokens joined by dots, of which {@code *} stands for one and a last {@code >} for one or more
     */
    static boolean covers(String pattern, String subject) {
        String[] wide = pattern.split("\\.");
        String[] narrow = subject.split("\\.");
        for (int i = 0; i < wide.length; i++) {
            if (i == narrow.length) {
                return false;
            }
            if (wide[i].equals(">")) {
                return true;
            }
            if (!wide[i].equals(narrow[i]) && (!wide[i].equals("*") || narrow[i].equals(">"))) {
                return false;
            }
        }
        return wide.length == narrow.length;
    }
}
