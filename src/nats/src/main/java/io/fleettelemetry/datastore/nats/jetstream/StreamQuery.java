package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.Delivery;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamOptions;
import io.nats.client.RequestFailureException;
import io.nats.client.RequestFailureReason;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.api.StreamInfo;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Asks JetStream for the streams of our records, and creates one if the settings say so. It never alters a stream. It
 * knows the names of the streams that were found.
 *
 * <p>The session's thread calls {@link #ask}; any thread may call the rest.
 */
final class StreamQuery {

    private static final Log log = Logs.of(Streams.class);

    private static final Duration TIMEOUT = Duration.ofSeconds(2);

    /** Limit on the found streams that are remembered ... */
    private static final int MAX_FOUND = 100;
    /** ... and on the streams to look for, each with a request of its own, because any user may send such names. */
    private static final int MAX_NAMED = 8;

    /** JetStream's errors if it is not enabled, for the server or for the account. */
    private static final List<Integer> NOT_ENABLED = List.of(10_039, 10_076);

    /** The error of servers from 2.11 on for a stream that needs a feature of a later version. */
    private static final int OFFLINE = 10_194;

    private static final int CLUSTER_REPLICAS = 3;

    private final String datastore;
    private final StreamCheck check;
    private final Delivery delivery;
    /** The names of the found streams. They stay, because an answer may be older than the end of its stream. */
    private final Set<String> found = ConcurrentHashMap.newKeySet();
    /** The names in PubAcks to look for. */
    private final Set<String> named = ConcurrentHashMap.newKeySet();

    private volatile boolean everAnswered;
    private volatile String denial = "";
    /** Whether we may only ask for the list of streams. Used by the session's thread only. */
    private boolean mayNotAsk;

    StreamQuery(String datastore, StreamCheck check) {
        this.datastore = datastore;
        this.check = check;
        this.delivery = check.delivery();
    }

    /** Whether JetStream has ever answered with its streams. */
    boolean wasEverAnswered() {
        return everAnswered;
    }

    boolean hasFound(String stream) {
        return found.contains(stream);
    }

    /**
     * Makes the next {@link #ask} look for a stream by its name.
     *
     * @return false if there are too many names
     */
    boolean lookFor(String stream) {
        boolean mayBe = named.size() < MAX_NAMED;
        if (mayBe) {
            named.add(stream);
        }
        return mayBe;
    }

    /** The server has sent {@code -ERR}, perhaps for a request of ours, which then gets no other answer. */
    void refused(String error) {
        if (error.contains("$JS.")) {
            denial = error;
        }
    }

    /** Asks for the streams. May wait for JetStream's answers, at most two seconds for each. */
    StreamReport ask(Connection connection) {
        denial = "";
        try {
            JetStreamManagement jetStream = connection.jetStreamManagement(JetStreamOptions.builder()
                    .domain(delivery.domain().isEmpty() ? null : delivery.domain())
                    .requestTimeout(TIMEOUT)
                    .build());
            String refusal = "";
            if (delivery.setup() == Delivery.Setup.CREATE) {
                refusal = create(jetStream, connection.getServerInfo().getCluster() != null);
            }
            List<StreamConfiguration> streams = jetStream.getStreams(check.allSubjects()).stream()
                    .map(StreamInfo::getConfiguration)
                    .toList();
            streams.forEach(this::remember);
            StreamReport report = check.report(withFeatures(jetStream, streams), refusal);
            if (!report.covers(check.allSubjects())) {
                find(jetStream);
                String offline = offline(jetStream, streams);
                report = offline.isEmpty() ? report : check.report(streams, offline);
            }
            named.clear();
            everAnswered = true;
            return report;
        } catch (JetStreamApiException e) {
            return NOT_ENABLED.contains(e.getApiErrorCode()) ? check.noJetStream() : check.unanswered(e.getMessage());
        } catch (RequestFailureException e) {
            return e.getReason() == RequestFailureReason.NO_RESPONDERS
                    ? noResponders()
                    : check.unanswered(denial.isEmpty() ? e.getMessage() : denial);
        } catch (IOException | RuntimeException e) { // jnats throws several kinds when it closes at the same moment
            return check.unanswered(e.toString());
        }
    }

    /** Asks for the one stream by itself, because the list does not contain the server's features. */
    private List<StreamConfiguration> withFeatures(JetStreamManagement jetStream, List<StreamConfiguration> streams)
            throws IOException, JetStreamApiException {
        boolean isWorthIt = delivery.batch() != Delivery.Batch.OFF
                && streams.size() == 1
                && !streams.get(0).getAllowBatched()
                && !mayNotAsk;
        if (!isWorthIt) {
            return streams;
        }
        try {
            return List.of(jetStream.getStreamInfo(streams.get(0).getName()).getConfiguration());
        } catch (IOException e) {
            mayNotAsk = !denial.isEmpty();
            return streams;
        }
    }

    /** If JetStream has answered before, it is only away, for example the hub of a leaf node. */
    private StreamReport noResponders() {
        return everAnswered ? check.unanswered("there is no answer (code 503, no responders)") : check.noJetStream();
    }

    /** Looks for streams that have answered and that were not found by their subjects. */
    private void find(JetStreamManagement jetStream) throws IOException {
        for (String name : List.copyOf(named)) {
            try {
                remember(jetStream.getStreamInfo(name).getConfiguration());
            } catch (JetStreamApiException | IllegalArgumentException e) {
                // There is no stream of that name.
            }
        }
    }

    /**
     * Why a stream is named for our subjects, and is not in the list: the server cannot run it, as after a downgrade.
     *
     * @return empty if there is no such stream, or no answer
     */
    private String offline(JetStreamManagement jetStream, List<StreamConfiguration> streams) {
        if (mayNotAsk) {
            return "";
        }
        try {
            List<String> names = new ArrayList<>(jetStream.getStreamNames(check.allSubjects()));
            streams.forEach(stream -> names.remove(stream.getName()));
            for (String name : names.subList(0, Math.min(MAX_NAMED, names.size()))) {
                String why = whyOffline(jetStream, name);
                if (!why.isEmpty()) {
                    return why;
                }
            }
        } catch (IOException | JetStreamApiException e) {
            mayNotAsk = !denial.isEmpty();
        }
        return "";
    }

    private static String whyOffline(JetStreamManagement jetStream, String name) throws IOException {
        try {
            jetStream.getStreamInfo(name);
            return "";
        } catch (JetStreamApiException e) {
            return e.getApiErrorCode() == OFFLINE
                    ? "the stream " + name + " cannot be used: " + PlainText.field(e.getMessage())
                    : "";
        }
    }

    private void remember(StreamConfiguration stream) {
        if (!stream.getNoAck() && found.size() < MAX_FOUND) {
            found.add(stream.getName());
        }
    }

    /** @return why the server did not create the stream; empty if it exists */
    private String create(JetStreamManagement jetStream, boolean clustered) throws IOException, JetStreamApiException {
        if (jetStream.getStreamNames().contains(delivery.stream())) {
            return "";
        }
        StreamConfiguration.Builder stream = StreamConfiguration.builder()
                .name(delivery.stream())
                .subjects(check.namespace() + ".>")
                .storageType(StorageType.File)
                .replicas(clustered ? CLUSTER_REPLICAS : 1)
                .duplicateWindow(delivery.duplicateWindow())
                .allowBatched(delivery.batch() != Delivery.Batch.OFF);
        try {
            try {
                jetStream.addStream(stream.build());
            } catch (JetStreamApiException e) {
                if (!ServerFeatures.isFieldUnknown(e)) {
                    throw e;
                }
                jetStream.addStream(stream.allowBatched(false).build());
            }
        } catch (JetStreamApiException e) {
            if (NOT_ENABLED.contains(e.getApiErrorCode())) {
                throw e;
            }
            return "the stream " + delivery.stream() + " was not created: " + PlainText.field(e.getMessage());
        }
        log.info("nats_stream_created datastore={} stream={}", datastore, delivery.stream());
        return "";
    }
}
