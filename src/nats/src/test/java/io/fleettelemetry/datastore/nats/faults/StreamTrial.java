package io.fleettelemetry.datastore.nats.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.datastore.nats.NatsProducerFactory;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.api.StreamInfo;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A datastore that stores: a stream on one server or on all of several, a link to each, a load. */
final class StreamTrial implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String STREAM = "TELEMETRY";

    private final String fault;
    private final ConfirmedBy confirmedBy;
    private final Fleet fleet = Fleet.USUAL;
    private final List<Link> links;
    private final Connection observer;
    private final CloseableProducer producer;
    final Load load;

    /** One in which the datastore is told how records are confirmed, and which says so in its line. */
    StreamTrial(String fault, ConfirmedBy confirmedBy, List<NatsServer> servers, int rate, String... keysAndValues) {
        this(fault + ", " + confirmedBy, confirmedBy, servers, settings -> open(settings, keysAndValues), rate);
    }

    /**
     * Makes the stream, on all servers and in files, opens the producer, and begins to offer.
     *
     * @param fault what the table calls it
     * @param servers with JetStream; they stay the caller's
     * @param rate records per second
     */
    StreamTrial(
            String fault, List<NatsServer> servers, Function<Map<String, String>, CloseableProducer> opener, int rate) {
        this(fault, ConfirmedBy.ANSWERS, servers, opener, rate);
    }

    private StreamTrial(
            String fault,
            ConfirmedBy confirmedBy,
            List<NatsServer> servers,
            Function<Map<String, String>, CloseableProducer> opener,
            int rate) {
        confirmedBy.assumeKnownTo(servers.get(0));
        this.fault = fault;
        this.confirmedBy = confirmedBy;
        this.links = servers.stream().map(server -> Link.to(server.port())).toList();
        links.forEach(Link::record);
        this.observer = observer(servers);
        StreamConfiguration stream = StreamConfiguration.builder()
                .name(STREAM)
                .subjects(fleet.namespace() + ".>")
                .storageType(StorageType.File)
                .replicas(servers.size())
                .duplicateWindow(Duration.ofMinutes(5))
                .allowBatched(confirmedBy == ConfirmedBy.BATCHES)
                .build();
        await("a stream")
                .ignoreExceptions()
                .atMost(LIMIT)
                .until(() -> observer.jetStreamManagement().addStream(stream) != null);
        this.producer = opener.apply(Map.of(
                "url",
                links.stream().map(Link::url).collect(Collectors.joining(",")),
                "namespace",
                fleet.namespace(),
                "reconnect.wait.ms",
                "20",
                "delivery",
                "jetstream",
                "stream",
                STREAM,
                "stream.setup",
                "verify",
                "batch",
                confirmedBy.setting));
        this.load = new Load(producer, fleet, rate, true).start();
    }

    private static CloseableProducer open(Map<String, String> settings, String... keysAndValues) {
        Map<String, String> all = new HashMap<>(settings);
        for (int i = 0; i < keysAndValues.length; i += 2) {
            all.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return new NatsProducerFactory().open(all);
    }

    private static Connection observer(List<NatsServer> servers) {
        try {
            return Nats.connect(new Options.Builder()
                    .servers(servers.stream().map(NatsServer::url).toArray(String[]::new))
                    .maxReconnects(-1)
                    .errorListener(BareLoop.SILENT)
                    .reconnectWait(Duration.ofMillis(50))
                    .build());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    List<Link> links() {
        return links;
    }

    /** The name of the server that leads the stream. */
    String leader() {
        return await("a leader")
                .ignoreExceptions()
                .atMost(LIMIT)
                .until(() -> info().getClusterInfo().getLeader(), leader -> leader != null && !leader.isEmpty());
    }

    /** Has another server lead the stream. */
    void stepDown() {
        Message answer = await("an answer")
                .ignoreExceptions()
                .atMost(LIMIT)
                .until(
                        () -> observer.request("$JS.API.STREAM.LEADER.STEPDOWN." + STREAM, new byte[0], LIMIT),
                        Objects::nonNull);
        String words = new String(answer.getData(), StandardCharsets.UTF_8);
        if (!words.contains("\"success\":true")) {
            throw new IllegalStateException(words);
        }
    }

    Status status() {
        return producer.status();
    }

    /** Whether the version of the server to which the datastore is connected begins with this. */
    boolean isOn(String version) {
        return await("a connection")
                .atMost(LIMIT)
                .until(() -> status().details().get("server_version"), Objects::nonNull)
                .startsWith(version);
    }

    /** Waits until every server that stores the stream has all of it. */
    void awaitReplicas() {
        await("replicas")
                .ignoreExceptions()
                .atMost(LIMIT)
                .until(() -> info().getClusterInfo().getReplicas().stream().allMatch(replica -> replica.isCurrent()));
    }

    /** Waits until no answer arrives any more, and the stream has stored records whose answers have not. */
    void awaitStoredUnheard() {
        long[] before = {-1};
        await("records that are stored and not confirmed")
                .atMost(LIMIT)
                .pollInterval(Duration.ofMillis(300))
                .until(() -> {
                    long confirmed = load.confirmed().size();
                    boolean silent = confirmed == before[0];
                    before[0] = confirmed;
                    return silent && info().getStreamState().getMsgCount() > confirmed;
                });
    }

    private StreamInfo info() throws Exception {
        return observer.jetStreamManagement().getStreamInfo(STREAM);
    }

    /** Offers no more, waits for every record to end, reads the stream, and prints what came of it. */
    Tally end() {
        links.forEach(Link::heal);
        load.finish();
        if (confirmedBy == ConfirmedBy.BATCHES) {
            assertEquals(
                    confirmedBy.toString(), producer.status().details().get("confirmed_by"), fault + ": confirmed by");
        }
        producer.close();
        String url = await("a server").atMost(LIMIT).until(observer::getConnectedUrl, Objects::nonNull);
        try (Arrivals stored = Arrivals.in(url, STREAM, fleet, load.confirmed().size())) {
            return Tally.of(fault, load, stored).print();
        }
    }

    /**
     * Checks that nothing failed, that everything confirmed was acknowledged by the server, and that nothing is stored
     * twice. What is missing was then lost by the server itself; it gets a line of its own. In batches nothing is, and all is
     * in order.
     */
    void check(Tally tally) {
        assertEquals(0, tally.duplicates(), fault + ": stored twice");
        checkButForDuplicates(tally);
    }

    void checkButForDuplicates(Tally tally) {
        tally.addsUp().nothingFailed();
        if (confirmedBy == ConfirmedBy.BATCHES) {
            tally.inOrder().nothingLost();
        }
        Ids acknowledged = PubAcks.seen(links, fleet);
        assertEquals(
                List.of(), Tally.some(load.confirmed().without(acknowledged)), fault + ": confirmed without a PubAck");
        if (tally.lost().length > 0) {
            System.out.println("  of these the server lost " + tally.lost().length + " itself, after its PubAck");
        }
    }

    @Override
    public void close() {
        load.close();
        producer.close();
        links.forEach(Link::close);
        try {
            observer.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
