package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamOptions;
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

    private static final JetStreamOptions PATIENT =
            JetStreamOptions.builder().requestTimeout(SOON).build();

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
        streams = client.jetStreamManagement(PATIENT);
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
        return payloads(client);
    }

    private List<String> payloads(Connection connection) throws Exception {
        List<String> payloads = new ArrayList<>();
        JetStreamSubscription all = connection
                .jetStream()
                .subscribe(
                        namespace + ".>",
                        PushSubscribeOptions.builder().ordered(true).stream(stream)
                                .build());
        long count = connection
                .jetStreamManagement(PATIENT)
                .getStreamInfo(stream)
                .getStreamState()
                .getMsgCount();
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

    /** Answers that the server has sent to this inbox. */
    private static Subscription answers(String inbox) throws Exception {
        Subscription answers = client.subscribe(inbox + ".>");
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
        try (NatsDatastore datastore = open("inbox.prefix", "inbox." + namespace)) {
            awaitOk(datastore);
            Subscription answers = answers("inbox." + namespace);
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

    @Test
    void a_record_that_is_too_large_for_the_stream_fails_alone_and_those_behind_it_are_stored_in_their_order()
            throws Exception {
        streams.addStream(batched().maximumMessageSize(1_000).build());
        int records = 3_000;
        try (NatsDatastore datastore = open()) {
            awaitOk(datastore);
            List<TelemetryRecord> poison = new ArrayList<>();
            List<String> others = new ArrayList<>(numbers(0, records));
            for (int i = 0; i < records; i++) {
                boolean large = i % 1_000 == 500 || i == 0 || i == records - 1;
                TelemetryRecord record = large ? Records.record("VIN", "V", new byte[2_000]) : record("" + i);
                if (large) {
                    poison.add(record);
                    others.remove("" + i);
                }
                datastore.produce(record, outcomes);
            }
            outcomes.awaitEnded(records);
            assertEquals(poison, outcomes.failed());
            outcomes.failures().forEach(why -> assertTrue(why.reason().contains("message size exceeds"), why.reason()));
            assertEquals(others, payloads());
        }
    }

    @Test
    void a_record_whose_subject_is_denied_fails_alone_and_those_behind_it_are_stored_in_their_order() throws Exception {
        String denying = "authorization { users = [ { user: u, password: p, permissions: { publish: { deny: \""
                + namespace + ".DENIED.>\" } } } ] }";
        try (NatsServer strict = NatsServer.start("jetstream { store_dir: $DIR }", denying);
                Connection admin = Nats.connect("nats://u:p@127.0.0.1:" + strict.port());
                NatsDatastore datastore =
                        open("url", strict.url(), "username", "u", ".password", "p", "stream.setup", "create")) {
            awaitOk(datastore);
            int records = 3_000;
            List<String> others = new ArrayList<>(numbers(0, records));
            for (int i = 0; i < records; i++) {
                boolean denied = i % 1_000 == 500 || i == 0 || i == records - 1;
                datastore.produce(Records.record(denied ? "DENIED" : "VIN", "V", ("" + i).getBytes(UTF_8)), outcomes);
                if (denied) {
                    others.remove("" + i);
                }
            }
            outcomes.awaitEnded(records);
            assertEquals(5, outcomes.failed().size());
            outcomes.failures().forEach(why -> assertEquals(Failure.Kind.DENIED, why.kind(), why.reason()));
            assertEquals(others, payloads(admin));
        }
    }

    @Test
    void a_stream_that_allows_batches_no_more_answers_each_record_and_stores_it_once() throws Exception {
        addStream();
        int records = 20_000;
        try (NatsDatastore datastore = open()) {
            awaitOk(datastore);
            for (int i = 0; i < records; i++) {
                if (i == records / 2) {
                    streams.updateStream(batched().allowBatched(false).build());
                }
                datastore.produce(record("" + i), outcomes);
            }
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
            assertEquals("answers", datastore.status().details().get("confirmed_by"));
            assertEquals(numbers(0, records), payloads());
        }
    }

    @Test
    void what_is_in_flight_when_the_server_is_started_anew_is_stored_once_and_in_order() throws Exception {
        int records = 20_000;
        try (NatsServer mortal = NatsServer.start("jetstream { store_dir: $DIR }");
                NatsDatastore datastore = open("url", mortal.url(), "stream.setup", "create")) {
            awaitOk(datastore);
            for (int i = 0; i < records; i++) {
                datastore.produce(record("" + i), outcomes);
                if (i == records / 2) {
                    mortal.restart(); // which kills it first
                }
            }
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
            try (Connection other = Nats.connect(mortal.url())) {
                assertEquals(numbers(0, records), payloads(other));
            }
        }
    }

    @Test
    void producers_that_share_a_stream_take_what_flow_they_are_given_and_none_stands_still() throws Exception {
        addStream();
        int producers = 8;
        int records = 2_000;
        List<NatsDatastore> datastores = new ArrayList<>();
        try {
            for (int i = 0; i < producers; i++) {
                datastores.add(open());
            }
            datastores.forEach(BatchTest::awaitOk);
            for (int i = 0; i < records; i++) {
                for (int j = 0; j < producers; j++) {
                    datastores.get(j).produce(Records.record("VIN" + j, "V", ("" + i).getBytes(UTF_8)), outcomes);
                }
            }
            assertEquals(
                    producers * records,
                    outcomes.awaitEnded(producers * records).confirmed().size());
            assertEquals(producers * records, stored());
        } finally {
            datastores.forEach(NatsDatastore::close);
        }
    }

    /** Such a stream still answers questions about batches. */
    @Test
    @Tag("long")
    void a_stream_on_a_full_disk_is_critical_until_there_is_room() throws Exception {
        int records = 1_000;
        try (NatsServer small = NatsServer.start("jetstream { store_dir: $DIR }")) {
            small.limitFiles(200);
            small.restart();
            try (NatsDatastore datastore = open("url", small.url(), "stream.setup", "create")) {
                for (int i = 0; i < records; i++) {
                    datastore.produce(Records.record("VIN" + i % 10, "V", new byte[300]), outcomes);
                }
                // What it stored just before it froze is confirmed little by little, as duplicates.
                await().during(Duration.ofSeconds(20))
                        .atMost(Duration.ofSeconds(120))
                        .until(() -> datastore.status().state() == Status.State.CRITICAL);
                assertTrue(outcomes.ended() < records, "there is no room for all");
                small.limitFiles(0);
                small.restart();
                assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
                try (Connection reader = Nats.connect(small.url())) {
                    assertEquals(records, payloads(reader).size());
                }
            }
        }
    }
}
