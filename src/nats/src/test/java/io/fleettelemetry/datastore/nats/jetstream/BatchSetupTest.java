package io.fleettelemetry.datastore.nats.jetstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whether records may go in batches: with the nats-server that is here, with a JetStream that answers as other versions do, and
 * with a clock of the test's own.
 */
@Tag("every-server")
@Tag("newest-server")
class BatchSetupTest {

    private static final Duration WINDOW = Duration.ofMinutes(5);
    private static final String TOO_OLD = " does not say that it knows batches, as nats-server 2.14 and later do";

    private static NatsServer server;
    private static Connection client;
    private static JetStreamManagement management;
    /** What INFO says, which is not what the datastore looks at. */
    private static boolean knowsBatches;

    private final String namespace = "ns-" + NUID.nextGlobal();
    private long now = Long.MAX_VALUE - 1_000; // it may run over
    private int looksWanted;

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start("jetstream { store_dir: $DIR }");
        knowsBatches = server.knowsBatches();
        client = Nats.connect(server.url());
        management = client.jetStreamManagement();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    private Streams streams(String setup, String batch) {
        Map<String, String> keys = new HashMap<>(
                Map.of("delivery", "jetstream", "namespace", namespace, "stream.setup", setup, "batch", batch));
        keys.put("stream", setup.equals("create") ? namespace : "");
        return new Streams(NatsSettings.parse(keys), () -> looksWanted++, () -> now);
    }

    private StreamConfiguration stream(boolean allowed) {
        return StreamConfiguration.builder()
                .name(namespace)
                .subjects(namespace + ".>")
                .storageType(StorageType.Memory)
                .duplicateWindow(WINDOW)
                .allowBatched(allowed)
                .build();
    }

    private void pass(double seconds) {
        now += (long) (seconds * 1e9);
    }

    private static void assumeBatches() {
        assumeTrue(knowsBatches, "this nats-server has no batches");
    }

    private void assertBatches(Streams streams) {
        assertEquals("", streams.whyNoBatch());
        assertEquals(namespace, streams.batchStream());
    }

    private void assertNoBatches(Streams streams, String why) {
        assertEquals("", streams.batchStream());
        assertTrue(streams.whyNoBatch().contains(why), streams.whyNoBatch());
    }

    // ---- the server that is here -----------------------------------------------------------------------------------

    @Test
    void a_stream_is_made_so_that_it_allows_batches_where_the_server_knows_them() throws Exception {
        Streams streams = streams("create", "auto");
        streams.look(client);
        assertEquals(
                knowsBatches,
                management.getStreamInfo(namespace).getConfiguration().getAllowBatched());
        if (knowsBatches) {
            assertBatches(streams);
        } else {
            assertNoBatches(streams, "the server of the stream " + namespace + TOO_OLD);
        }
        assertEquals("", streams.problem());
        assertEquals(List.of(), streams.warnings());
    }

    @Test
    void with_off_a_stream_is_made_that_does_not_allow_them_and_there_are_none() throws Exception {
        Streams streams = streams("create", "off");
        assertNoBatches(streams, "batch = off");
        streams.look(client);
        assertFalse(management.getStreamInfo(namespace).getConfiguration().getAllowBatched());
        assertNoBatches(streams, "batch = off");
    }

    @ParameterizedTest
    @ValueSource(strings = {"verify", "create"})
    void a_stream_that_does_not_allow_them_is_not_altered_and_the_command_is_named(String setup) throws Exception {
        assumeBatches();
        management.addStream(stream(false));
        Streams streams = streams(setup, "auto");
        streams.look(client);
        assertNoBatches(streams, "to allow them: nats stream edit " + namespace + " --allow-fast");
        assertFalse(management.getStreamInfo(namespace).getConfiguration().getAllowBatched());
        assertEquals("", streams.problem());
        assertEquals(List.of(), streams.warnings(), "records are stored all the same");
    }

    @Test
    void as_long_as_nothing_is_asked_there_are_none() {
        assertNoBatches(streams("off", "auto"), "stream.setup = off");
        assertNoBatches(streams("verify", "auto"), "JetStream has not said yet");
    }

    @Test
    void required_batches_that_cannot_be_had_are_a_problem_once_that_has_lasted() throws Exception {
        management.addStream(stream(false));
        Streams streams = streams("verify", "required");
        assertTrue(streams.isUnsettled(), "nothing is published before JetStream has said that it can");
        streams.look(client);
        assertTrue(streams.isUnsettled());
        assertEquals("", streams.whyUnusable());
        pass(0.5);
        assertTrue(streams.isDue(), "they may be allowed by now");
        pass(2);
        streams.look(client);
        assertFalse(streams.isUnsettled());
        assertEquals(streams.problem(), streams.whyUnusable());
        assertEquals("batch = required, but " + streams.whyNoBatch() + "; or set batch = auto", streams.problem());
        assertTrue(streams.problem().contains(knowsBatches ? "--allow-fast" : TOO_OLD), streams.problem());
    }

    @Test
    void required_batches_are_used_as_soon_as_the_stream_allows_them() throws Exception {
        assumeBatches();
        management.addStream(stream(false));
        Streams streams = streams("verify", "required");
        streams.look(client);
        pass(3);
        streams.look(client);
        assertFalse(streams.whyUnusable().isEmpty());
        management.updateStream(stream(true));
        pass(0.5);
        assertTrue(streams.isDue());
        streams.look(client);
        assertEquals("", streams.whyUnusable());
        assertEquals("", streams.problem());
        assertFalse(streams.isUnsettled());
        assertBatches(streams);
        pass(1_000);
        assertFalse(streams.isWanted(), "all is well");
    }

    @Test
    void a_stream_that_stores_only_some_records_gets_no_batches() throws Exception {
        assumeBatches();
        management.addStream(StreamConfiguration.builder(stream(true))
                .subjects(namespace + ".*.data")
                .build());
        Streams streams = streams("verify", "auto");
        streams.look(client);
        assertNoBatches(streams, "no stream stores all of " + namespace + ".*.*");
    }

    @Test
    void a_refusal_counts_until_a_look_gives_its_reason_or_half_a_minute_has_passed() throws Exception {
        assumeBatches();
        management.addStream(stream(true));
        Streams streams = streams("verify", "auto");
        streams.look(client);
        pass(10);
        assertFalse(streams.isWanted());
        streams.batchRefused("batch publish not enabled (code 400, err_code 10205)");
        assertEquals(1, looksWanted);
        assertNoBatches(streams, "the stream refuses batches: batch publish not enabled (code 400, err_code 10205)");
        assertTrue(streams.isDue());
        streams.look(client);
        assertNoBatches(streams, "the stream refuses batches");
        assertFalse(streams.isDue());
        pass(30);
        assertTrue(streams.isDue());
        streams.look(client);
        assertBatches(streams);
        management.updateStream(stream(false));
        streams.batchRefused("batch publish not enabled (code 400, err_code 10205)");
        streams.look(client);
        assertNoBatches(streams, "--allow-fast");
    }

    @Test
    void a_refusal_does_not_outlast_its_connection() throws Exception {
        assumeBatches();
        management.addStream(stream(true));
        Streams streams = streams("verify", "auto");
        streams.look(client);
        streams.batchRefused("why");
        streams.connected();
        streams.look(client);
        assertBatches(streams);
    }

    @Test
    void a_look_that_is_not_answered_takes_nothing_back() throws Exception {
        assumeBatches();
        try (NatsServer paused = NatsServer.start("jetstream { store_dir: $DIR }");
                Connection connection = Nats.connect(paused.url())) {
            connection.jetStreamManagement().addStream(stream(true));
            Streams streams = streams("verify", "required");
            streams.look(connection);
            assertBatches(streams);
            streams.connected();
            paused.pause();
            streams.look(connection);
            paused.resume();
            assertTrue(streams.warnings().get(0).startsWith("JetStream does not say"), streams.warnings()::toString);
            assertBatches(streams);
            assertFalse(streams.isUnsettled());
        }
    }

    // ---- as other versions answer ----------------------------------------------------------------------------------

    /** A JetStream that has no stream before it is asked to make one, and answers as nats-server does. */
    private final class Scripted implements AutoCloseable {

        private final NatsServer bare = NatsServer.start();
        final Connection connection;
        final List<String> created = new CopyOnWriteArrayList<>();
        /** Of the one stream, as it is shown; empty as long as there is none. */
        private volatile String info = "";

        /** @param strict whether unknown fields are refused, as from 2.12 on, or left out in silence */
        Scripted(boolean strict, String level) throws Exception {
            connection = Nats.connect(bare.url());
            connection
                    .createDispatcher(request -> {
                        String body = request.getData() == null ? "" : new String(request.getData(), UTF_8);
                        String answer;
                        if (request.getSubject().contains(".INFO.")) {
                            answer = info;
                        } else if (!request.getSubject().contains(".CREATE.")) {
                            String names = info.isEmpty() ? "" : '"' + namespace + '"';
                            answer = "{\"total\":1,\"offset\":0,\"limit\":256,\"streams\":["
                                    + (request.getSubject().endsWith("NAMES") ? names : info) + "]}";
                        } else if (strict && body.contains("allow_batched")) {
                            created.add(body);
                            answer = "{\"error\":{\"code\":400,\"err_code\":10025,\"description\":"
                                    + "\"invalid JSON: json: unknown field \\\"allow_batched\\\"\"}}";
                        } else {
                            created.add(body);
                            info = "{\"config\":{\"name\":\"" + namespace + "\",\"subjects\":[\"" + namespace + ".>\"],"
                                    + "\"duplicate_window\":150000000000,\"metadata\":{" + level
                                    + "}},\"created\":\"2026-01-01T00:00:00Z\",\"state\":{\"messages\":0}}";
                            answer = info;
                        }
                        connection.publish(request.getReplyTo(), answer.getBytes(UTF_8));
                    })
                    .subscribe("$JS.API.STREAM.>");
            connection.flush(Duration.ofSeconds(20));
        }

        @Override
        public void close() throws Exception {
            connection.close();
            bare.close();
        }
    }

    @Test
    void a_server_that_refuses_what_it_does_not_know_is_asked_without_it() throws Exception {
        try (Scripted strict = new Scripted(true, "\"_nats.level\":\"3\"")) {
            Streams streams = streams("create", "auto");
            streams.look(strict.connection);
            assertEquals(2, strict.created.size());
            assertTrue(strict.created.get(0).contains("\"allow_batched\":true"), strict.created.get(0));
            assertFalse(strict.created.get(1).contains("allow_batched"), strict.created.get(1));
            assertEquals(
                    strict.created.get(0).replace(",\"allow_batched\":true", ""), strict.created.get(1), "the rest");
            assertEquals("", streams.problem());
            assertEquals(List.of(), streams.warnings());
            assertNoBatches(streams, TOO_OLD);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\"_nats.level\":\"1\""})
    void a_server_that_silently_drops_unknown_settings_of_a_stream_is_not_believed(String level) throws Exception {
        try (Scripted lax = new Scripted(false, level)) {
            Streams streams = streams("create", "auto");
            streams.look(lax.connection);
            assertEquals(1, lax.created.size());
            assertEquals(List.of(), streams.warnings());
            assertNoBatches(streams, TOO_OLD);
        }
    }

    @Test
    void a_server_that_knows_them_and_makes_the_stream_without_them_is_not_believed() throws Exception {
        try (Scripted odd = new Scripted(false, "\"_nats.level\":\"4\"")) {
            Streams streams = streams("create", "auto");
            streams.look(odd.connection);
            assertNoBatches(streams, "--allow-fast");
        }
    }
}
