package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.Subscription;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Fast ingest, against a real nats-server of version 2.14 or later; with an older one all of it is skipped, and said so. */
@Execution(ExecutionMode.CONCURRENT) // most of a test is waiting, and each has a namespace of its own
@Tag("every-server")
@Tag("newest-server")
class BatchTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final Duration LONG_WINDOW = Duration.ofMinutes(5);

    private static NatsServer server;
    private static Connection client;
    private static JetStreamManagement streams;

    private final String namespace = "ns-" + NUID.nextGlobal();
    private final String stream = namespace + "-stream";
    private final Outcomes outcomes = new Outcomes();

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start("jetstream { store_dir: $DIR }");
        client = Nats.connect(server.url());
        streams = client.jetStreamManagement();
        String version = client.getServerInfo().getVersion();
        boolean takesBatches = client.getServerInfo().isSameOrNewerThanVersion("2.14.0");
        if (!takesBatches) {
            System.out.println("BatchTest is skipped: nats-server " + version + " does not know batches, 2.14 does");
        }
        assumeTrue(takesBatches, "nats-server " + version + " does not know batches");
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    private Map<String, String> keys(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "url",
                server.url(),
                "namespace",
                namespace,
                "delivery",
                "jetstream",
                "reconnect.wait.ms",
                "50",
                "stream",
                stream));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return settings;
    }

    private NatsDatastore open(String... keysAndValues) {
        return NatsDatastoreTest.open(keys(keysAndValues));
    }

    private StreamConfiguration.Builder batched() {
        return StreamConfiguration.builder()
                .name(stream)
                .subjects(namespace + ".>")
                .storageType(StorageType.Memory)
                .duplicateWindow(LONG_WINDOW)
                .allowBatched(true);
    }

    private void addStream() throws Exception {
        streams.addStream(batched().build());
    }

    private long stored() {
        try {
            return streams.getStreamInfo(stream).getStreamState().getMsgCount();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** The payloads of what is stored, in the stream's order. */
    private List<String> payloads() throws Exception {
        List<String> payloads = new ArrayList<>();
        JetStreamSubscription all = client.jetStream()
                .subscribe(
                        namespace + ".>",
                        PushSubscribeOptions.builder().ordered(true).stream(stream)
                                .build());
        long count = stored();
        while (payloads.size() < count) {
            Message next = all.nextMessage(SOON);
            payloads.add(new String(next.getData(), UTF_8));
        }
        all.unsubscribe();
        return payloads;
    }

    private static TelemetryRecord record(String text) {
        return Records.record("VIN", "V", text.getBytes(UTF_8));
    }

    private static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(Integer::toString).toList();
    }

    private static void awaitOk(NatsDatastore datastore) {
        await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
        assertEquals("batches", datastore.status().details().get("confirmed_by"));
    }

    /** Answers that the server has sent, to whomever. */
    private static Subscription answers() throws Exception {
        Subscription answers = client.subscribe("_INBOX.*.*.*.fail.*.*.$FI");
        client.flush(SOON);
        return answers;
    }

    @Test
    void a_lone_record_is_a_batch_of_one_with_one_answer() throws Exception {
        addStream();
        try (NatsDatastore datastore = open()) {
            awaitOk(datastore);
            datastore.produce(record("0"), outcomes);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            datastore.produce(record("1"), outcomes);
            assertEquals(2, outcomes.awaitEnded(2).confirmed().size());
        }
        assertEquals(numbers(0, 2), payloads());
    }

    @Test
    void many_records_are_stored_once_each_in_the_order_of_offering_with_few_answers() throws Exception {
        addStream();
        int records = 50_000;
        try (NatsDatastore datastore = open()) {
            awaitOk(datastore);
            Subscription answers = answers();
            IntStream.range(0, records).forEach(i -> datastore.produce(record("" + i), outcomes));
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
            client.flush(SOON);
            long count = answers.getPendingMessageCount();
            assertTrue(count > 0 && count < records / 10, count + " answers");
        }
        assertEquals(numbers(0, records), payloads());
    }

    @Test
    void what_is_in_flight_when_the_link_breaks_is_stored_once_and_in_order() throws Exception {
        addStream();
        int records = 40_000;
        try (Link link = Link.to(server.port());
                NatsDatastore datastore = open("url", link.url())) {
            awaitOk(datastore);
            for (int i = 0; i < records; i++) {
                datastore.produce(record("" + i), outcomes);
                if (i % 10_000 == 9_000) {
                    link.cut(Link.Cut.RST);
                }
                if (i % 1_000 == 0) {
                    Thread.sleep(2); // the link is to break while records are under way
                }
            }
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
        }
        assertEquals(numbers(0, records), payloads());
    }
}
