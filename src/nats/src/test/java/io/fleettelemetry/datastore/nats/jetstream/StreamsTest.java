package io.fleettelemetry.datastore.nats.jetstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When it is looked, and for how long that holds: a real server, and a clock of the test's own. */
class StreamsTest {

    private static NatsServer server;
    private static Connection client;
    private static JetStreamManagement management;

    private final String namespace = "ns-" + NUID.nextGlobal();
    private long now = Long.MAX_VALUE - 1_000; // it may run over
    private int looksWanted;

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start("jetstream { store_dir: $DIR }");
        client = Nats.connect(server.url());
        management = client.jetStreamManagement();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    private Streams streams(String setup) {
        Map<String, String> keys =
                new HashMap<>(Map.of("delivery", "jetstream", "namespace", namespace, "stream.setup", setup));
        keys.put("stream", setup.equals("create") ? namespace : "");
        return new Streams(NatsSettings.parse(keys), () -> looksWanted++, () -> now);
    }

    private StreamConfiguration stream(Duration window, String... subjects) {
        return StreamConfiguration.builder()
                .name(namespace)
                .subjects(subjects)
                .storageType(StorageType.Memory)
                .duplicateWindow(window)
                .build();
    }

    private void pass(double seconds) {
        now += (long) (seconds * 1e9);
    }

    /** Does what a session does at this moment. */
    private void tick(Streams streams) {
        if (streams.isDue()) {
            streams.look(client);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "ns.>,ns.*.*,true",
        "ns.>,ns.VIN.data,true",
        "ns.>,ns,false",
        "ns.>,other.VIN.data,false",
        ">,ns.*.*,true",
        "*,ns.*.*,false",
        "*.*.*,ns.*.data,true",
        "ns.*.*,ns.*.*,true",
        "ns.*.*,ns.>,false",
        "ns.*.>,ns.*.*,true",
        "ns.*.>,ns.>,false",
        "ns.*.data,ns.*.*,false",
        "ns.*.data,ns.VIN.data,true",
        "ns.*.data,ns.VIN.alerts,false",
        "ns.VIN.>,ns.*.data,false",
        "ns.VIN.>,ns.VIN.data,true",
        "ns.*,ns.VIN.data,false",
        "ns.VIN.data.more,ns.VIN.data,false",
        "ns.VIN.data,ns.VIN.data,true",
        "fleet.eu.>,fleet.eu.*.*,true",
        "fleet.*.>,fleet.eu.*.*,true",
    })
    void a_pattern_covers_a_subject_if_it_matches_all_that_it_stands_for(
            String pattern, String subject, boolean covers) {
        assertEquals(covers, StreamReport.covers(pattern, subject));
    }

    @Test
    void that_there_is_no_stream_must_last_before_it_is_believed() {
        Streams streams = streams("verify");
        tick(streams);
        assertEquals("", streams.problem());
        assertTrue(streams.isUnsettled(), "nothing is published as long as it is not known");
        pass(1.9);
        tick(streams);
        assertEquals("", streams.problem());
        assertEquals("", streams.whyNotStored(namespace + ".VIN.data"));
        pass(0.6);
        tick(streams);
        assertTrue(streams.problem().startsWith("no stream stores " + namespace + ".*.*"), streams.problem());
        assertEquals(streams.problem(), streams.whyNotStored(namespace + ".VIN.data"));
        streams.connected();
        assertEquals("", streams.problem(), "by another connection it is to be seen anew");
        tick(streams);
        assertEquals("", streams.problem());
        assertTrue(streams.isUnsettled());
    }

    @Test
    void a_lack_is_believed_for_as_long_as_the_look_at_it_is_fresh() throws Exception {
        management.addStream(stream(Duration.ofMinutes(5), namespace + ".*.data"));
        Streams streams = streams("verify");
        tick(streams);
        assertEquals("", streams.whyNotStored(namespace + ".VIN.alerts"), "it must last");
        pass(3);
        tick(streams);
        assertEquals("", streams.whyNotStored(namespace + ".VIN.data"));
        assertTrue(streams.whyNotStored(namespace + ".VIN.alerts")
                .startsWith("no stream stores " + namespace + ".VIN.alerts"));
        assertEquals(2, looksWanted, "asked to look, once for each look");
        management.updateStream(stream(Duration.ofMinutes(5), namespace + ".>"));
        pass(30);
        assertEquals("", streams.whyNotStored(namespace + ".VIN.alerts"), "who knows");
        tick(streams);
        pass(3);
        assertEquals(
                "", streams.whyNotStored(namespace + ".VIN.alerts"), "a stream has it that did not answer just now");
    }

    @Test
    void a_wish_to_look_that_comes_right_behind_a_look_is_kept() {
        Streams streams = streams("create");
        tick(streams);
        assertFalse(streams.isWanted(), "no answer is missing");
        pass(1);
        streams.whyNotStored(namespace + ".VIN.data");
        tick(streams);
        pass(0.1);
        streams.whyNotStored(namespace + ".VIN.data");
        assertFalse(streams.isDue(), "not that often");
        assertTrue(streams.isWanted());
        pass(0.5);
        assertTrue(streams.isDue());
    }

    @Test
    void a_stream_may_answer_if_it_is_configured_or_was_found() throws Exception {
        Streams named = streams("create");
        assertTrue(named.mayAnswer(namespace));
        assertFalse(named.mayAnswer("another"));
        assertFalse(named.mayAnswer(""));
        Streams silent = streams("off");
        assertTrue(silent.mayAnswer("another"), "no name can be known");
        assertFalse(silent.mayAnswer(""));
        assertFalse(silent.isToBeFound("another"));
        Streams looking = streams("verify");
        tick(looking);
        assertFalse(looking.mayAnswer(namespace));
        assertFalse(looking.mayAnswer("another"), "JetStream has answered, and shown none");
        management.addStream(stream(Duration.ofMinutes(5), "elsewhere-" + namespace + ".>"));
        assertTrue(looking.isToBeFound(namespace));
        assertTrue(looking.isToBeFound("no.name at all"));
        assertTrue(looking.isToBeFound(namespace), "as long as it was not looked for");
        pass(1);
        tick(looking);
        assertTrue(looking.mayAnswer(namespace), "it has answered, and it is there");
        assertFalse(looking.mayAnswer("no.name at all"));
        management.deleteStream(namespace);
        pass(1);
        tick(looking);
        assertTrue(looking.mayAnswer(namespace), "an answer may be older than a stream's end");
    }

    @Test
    void off_never_looks() {
        Streams streams = streams("off");
        streams.connected();
        assertEquals("", streams.whyNotStored(namespace + ".VIN.data"));
        streams.unanswered();
        streams.isToBeFound("another");
        pass(100);
        assertFalse(streams.isWanted());
        assertFalse(streams.isDue());
        assertEquals(0, looksWanted);
    }

    @Test
    void an_answer_outranks_the_last_look_at_the_streams() {
        Streams streams = streams("verify");
        tick(streams);
        pass(3);
        tick(streams);
        assertFalse(streams.problem().isEmpty());
        streams.latest().stored();
        assertEquals("", streams.problem());
        assertTrue(streams.warnings().get(0).startsWith("a stream stores records, but JetStream does not show it"));
        assertEquals("", streams.whyNotStored(namespace + ".VIN.data"), "it is away, perhaps");
        streams.connected();
        tick(streams);
        assertFalse(streams.isUnsettled(), "known by now");
    }

    @Test
    void missing_answers_are_a_reason_to_look_but_not_often() throws Exception {
        management.addStream(stream(Duration.ofMinutes(5), namespace + ".>"));
        Streams streams = streams("verify");
        tick(streams);
        streams.unanswered();
        assertFalse(streams.isWanted());
        pass(5);
        streams.unanswered();
        assertTrue(streams.isDue());
        management.deleteStream(namespace);
        tick(streams);
        pass(2.1);
        tick(streams);
        assertTrue(streams.problem().startsWith("no stream stores"), streams.problem());
    }

    @Test
    void jetstream_that_was_there_before_is_only_away_when_no_answer_comes() throws Exception {
        try (NatsServer bare = NatsServer.start();
                Connection without = Nats.connect(Options.builder()
                        .server(bare.url())
                        .advancedRequestBehavior() // as the session's has it
                        .build())) {
            Streams never = streams("verify");
            never.look(without);
            pass(3);
            never.look(without);
            assertTrue(never.problem().startsWith("the server has no JetStream"), never.problem());
            management.addStream(stream(Duration.ofMinutes(5), namespace + ".>"));
            Streams before = streams("verify");
            before.look(client);
            before.look(without);
            pass(3);
            before.look(without);
            assertEquals("", before.problem());
            assertEquals("", before.whyNotStored(namespace + ".VIN.data"), "who knows");
            assertTrue(
                    before.warnings().get(0).contains("there is no answer"),
                    before.warnings().toString());
        }
    }

    @Test
    void that_one_stream_stores_all_is_known_while_jetstream_is_away() throws Exception {
        try (NatsServer bare = NatsServer.start();
                Connection without = Nats.connect(Options.builder()
                        .server(bare.url())
                        .advancedRequestBehavior()
                        .build())) {
            Streams streams = streams("verify");
            assertFalse(streams.isOne(), "the server has not said so");
            management.addStream(stream(Duration.ofMinutes(5), namespace + ".*.data"));
            streams.look(client);
            assertFalse(streams.isOne(), "it stores some");
            management.updateStream(stream(Duration.ofMinutes(5), namespace + ".>"));
            streams.look(client);
            assertTrue(streams.isOne());
            streams.look(without);
            assertTrue(streams.isOne(), "the server has not said otherwise");
            management.deleteStream(namespace);
            streams.look(client);
            assertFalse(streams.isOne());
        }
    }

    @Test
    void a_new_connection_is_looked_at_at_once() {
        Streams streams = streams("verify");
        assertTrue(streams.isDue());
        tick(streams);
        assertFalse(streams.isDue());
        streams.connected();
        assertTrue(streams.isDue());
        assertFalse(streams("off").isDue(), "with off there is no look");
    }

    @Test
    void a_stream_with_a_problem_is_looked_at_again_until_it_has_none() throws Exception {
        management.addStream(stream(Duration.ofSeconds(10), namespace + ".>"));
        Streams streams = streams("verify");
        tick(streams);
        assertEquals(1, streams.warnings().size());
        pass(10);
        assertFalse(streams.isDue());
        management.updateStream(stream(Duration.ofSeconds(150), namespace + ".>"));
        pass(21);
        assertTrue(streams.isDue());
        tick(streams);
        assertEquals(0, streams.warnings().size());
        pass(1_000);
        assertFalse(streams.isWanted(), "all is well");
    }

    @Test
    void a_server_that_does_not_answer_is_asked_again() throws Exception {
        try (NatsServer paused = NatsServer.start("jetstream { store_dir: $DIR }");
                Connection connection = Nats.connect(paused.url())) {
            connection.jetStreamManagement().addStream(stream(Duration.ofMinutes(5), namespace + ".>"));
            Streams streams = streams("verify");
            paused.pause();
            streams.look(connection);
            paused.resume();
            assertTrue(streams.warnings().get(0).startsWith("JetStream does not say"));
            assertEquals("", streams.whyNotStored(namespace + ".VIN.data"), "who knows");
            pass(31);
            assertTrue(streams.isDue());
            streams.look(connection);
            assertEquals(0, streams.warnings().size());
        }
    }

    @Test
    void a_stream_without_acks_beside_one_with_them_is_named() throws Exception {
        management.addStream(stream(Duration.ofMinutes(5), namespace + ".*.data"));
        management.addStream(StreamConfiguration.builder()
                .name(namespace + "-silent")
                .subjects(namespace + ".*.alerts")
                .noAck(true)
                .duplicateWindow(Duration.ofMinutes(5))
                .build());
        Streams streams = streams("verify");
        pass(3);
        tick(streams);
        assertEquals("", streams.problem());
        String problems = String.join("; ", streams.warnings());
        assertTrue(problems.contains(namespace + "-silent has no_ack set"), problems);
    }
}
