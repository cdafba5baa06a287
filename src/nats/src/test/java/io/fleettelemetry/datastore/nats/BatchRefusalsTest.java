package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.api.DiscardPolicy;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Records that cannot be stored, in the middle of a batch: each fails alone, and those behind it are stored in their order. */
@Tag("every-server")
@Tag("newest-server")
class BatchRefusalsTest {

    private static final String JETSTREAM = "jetstream { store_dir: $DIR }";

    @Test
    void a_record_that_is_too_large_for_the_stream_fails_alone_and_the_order_is_kept() throws Exception {
        try (NatsServer server = NatsServer.start(JETSTREAM);
                BatchScene scene = new BatchScene(server)) {
            BatchScene.assumeBatches(server);
            scene.streams.addStream(scene.stream(true).maximumMessageSize(1_000).build());
            assertFailsAlone(scene, "VIN", "x".repeat(2_000), "err_code 10054");
        }
    }

    @Test
    void a_record_beyond_a_limit_of_the_stream_fails_alone_and_the_order_is_kept() throws Exception {
        try (NatsServer server = NatsServer.start(JETSTREAM);
                BatchScene scene = new BatchScene(server)) {
            BatchScene.assumeBatches(server);
            scene.streams.addStream(scene.stream(true)
                    .maxMessagesPerSubject(3_000)
                    .discardPolicy(DiscardPolicy.New)
                    .discardNewPerSubject(true)
                    .build());
            for (int i = 0; i < 3_000; i++) {
                scene.client.publish(scene.namespace + ".FULL.data", "full".getBytes(UTF_8));
            }
            await().atMost(BatchScene.SOON).until(() -> scene.stored() == 3_000);
            assertFailsAlone(scene, "FULL", "one too many", "maximum messages per subject exceeded");
        }
    }

    @Test
    void a_record_whose_subject_the_server_denies_fails_alone_and_the_order_is_kept() throws Exception {
        String users = "authorization { users = [ { user: all, password: p }, { user: fleet, password: p,"
                + " permissions: { publish: { deny: \"*.DENIED.>\" } } } ] }";
        try (NatsServer server = NatsServer.start(JETSTREAM, "no_auth_user: all", users);
                BatchScene scene = new BatchScene(server)) {
            BatchScene.assumeBatches(server);
            scene.streams.addStream(scene.stream(true).build());
            assertFailsAlone(scene, "DENIED", "x", "Permissions Violation", "username", "fleet", ".password", "p");
        }
    }

    private static void assertFailsAlone(
            BatchScene scene, String vin, String payload, String reason, String... keysAndValues) throws Exception {
        long before = scene.stored();
        try (NatsDatastore datastore = scene.openInBatches(keysAndValues)) {
            scene.offer(datastore, 0, 2_000);
            scene.offer(datastore, vin, payload);
            scene.offer(datastore, 2_000, 3_000);
            scene.awaitEnded(3_001);
            List<Failure> failures = scene.outcomes.failures();
            assertEquals(1, failures.size(), failures::toString);
            assertTrue(failures.get(0).reason().contains(reason), failures::toString);
            assertEquals(
                    payload,
                    new String(scene.outcomes.failed().get(0).payload(), UTF_8),
                    "the one that cannot be stored");
        }
        List<String> stored = scene.payloads();
        BatchScene.assertSame(BatchScene.numbers(0, 3_000), stored.subList((int) before, stored.size()));
    }
}
