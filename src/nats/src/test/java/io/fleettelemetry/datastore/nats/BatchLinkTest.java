package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.Link.Cut;
import io.fleettelemetry.testkit.Link.Way;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.Transcript;
import io.fleettelemetry.testkit.Transcript.Frame;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Links that break while records are under way in batches. {@code faults} has more of it, under load. */
@Execution(ExecutionMode.CONCURRENT) // each test has a server of its own
@Tag("every-server")
@Tag("newest-server")
class BatchLinkTest {

    private static final String JETSTREAM = "jetstream { store_dir: $DIR }";

    private NatsServer server;
    private BatchScene scene;
    private Link link;

    @BeforeEach
    void start() throws Exception {
        server = NatsServer.start(JETSTREAM);
        link = Link.to(server.port());
        scene = new BatchScene(server);
        BatchScene.assumeBatches(server);
        scene.streams.addStream(scene.stream(true).build());
    }

    @AfterEach
    void stop() throws Exception {
        scene.close();
        link.close();
        server.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void links_that_break_in_the_middle_of_a_batch_store_everything_once_also_without_ids(boolean ids)
            throws Exception {
        link.throttle(2_000_000); // so that there is always more to write
        try (NatsDatastore datastore = scene.openInBatches("url", link.url(), "message.ids", Boolean.toString(ids))) {
            scene.offer(datastore, 0, 100_000);
            for (int i = 1; i <= 5; i++) {
                int enough = i * 10_000;
                await().atMost(BatchScene.SOON)
                        .pollInterval(Duration.ofMillis(10))
                        .until(() -> scene.stored() > enough);
                assertTrue(scene.stored() < 90_000, "in the middle");
                link.refuse(Duration.ofMillis(100));
                link.cut(i % 2 == 0 ? Cut.RST : Cut.FIN);
            }
            link.heal();
            scene.awaitConfirmed(100_000);
            assertEquals("batches", datastore.status().details().get("confirmed_by"));
        }
        scene.assertStored(0, 100_000);
    }

    /** The server forgets a batch with its last answer. */
    @ParameterizedTest
    @CsvSource({"required, true", "required, false", "off, true", "off, false"})
    void records_whose_last_answer_is_lost_with_the_link_are_stored_once_with_ids_and_twice_without(
            String batch, boolean ids) throws Exception {
        try (NatsDatastore datastore =
                scene.open("url", link.url(), "batch", batch, "message.ids", Boolean.toString(ids))) {
            scene.offer(datastore, 0, 1);
            scene.awaitConfirmed(1);
            link.swallow(Way.TO_CLIENT);
            scene.offer(datastore, 1, 2);
            await().atMost(BatchScene.SOON).until(() -> scene.stored() == 2);
            assertEquals(1, scene.outcomes.ended(), "nobody has heard of it");
            link.cut(Cut.RST);
            scene.awaitConfirmed(2);
        }
        assertEquals(ids ? List.of("0", "1") : List.of("0", "1", "1"), scene.payloads());
    }

    /** What the server reads of an old connection when the records have long gone out again. */
    @Test
    void frames_of_an_old_link_that_arrive_late_are_not_stored() throws Exception {
        link.record();
        try (NatsDatastore datastore = scene.openInBatches("url", link.url(), "message.ids", "false")) {
            scene.offer(datastore, 0, 30_000);
            await().atMost(BatchScene.SOON).until(() -> scene.stored() > 1_000);
            link.swallow(Way.TO_SERVER); // in the middle of a batch
            long received = awaitNoMore();
            link.cut(Cut.RST);
            List<Frame> late = published(received);
            assertFalse(late.isEmpty());
            assertTrue(late.get(0).reply().endsWith(".1.$FI"), late.get(0).reply());
            scene.awaitConfirmed(30_000);
            for (Frame frame : late) {
                scene.client.publish(frame.subject(), frame.reply(), frame.payload());
            }
            scene.client.publish(scene.namespace + ".VIN.data", "30000".getBytes(UTF_8)); // behind them
            await().atMost(BatchScene.SOON).until(() -> scene.stored() > 30_000);
        }
        scene.assertStored(0, 30_001);
    }

    /** Waits until the stream stores no more, and says how much it has. */
    private long awaitNoMore() {
        long[] before = {-1};
        await().atMost(BatchScene.SOON).pollInterval(Duration.ofMillis(200)).until(() -> {
            long now = scene.stored();
            boolean same = now == before[0];
            before[0] = now;
            return same;
        });
        return before[0];
    }

    /** Messages of the first connection, from the record with this number on. */
    private List<Frame> published(long from) {
        return Transcript.ofClient(link.recordings().get(0).fromClient()).messages().stream()
                .filter(frame -> frame.subject().startsWith(scene.namespace) && frame.payload().length > 0)
                .filter(frame -> Integer.parseInt(new String(frame.payload(), UTF_8)) >= from)
                .toList();
    }
}
