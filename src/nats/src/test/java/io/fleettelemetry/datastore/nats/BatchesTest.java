package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Subscription;
import io.nats.client.api.MessageInfo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records that go to a stream in batches, from nats-server 2.14 on, and what is done where they cannot. */
@Execution(ExecutionMode.CONCURRENT) // each test has a stream of its own
@Tag("every-server")
@Tag("newest-server")
class BatchesTest {

    private static final String JETSTREAM = "jetstream { store_dir: $DIR }";
    private static final String REFUSED = "the stream refuses batches: ";

    private static NatsServer server;
    private BatchScene scene;

    @BeforeAll
    static void start() {
        server = NatsServer.start(JETSTREAM);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @BeforeEach
    void open() throws Exception {
        scene = new BatchScene(server);
    }

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    /** A server with batches of its own, with more configuration. */
    private BatchScene sceneOn(NatsServer another) throws Exception {
        scene.close();
        scene = new BatchScene(another);
        return scene;
    }

    // ---- where there are none --------------------------------------------------------------------------------------

    @Test
    void without_the_batches_that_are_required_nothing_is_published_until_the_stream_allows_them() throws Exception {
        scene.streams.addStream(scene.stream(false).build());
        try (NatsDatastore datastore = scene.open("batch", "required")) {
            Status status = BatchScene.awaitState(datastore, Status.State.CRITICAL);
            assertTrue(status.summary().startsWith("batch = required, but the s"), status::summary);
            assertTrue(status.summary().endsWith("; or set batch = auto"), status::summary);
            scene.offer(datastore, 0, 1);
            Failure failure = scene.outcomes.awaitEnded(1).failures().get(0);
            assertEquals(Failure.Kind.ERROR, failure.kind());
            assertEquals(status.summary(), failure.reason());
            assertEquals(0, scene.stored());
            BatchScene.assumeBatches(server);
            scene.streams.updateStream(scene.stream(true).build());
            BatchScene.awaitState(datastore, Status.State.OK);
            scene.offer(datastore, 1, 2);
            assertEquals(1, scene.outcomes.awaitEnded(2).confirmed().size());
            assertEquals("batches", datastore.status().details().get("confirmed_by"));
        }
    }

    @Test
    void the_status_says_why_records_do_not_go_in_batches() throws Exception {
        scene.streams.addStream(scene.stream(false).build());
        try (NatsDatastore datastore = scene.open()) {
            BatchScene.awaitState(datastore, Status.State.OK);
            Map<String, String> details = datastore.status().details();
            assertEquals("answers", details.get("confirmed_by"));
            String why = details.get("why_no_batches");
            assertTrue(
                    why.contains(
                            server.knowsBatches()
                                    ? "nats stream edit " + scene.namespace + " --allow-fast"
                                    : "2.14 and later"),
                    why);
            scene.offer(datastore, 0, 100);
            scene.awaitConfirmed(100);
        }
        scene.assertStored(0, 100);
    }

    @Test
    void a_stream_that_confirms_nothing_is_refused_before_a_batch_begins() throws Exception {
        BatchScene.assumeBatches(server);
        scene.streams.addStream(scene.stream(true).noAck(true).build());
        try (NatsDatastore datastore = scene.open()) {
            Status status = BatchScene.awaitState(datastore, Status.State.CRITICAL);
            assertTrue(status.summary().contains("has no_ack set"), status::summary);
            scene.offer(datastore, 0, 1);
            assertEquals(1, scene.outcomes.awaitEnded(1).failures().size());
        }
        assertEquals(0, scene.stored());
    }

    /** As where a cluster has servers of several versions, and an older one comes to lead the stream. */
    @Test
    void a_server_that_answers_each_message_gets_them_one_by_one_and_nothing_twice() throws Exception {
        try (NatsServer bare = NatsServer.start();
                FakeStream stream = new FakeStream(sceneOn(bare), false);
                NatsDatastore datastore = scene.open()) {
            scene.offer(datastore, 0, 5_000);
            scene.awaitConfirmed(5_000);
            BatchScene.assertSame(BatchScene.numbers(0, 5_000), stream.stored());
            Map<String, String> details = datastore.status().details();
            assertEquals("answers", details.get("confirmed_by"));
            assertTrue(details.get("why_no_batches").startsWith(REFUSED), details::toString);
        }
    }

    @Test
    void a_stream_that_no_longer_allows_batches_gets_records_one_by_one_and_none_is_lost() throws Exception {
        BatchScene.assumeBatches(server);
        scene.streams.addStream(scene.stream(true).build());
        try (NatsDatastore datastore = scene.openInBatches()) {
            scene.offer(datastore, 0, 5_000);
            scene.streams.updateStream(scene.stream(false).build());
            scene.offer(datastore, 5_000, 10_000);
            scene.awaitConfirmed(10_000);
            BatchScene.awaitConfirmedBy(datastore, "answers");
            assertEquals(Status.State.OK, datastore.status().state());
        }
        scene.assertStored(0, 10_000);
    }

    // ---- where there are -------------------------------------------------------------------------------------------

    @Test
    void a_stream_that_is_created_takes_batches_at_once() throws Exception {
        BatchScene.assumeBatches(server);
        try (NatsDatastore datastore = scene.openInBatches("stream", scene.namespace, "stream.setup", "create")) {
            assertNull(datastore.status().details().get("why_no_batches"));
            scene.offer(datastore, 0, 10_000);
            scene.awaitConfirmed(10_000);
        }
        scene.assertStored(0, 10_000);
    }

    @Test
    void a_pause_that_is_longer_than_a_server_remembers_a_batch_is_not_noticed() throws Exception {
        BatchScene.assumeBatches(server);
        try (NatsServer forgetful =
                NatsServer.start("jetstream { store_dir: $DIR, limits { batch { timeout: 1s } } }")) {
            sceneOn(forgetful).streams.addStream(scene.stream(true).build());
            try (NatsDatastore datastore = scene.openInBatches("message.ids", "false")) {
                for (int i = 0; i < 4; i++) {
                    scene.offer(datastore, i * 100, i * 100 + 100);
                    scene.awaitConfirmed(i * 100 + 100);
                    Thread.sleep(i * 1_000L); // what the server does meanwhile nobody hears
                }
                assertEquals("0", datastore.status().details().get("unexpected_replies"));
                assertEquals("batches", datastore.status().details().get("confirmed_by"));
            }
            scene.assertStored(0, 400);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10, 600})
    void with_other_producers_in_the_stream_the_flow_is_less_and_nothing_stalls(int producers) throws Exception {
        BatchScene.assumeBatches(server);
        scene.streams.addStream(scene.stream(true).build());
        Subscription flows = scene.client.subscribe("others.>");
        for (int i = 1; i < producers; i++) { // a batch that has begun and does not end
            scene.client.publish(
                    scene.namespace + ".OTHER.data",
                    "others." + scene.namespace + i + ".500.fail.1.0.$FI",
                    "begun".getBytes(UTF_8));
        }
        for (int i = 1; i < producers; i++) {
            String answer = new String(flows.nextMessage(BatchScene.SOON).getData(), UTF_8);
            assertTrue(answer.startsWith("{\"type\":\"ack\""), answer);
        }
        try (NatsDatastore datastore = scene.openInBatches()) {
            scene.offer(datastore, 0, 5_000);
            scene.awaitConfirmed(5_000);
            assertEquals("batches", datastore.status().details().get("confirmed_by"));
        }
        List<String> stored = new ArrayList<>(scene.payloads());
        stored.removeIf("begun"::equals);
        BatchScene.assertSame(BatchScene.numbers(0, 5_000), stored);
    }

    @Test
    void ten_datastores_share_a_stream_in_batches_and_each_keeps_its_order() throws Exception {
        BatchScene.assumeBatches(server);
        scene.streams.addStream(scene.stream(true).build());
        List<NatsDatastore> all =
                IntStream.range(0, 10).mapToObj(i -> scene.openInBatches()).toList();
        try {
            for (int i = 0; i < 1_000; i++) {
                for (int k = 0; k < 10; k++) {
                    scene.offer(all.get(k), "VIN" + k, k + "-" + i);
                }
            }
            scene.awaitConfirmed(10_000);
        } finally {
            all.forEach(NatsDatastore::close);
        }
        List<String> stored = scene.payloads();
        assertEquals(10_000, stored.size());
        for (int k = 0; k < 10; k++) {
            String ours = k + "-";
            assertEquals(
                    IntStream.range(0, 1_000).mapToObj(i -> ours + i).toList(),
                    stored.stream().filter(payload -> payload.startsWith(ours)).toList());
        }
    }

    @Test
    void a_stream_with_too_many_batches_is_waited_for() throws Exception {
        BatchScene.assumeBatches(server);
        try (NatsServer narrow = NatsServer.start(
                "jetstream { store_dir: $DIR, limits { batch { max_inflight_per_stream: 1, timeout: 3s } } }")) {
            sceneOn(narrow).streams.addStream(scene.stream(true).build());
            try (NatsDatastore datastore = scene.openInBatches()) {
                scene.client.publish(
                        scene.namespace + ".OTHER.data", "others.one.500.fail.1.0.$FI", "begun".getBytes(UTF_8));
                scene.client.flush(Duration.ofSeconds(20));
                scene.offer(datastore, 0, 1_000);
                scene.awaitConfirmed(1_000);
            }
            assertEquals(1_001, scene.stored());
            BatchScene.assertSame(BatchScene.numbers(0, 1_000), scene.payloads().subList(1, 1_001));
        }
    }

    @Test
    void answers_that_are_lost_are_asked_for() throws Exception {
        try (NatsServer bare = NatsServer.start();
                FakeStream stream = new FakeStream(sceneOn(bare), true);
                NatsDatastore datastore = scene.openInBatches("batch", "required")) {
            scene.offer(datastore, 0, 1_000);
            scene.awaitConfirmed(1_000);
            stream.beMute(Duration.ofSeconds(2));
            scene.offer(datastore, 1_000, 10_000);
            scene.awaitConfirmed(10_000);
            assertTrue(stream.unsaid() > 0, "answers were lost");
            BatchScene.assertSame(BatchScene.numbers(0, 10_000), stream.stored());
            assertEquals("batches", datastore.status().details().get("confirmed_by"));
        }
    }

    // ---- message ids -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void without_ids_messages_have_no_header_and_a_stream_need_not_remember_any(boolean inBatches) throws Exception {
        if (inBatches) {
            BatchScene.assumeBatches(server);
        }
        scene.streams.addStream(
                scene.stream(inBatches).duplicateWindow(Duration.ofSeconds(1)).build());
        try (NatsDatastore datastore = scene.open("message.ids", "false")) {
            assertEquals(
                    "connected",
                    BatchScene.awaitState(datastore, Status.State.OK).summary());
            scene.offer(datastore, 0, 100);
            scene.awaitConfirmed(100);
            MessageInfo message = scene.streams.getMessage(scene.namespace, 100);
            assertNull(message.getHeaders());
            assertEquals("99", new String(message.getData(), UTF_8));
        }
        try (NatsDatastore datastore = scene.open("message.ids", "auto")) {
            await().atMost(BatchScene.SOON)
                    .until(() -> datastore.status().summary().contains("remembers message ids for only 1 s"));
        }
    }
}
