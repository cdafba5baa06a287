package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * JetStream's answers to a record in the words of each version, byte for byte. The test itself answers, by a server without
 * JetStream, because a real stream gives most of these answers only for a moment, or only in one version. The tests in
 * {@code faults} bring real servers to give them.
 */
@Execution(ExecutionMode.CONCURRENT) // most of a test is waiting, and each has a namespace of its own
@Tag("every-server")
class ServerVersionsTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    /** A record without any answer is written again after five seconds. One that is written earlier was postponed. */
    private static final Duration AT_ONCE = Duration.ofSeconds(3);

    /** Answers that postpone a record. */
    private enum NotNow {
        NO_RESPONDERS_TO_2_11("NATS/1.0 503\r\n\r\n", "", "code 503"),
        NO_RESPONDERS_FROM_2_12("NATS/1.0 503\r\nNats-Subject: ns.VIN.data\r\n\r\n", "", "code 503"),
        FULL_QUEUE_FROM_2_11(
                "NATS/1.0 429 Too Many Requests\r\n\r\n",
                error(429, 10_167, "too many requests"),
                "Too Many Requests (code 429)"),
        FULL_QUEUE_WITHOUT_A_STATUS("", error(429, 10_167, "too many requests"), "err_code 10167"),
        NO_LEADER("", error(503, 10_008, "JetStream system temporarily unavailable"), "err_code 10008"),
        STREAM_OFFLINE_FROM_2_11("", error(503, 10_163, "stream is offline"), "err_code 10163"),
        NOT_AGREED_ON_2_10(
                "", "{\"stream\":\"S\", \"seq\":0,\"duplicate\": true}", "not agreed on the record's first copy"),
        NOT_AGREED_ON_FROM_2_11("", error(409, 10_158, "duplicate message id is in process"), "err_code 10158");

        private final String header;
        private final String body;
        private final String shown;

        NotNow(String header, String body, String shown) {
            this.header = header;
            this.body = body;
            this.shown = shown;
        }

        private static String error(int code, int detail, String words) {
            return "{\"error\":{\"code\":" + code + ",\"err_code\":" + detail + ",\"description\":\"" + words
                    + "\"},\"stream\":\"S\",\"seq\":0}";
        }
    }

    private static NatsServer server;
    private static Connection client;

    private final String namespace = "ns-" + NUID.nextGlobal();
    private final Outcomes outcomes = new Outcomes();
    private Subscription published;

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start();
        client = Nats.connect(server.url());
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    @BeforeEach
    void listen() throws Exception {
        published = client.subscribe(namespace + ".>");
        client.flush(SOON);
    }

    @AfterEach
    void leave() {
        published.unsubscribe();
    }

    private NatsDatastore open(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(
                Map.of("url", server.url(), "namespace", namespace, "delivery", "jetstream", "stream.setup", "off"));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return NatsDatastoreTest.open(settings);
    }

    private Message offer(NatsDatastore datastore) throws InterruptedException {
        datastore.produce(Records.record("VIN", "V", "some bytes".getBytes(UTF_8)), outcomes);
        return published.nextMessage(SOON);
    }

    private static void answer(Message written, NotNow how) throws Exception {
        RawMessage.publish(server.port(), written.getReplyTo(), how.header, how.body);
    }

    private static void assertSame(Message before, Message again) {
        assertEquals(before.getReplyTo(), again.getReplyTo());
        assertEquals(
                before.getHeaders().getFirst("Nats-Msg-Id"), again.getHeaders().getFirst("Nats-Msg-Id"));
        assertArrayEquals(before.getData(), again.getData());
    }

    @ParameterizedTest
    @EnumSource(NotNow.class)
    void a_record_that_any_version_postpones_is_written_again_with_the_same_id_until_it_is_stored(NotNow how)
            throws Exception {
        try (NatsDatastore datastore = open()) {
            Message written = offer(datastore);
            for (int i = 0; i < 3; i++) {
                long before = System.nanoTime();
                answer(written, how);
                Message again = published.nextMessage(SOON);
                Duration taken = Duration.ofNanos(System.nanoTime() - before);
                assertTrue(taken.compareTo(AT_ONCE) < 0, "written again after " + taken);
                assertSame(written, again);
                assertEquals(0, outcomes.ended(), "neither confirmed nor failed");
            }
            String status = datastore.status().summary();
            assertTrue(status.contains("could not be stored at once"), status);
            assertTrue(status.contains(how.shown), status);
            client.publish(written.getReplyTo(), "{\"stream\":\"S\",\"seq\":1}".getBytes(UTF_8));
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"stream\":\"S\", \"seq\":7}",
                "{\"stream\":\"S\",\"seq\":7}",
                "{\"stream\":\"S\", \"seq\":7,\"duplicate\": true}",
                "{\"stream\":\"S\",\"seq\":7,\"domain\":\"hub\"}",
                "{\"stream\":\"S\",\"seq\":7,\"val\":\"3\"}",
                "{\"stream\":\"S\",\"seq\":7,\"batch\":\"b\",\"count\":1}",
                "{\"stream\":\"S\",\"not known yet\":{\"a\":[1,\"}\",null]},\"seq\":7}"
            })
    void a_puback_in_the_words_of_any_version_confirms(String words) throws Exception {
        try (NatsDatastore datastore = open()) {
            client.publish(offer(datastore).getReplyTo(), words.getBytes(UTF_8));
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            assertEquals("0", datastore.status().details().get("unexpected_replies"));
        }
    }

    /**
     * A leader of 2.10.14 to 2.10.29 can call a record a duplicate although its first copy is lost: for two minutes, if that is
     * the stream's window.
     */
    @Test
    void a_record_that_stays_a_duplicate_without_a_number_fails_and_is_never_confirmed() throws Exception {
        int timeout = 3_000;
        try (NatsDatastore datastore = open("confirm.timeout.ms", String.valueOf(timeout))) {
            long begin = System.nanoTime();
            Message written = offer(datastore);
            while (outcomes.ended() == 0) {
                answer(written, NotNow.NOT_AGREED_ON_2_10);
                Message again = published.nextMessage(AT_ONCE);
                if (again != null) {
                    assertSame(written, again);
                }
            }
            assertTrue(System.nanoTime() - begin >= timeout * 1_000_000L, "not before the time is up");
            Failure why = outcomes.awaitEnded(1).failures().get(0);
            assertEquals(Failure.Kind.EXPIRED, why.kind());
            assertTrue(
                    why.reason().contains("the cluster has not agreed on the record's first copy yet"), why.reason());
            answer(written, NotNow.NOT_AGREED_ON_2_10);
            client.publish(written.getReplyTo(), "{\"stream\":\"S\",\"seq\":1}".getBytes(UTF_8));
            await().atMost(SOON)
                    .until(() -> "1".equals(datastore.status().details().get("late_acks")));
            assertEquals(0, outcomes.confirmed().size());
        }
    }
}
