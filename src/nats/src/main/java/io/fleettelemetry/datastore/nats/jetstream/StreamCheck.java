package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.settings.Delivery;
import io.nats.client.api.DiscardPolicy;
import io.nats.client.api.PersistMode;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes a {@link StreamReport} from JetStream's answer: it knows the requirements for streams, and names the problems.
 * It has no state and sends no requests.
 */
record StreamCheck(String namespace, Delivery delivery) {

    private static final List<String> TOPICS = List.of("data", "alerts", "errors", "connectivity");

    /** The subjects of all records. */
    String allSubjects() {
        return namespace + ".*.*";
    }

    StreamReport noJetStream() {
        return StreamReport.of(
                true,
                "the server has no JetStream" + (delivery.domain().isEmpty() ? "" : " domain " + delivery.domain())
                        + " for this account; enable it there, or set delivery = core",
                List.of());
    }

    StreamReport unanswered(String reason) {
        return StreamReport.of(
                false, "", List.of("JetStream does not say which streams there are: " + PlainText.field(reason)));
    }

    /** Why a record with this subject will not be stored. */
    String whyNotStored(String subject) {
        return "no stream stores " + subject + "; " + wayOut();
    }

    /** The warning if records are stored although no stream is found. */
    String hiddenStream() {
        return "a stream stores records, but JetStream does not show it for " + allSubjects()
                + ", perhaps because of a mapping or an import; set stream.setup = off if this is intended";
    }

    private String wayOut() {
        return delivery.setup() == Delivery.Setup.CREATE
                ? "add the subject to the stream " + delivery.stream()
                : "create one, or set stream and stream.setup = create";
    }

    /**
     * Makes the report for these streams.
     *
     * @param streams all streams whose subjects overlap with ours
     * @param refusal why a stream was not created, or cannot be used; empty if there is no such stream
     */
    StreamReport report(List<StreamConfiguration> streams, String refusal) {
        List<StreamConfiguration> answering =
                streams.stream().filter(stream -> !stream.getNoAck()).toList();
        List<String> patterns =
                answering.stream().flatMap(s -> s.getSubjects().stream()).toList();
        List<String> warnings = new ArrayList<>();
        String problem = "";
        if (streams.isEmpty()) {
            problem = "no stream stores " + allSubjects() + "; " + (refusal.isEmpty() ? wayOut() : refusal);
        } else if (answering.isEmpty()) {
            problem = "the stream " + streams.get(0).getName() + " has no_ack set, and so confirms nothing; unset it";
        } else {
            if (!refusal.isEmpty()) {
                warnings.add(refusal);
            }
            warnings.addAll(uncovered(patterns));
            streams.forEach(stream -> warnings.addAll(warnings(stream)));
        }
        if (!delivery.stream().isEmpty()
                && streams.stream().noneMatch(s -> s.getName().equals(delivery.stream()))) {
            warnings.add("the stream " + delivery.stream() + " does not store " + allSubjects());
        }
        return new StreamReport(
                true,
                patterns,
                problem,
                !streams.isEmpty() && answering.isEmpty(),
                warnings,
                streams.stream().map(StreamCheck::inWords).toList(),
                batches(streams));
    }

    /** Whether batches are possible: only with one stream, because a record of another stream would leave a gap. */
    private Batches batches(List<StreamConfiguration> streams) {
        if (delivery.batch() == Delivery.Batch.OFF) {
            return Batches.no("batch = off");
        }
        if (streams.isEmpty()) {
            return Batches.no("no stream stores " + allSubjects());
        }
        StreamConfiguration stream = streams.get(0);
        String name = stream.getName();
        if (stream.getSubjects().stream().noneMatch(pattern -> StreamReport.covers(pattern, allSubjects()))) {
            return Batches.no("no stream stores all of " + allSubjects() + ", and batches need one that does");
        }
        if (stream.getNoAck()) {
            return Batches.no("the stream " + name + " has no_ack set");
        }
        if (stream.getAllowBatched()) {
            return Batches.to(name);
        }
        return Batches.no(
                ServerFeatures.of(stream).hasBatches()
                        ? "the stream " + name
                                + " does not allow batches (allow_batched); to allow them: nats stream edit " + name
                                + " --allow-fast"
                        : "the server of the stream " + name
                                + " does not say that it knows batches, as nats-server 2.14 and later do");
    }

    private List<String> uncovered(List<String> patterns) {
        if (patterns.stream().anyMatch(pattern -> StreamReport.covers(pattern, allSubjects()))) {
            return List.of();
        }
        List<String> missing = TOPICS.stream()
                .map(topic -> namespace + ".*." + topic)
                .filter(subject -> patterns.stream().noneMatch(pattern -> StreamReport.covers(pattern, subject)))
                .toList();
        return List.of(
                missing.isEmpty()
                        ? "no stream stores records of other types than V, alerts, errors and connectivity; such records fail"
                        : "no stream stores all of " + String.join(", ", missing)
                                + "; records that no stream stores fail");
    }

    private List<String> warnings(StreamConfiguration stream) {
        List<String> warnings = new ArrayList<>();
        Duration window = stream.getDuplicateWindow(); // a stream with sources has none by default, from 2.14 on
        Duration known = window == null ? Duration.ZERO : window;
        if (known.compareTo(delivery.duplicateWindow()) < 0) {
            warnings.add("the stream " + stream.getName()
                    + (known.isZero()
                            ? " remembers no message ids"
                            : " remembers message ids for only " + seconds(known))
                    + ", so a record that is sent again may be stored twice; set its duplicate_window to "
                    + delivery.duplicateWindow().plusMillis(999).toSeconds()
                    + " s, which is confirm.timeout.ms plus 30 s, or lower confirm.timeout.ms");
        }
        if (stream.getPersistMode() == PersistMode.Async) {
            warnings.add("the stream " + stream.getName()
                    + " confirms records before they are written (persist_mode async), so confirmed records may be lost"
                    + " when its server is killed; to prevent that, create the stream without persist_mode");
        }
        if (stream.getNoAck()) {
            warnings.add("the stream " + stream.getName()
                    + " has no_ack set, so records that it stores are never confirmed and expire; unset it");
        }
        if (stream.getSealed()) {
            warnings.add("the stream " + stream.getName() + " is sealed and accepts no records");
        }
        return warnings;
    }

    private static String seconds(Duration time) {
        return time.toMillis() % 1_000 == 0 ? time.toSeconds() + " s" : time.toMillis() / 1_000.0 + " s";
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
                + (stream.getDiscardPolicy() == DiscardPolicy.New ? ", refuses records beyond its limits" : "");
    }

    private static void limit(List<String> limits, String name, long value) {
        if (value > 0) {
            limits.add(name + " " + value);
        }
    }
}
