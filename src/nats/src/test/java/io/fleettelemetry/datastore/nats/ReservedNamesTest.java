package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Headers and subjects mean something to nats-server: that a message expires ({@code Nats-TTL}), that its way is told to
 * somebody ({@code Nats-Trace-Dest}), that it belongs to a cluster ({@code $NRG}). What vehicles say never becomes one.
 */
@Tag("every-server")
@Tag("newest-server")
class ReservedNamesTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private static final Map<String, String> METADATA = Map.of(
            "Nats-TTL", "1s",
            "Nats-Trace-Dest", "traces",
            "Nats-Msg-Id", "the same for all",
            "Nats-Rollup", "all",
            "Nats-Expected-Last-Sequence", "77",
            "Nats-Stream-Source", "x",
            "Nats-Required-Api-Level", "99",
            "Nats-Batch-Id", "x",
            "Nats-Schedule", "@at 2030-01-01T00:00:00Z");

    @ParameterizedTest
    @CsvSource({"core,false", "core,true", "jetstream,true", "jetstream,false"})
    void what_a_vehicle_says_never_becomes_a_header(String delivery, boolean messageIds) throws Exception {
        try (NatsServer server = NatsServer.start("jetstream { store_dir: $DIR }");
                Connection client = Nats.connect(server.url());
                NatsDatastore datastore = NatsDatastoreTest.open(Map.of(
                        "url",
                        server.url(),
                        "namespace",
                        "fleet",
                        "delivery",
                        delivery,
                        "message.ids",
                        Boolean.toString(messageIds),
                        "stream",
                        "FLEET",
                        "stream.setup",
                        "create"))) {
            Subscription records = client.subscribe("fleet.>");
            Subscription traces = client.subscribe("traces");
            client.flush(SOON);
            Outcomes outcomes = new Outcomes();
            for (int i = 0; i < 2; i++) {
                datastore.produce(
                        TelemetryRecord.of(
                                "VIN", "V", "Nats-TTL: 1s", "Nats-TTL: 1s\r\n\r\n".getBytes(UTF_8), METADATA),
                        outcomes);
            }
            outcomes.awaitEnded(2);
            assertEquals(
                    2, outcomes.confirmed().size(), () -> outcomes.failures().toString());
            for (int i = 0; i < 2; i++) {
                Message message = records.nextMessage(SOON);
                assertEquals(
                        messageIds ? Set.of("Nats-Msg-Id") : Set.of(),
                        message.hasHeaders() ? message.getHeaders().keySet() : Set.of());
                assertEquals("Nats-TTL: 1s\r\n\r\n", new String(message.getData(), UTF_8));
            }
            client.flush(SOON);
            assertNull(traces.nextMessage(Duration.ofMillis(100)), "nobody is told of its way");
            assertNull(records.nextMessage(Duration.ofMillis(1)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"$FI", "$SYS", "$NRG", "$JS", "a.$FI", "x.>", "x.*", "a b", "a\r\nPUB $SYS.x 0\r\n"})
    void a_record_never_reaches_a_subject_of_the_servers_own(String name) throws Exception {
        try (NatsServer server = NatsServer.start();
                NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", server.url()))) {
            Outcomes outcomes = new Outcomes();
            datastore.produce(Records.record(name, "V", new byte[1]), outcomes);
            datastore.produce(Records.record("VIN", name, new byte[1]), outcomes);
            outcomes.awaitEnded(2);
            assertEquals(
                    List.of(Failure.Kind.INVALID, Failure.Kind.INVALID),
                    outcomes.failures().stream().map(Failure::kind).toList());
        }
    }

    /** A reply that ends in {@code .$FI} makes a batch of what asks for it: only our own batches do. */
    @Test
    void without_batches_no_reply_ends_as_that_of_a_batch() throws Exception {
        try (NatsServer server = NatsServer.start("jetstream { store_dir: $DIR }");
                Connection client = Nats.connect(server.url());
                NatsDatastore datastore = NatsDatastoreTest.open(Map.of(
                        "url", server.url(),
                        "namespace", "fleet",
                        "delivery", "jetstream",
                        "batch", "off",
                        "inbox.prefix", "FI.x.ok.1.0",
                        "stream", "FLEET",
                        "stream.setup", "create"))) {
            Subscription records = client.subscribe("fleet.>");
            client.flush(SOON);
            Outcomes outcomes = new Outcomes();
            datastore.produce(Records.record("VIN", "V", new byte[1]), outcomes);
            outcomes.awaitEnded(1);
            assertEquals(1, outcomes.confirmed().size());
            String reply = records.nextMessage(SOON).getReplyTo();
            assertTrue(reply.matches("FI\\.x\\.ok\\.1\\.0\\..+\\.[0-9a-f]{16}"), reply);
        }
    }
}
