package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.api.MessageInfo;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Records that go to a stream in batches, from nats-server 2.14 on, and what is done where they cannot. */
@Execution(ExecutionMode.CONCURRENT) // each test has a namespace of its own
@Tag("every-server")
@Tag("newest-server")
class BatchesTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private static NatsServer server;
    private static Connection client;
    private static JetStreamManagement streams;
    private static boolean knowsBatches;

    private final String namespace = "ns-" + NUID.nextGlobal();
    private final Outcomes outcomes = new Outcomes();

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start("jetstream { store_dir: $DIR }");
        knowsBatches = server.apiLevel() >= 4;
        client = Nats.connect(server.url());
        streams = client.jetStreamManagement();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    private NatsDatastore open(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "url", server.url(), "namespace", namespace, "delivery", "jetstream", "reconnect.wait.ms", "50"));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return NatsDatastoreTest.open(settings);
    }

    private StreamConfiguration stream(boolean allowed) {
        return StreamConfiguration.builder()
                .name(namespace)
                .subjects(namespace + ".>")
                .storageType(StorageType.Memory)
                .duplicateWindow(Duration.ofMinutes(5))
                .allowBatched(allowed)
                .build();
    }

    private void offer(NatsDatastore datastore, int first, int count) {
        for (int i = first; i < first + count; i++) {
            datastore.produce(Records.record("VIN", "V", ("" + i).getBytes(UTF_8)), outcomes);
        }
    }

    private static Status awaitState(NatsDatastore datastore, Status.State state) {
        return await(state.name()).atMost(SOON).until(datastore::status, status -> status.state() == state);
    }

    // ---- where there are none --------------------------------------------------------------------------------------

    @Test
    void without_the_batches_that_are_required_nothing_is_published_until_the_stream_allows_them() throws Exception {
        streams.addStream(stream(false));
        try (NatsDatastore datastore = open("batch", "required")) {
            Status status = awaitState(datastore, Status.State.CRITICAL);
            assertTrue(status.summary().startsWith("batch = required, but the s"), status::summary);
            assertTrue(status.summary().endsWith("; or set batch = auto"), status::summary);
            offer(datastore, 0, 1);
            Failure failure = outcomes.awaitEnded(1).failures().get(0);
            assertEquals(Failure.Kind.ERROR, failure.kind());
            assertEquals(status.summary(), failure.reason());
            assertEquals(0, streams.getStreamInfo(namespace).getStreamState().getMsgCount());
            assumeTrue(knowsBatches, "this nats-server has no batches");
            streams.updateStream(stream(true));
            awaitState(datastore, Status.State.OK);
            offer(datastore, 1, 1);
            assertEquals(1, outcomes.awaitEnded(2).confirmed().size());
        }
    }

    @Test
    void the_status_says_why_records_do_not_go_in_batches() throws Exception {
        streams.addStream(stream(false));
        try (NatsDatastore datastore = open()) {
            awaitState(datastore, Status.State.OK);
            Map<String, String> details = datastore.status().details();
            assertEquals("answers", details.get("confirmed_by"));
            String why = details.get("why_no_batches");
            assertTrue(
                    why.contains(knowsBatches ? "nats stream edit " + namespace + " --allow-fast" : "2.14 and later"),
                    why);
            offer(datastore, 0, 100);
            assertEquals(100, outcomes.awaitEnded(100).confirmed().size());
        }
    }

    // ---- message ids -----------------------------------------------------------------------------------------------

    @Test
    void without_ids_messages_have_no_header_and_a_stream_need_not_remember_any() throws Exception {
        streams.addStream(StreamConfiguration.builder(stream(false))
                .duplicateWindow(Duration.ofSeconds(1))
                .build());
        try (NatsDatastore datastore = open("message.ids", "false")) {
            assertEquals("connected", awaitState(datastore, Status.State.OK).summary());
            offer(datastore, 0, 100);
            assertEquals(100, outcomes.awaitEnded(100).confirmed().size());
            MessageInfo message = streams.getMessage(namespace, 100);
            assertNull(message.getHeaders());
            assertEquals("99", new String(message.getData(), UTF_8));
        }
        try (NatsDatastore datastore = open("message.ids", "auto")) {
            Status status = awaitState(datastore, Status.State.WARN);
            assertTrue(status.summary().contains("remembers message ids for only 1 s"), status::summary);
        }
        assertEquals(List.of(), outcomes.failures());
    }
}
