package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.Link.Way;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.Transcript;
import io.fleettelemetry.testkit.Transcript.Frame;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamSubscription;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.Subscription;
import io.nats.client.api.DiscardPolicy;
import io.nats.client.api.MessageInfo;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code delivery = jetstream} promises, against a real nats-server. {@code faults} has what breaks meanwhile. */
@Execution(ExecutionMode.CONCURRENT) // most of a test is waiting, and each has a namespace of its own
@Tag("every-server")
@Tag("newest-server")
class JetStreamTest {

    private static final String JETSTREAM = "jetstream { store_dir: $DIR }";
    private static final Duration SOON = Duration.ofSeconds(20);
    /** How long the status says that records were refused. */
    private static final Duration STATUS_REMEMBERS = Duration.ofSeconds(10);

    private static final Duration LONG_WINDOW = Duration.ofMinutes(5);

    private static NatsServer server;
    private static Connection client;
    private static JetStreamManagement streams;

    /** A namespace and a stream of each test's own, so that they can share a server. */
    private final String namespace = "ns-" + NUID.nextGlobal();

    private final String stream = namespace + "-stream";
    private final Outcomes outcomes = new Outcomes();
    private final TestClock clock = new TestClock();

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start(JETSTREAM);
        client = Nats.connect(server.url());
        streams = client.jetStreamManagement();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    private NatsSettings settings(String... keysAndValues) {
        return NatsSettings.parse(keys(keysAndValues));
    }

    private Map<String, String> keys(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "url", server.url(), "namespace", namespace, "delivery", "jetstream", "reconnect.wait.ms", "50"));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return settings;
    }

    /** Opens a datastore that stores, with these keys and values besides. */
    private NatsDatastore open(String... keysAndValues) {
        return NatsDatastoreTest.open(keys(keysAndValues), clock);
    }

    private StreamConfiguration.Builder streamOf(String... subjects) {
        return StreamConfiguration.builder()
                .name(stream)
                .subjects(subjects)
                .storageType(StorageType.Memory)
                .duplicateWindow(LONG_WINDOW);
    }

    private void addStream() throws Exception {
        streams.addStream(streamOf(namespace + ".>").build());
    }

    private long stored() {
        try {
            return streams.getStreamInfo(stream).getStreamState().getMsgCount();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static TelemetryRecord record(String type, String text) {
        return Records.record("VIN", type, text.getBytes(UTF_8));
    }

    private static TelemetryRecord record(String text) {
        return record("V", text);
    }

    private static void awaitStatus(NatsDatastore datastore, Status.State state, String... parts) {
        await(state + " " + String.join(" ", parts)).atMost(SOON).until(datastore::status, status -> {
            return status.state() == state && List.of(parts).stream().allMatch(status.summary()::contains);
        });
    }

    /** Offers a record and waits until it has ended. */
    private static Outcomes ended(NatsDatastore datastore, TelemetryRecord record) {
        Outcomes outcomes = new Outcomes();
        datastore.produce(record, outcomes);
        return outcomes.awaitEnded(1);
    }

    private static void assertConfirms(NatsDatastore datastore) {
        TelemetryRecord record = record("to be stored");
        Outcomes outcomes = ended(datastore, record);
        assertEquals(
                List.of(record), outcomes.confirmed(), () -> outcomes.failures().toString());
    }

    private static void assertFails(NatsDatastore datastore, TelemetryRecord record, String... parts) {
        Failure failure = ended(datastore, record).failures().get(0);
        assertEquals(Failure.Kind.ERROR, failure.kind());
        for (String part : parts) {
            assertTrue(failure.reason().contains(part), failure.reason());
        }
    }

    // ---- what is confirmed -----------------------------------------------------------------------------------------

    @Test
    void a_record_is_confirmed_once_it_is_stored_with_its_subject_its_bytes_and_an_id_of_ours() throws Exception {
        addStream();
        TelemetryRecord record =
                TelemetryRecord.of("VIN", "alerts", "txid-of-the-vehicle", new byte[] {0, '\r', '\n', -1}, Map.of());
        try (NatsDatastore datastore = open()) {
            assertEquals(List.of(record), ended(datastore, record).confirmed());
            assertEquals(1, stored(), "stored before it is confirmed");
            MessageInfo message = streams.getMessage(stream, 1);
            assertEquals(namespace + ".VIN.alerts", message.getSubject());
            assertArrayEquals(record.payload(), message.getData());
            String id = message.getHeaders().getFirst("Nats-Msg-Id");
            assertTrue(id.matches("[0-9A-Za-z]{22}-[0-9a-f]{16}"), id);
            assertEquals(Set.of("Nats-Msg-Id"), message.getHeaders().keySet());
            awaitStatus(datastore, Status.State.OK, "connected");
            Map<String, String> details = datastore.status().details();
            assertEquals("jetstream", details.get("delivery"));
            assertEquals("0", details.get("late_acks"));
            assertTrue(details.get("streams").startsWith(stream + ": subjects " + namespace + ".>, memory storage"));
        }
    }

    @Test
    void ten_thousand_records_are_stored_once_each_in_the_order_of_offering() throws Exception {
        addStream();
        int records = 10_000;
        try (NatsDatastore datastore = open()) {
            IntStream.range(0, records).forEach(i -> datastore.produce(record("" + i), outcomes));
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
        }
        assertEquals(records, stored());
        for (int i : new int[] {1, 2, 777, 9_999, 10_000}) {
            assertEquals("" + (i - 1), new String(streams.getMessage(stream, i).getData(), UTF_8));
        }
    }

    @Test
    void a_stream_that_acknowledges_nothing_is_critical_and_records_fail_until_it_does() throws Exception {
        streams.addStream(streamOf(namespace + ".>").noAck(true).build());
        try (NatsDatastore datastore = open()) {
            awaitStatus(datastore, Status.State.CRITICAL, stream, "has no_ack set", "unset it");
            assertFails(datastore, record("x"), "no_ack");
            streams.updateStream(streamOf(namespace + ".>").noAck(false).build());
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
        }
    }

    @Test
    void a_record_whose_ack_never_comes_is_written_again_on_the_same_connection_and_stored_once() throws Exception {
        streams.addStream(streamOf(namespace + ".>").noAck(true).build());
        try (NatsDatastore datastore = open("stream.setup", "off")) {
            datastore.produce(record("x"), outcomes);
            await().atMost(SOON).until(() -> stored() == 1);
            streams.updateStream(streamOf(namespace + ".>").noAck(false).build());
            assertEquals(0, outcomes.ended(), "not without a PubAck");
            Outcomes others = new Outcomes();
            IntStream.range(0, 1_000).forEach(i -> datastore.produce(record("" + i), others));
            assertEquals(1_000, others.awaitEnded(1_000).confirmed().size(), "the missing one holds up no other");
            assertEquals(0, outcomes.ended());
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            assertEquals(1_001, stored());
            assertEquals("0", datastore.status().details().get("reconnects"));
        }
    }

    @Test
    void a_record_whose_ack_is_lost_with_the_link_is_stored_once_and_confirmed_once() throws Exception {
        addStream();
        try (Link link = Link.to(server.port());
                NatsDatastore datastore =
                        open("url", link.url(), "heartbeat.ms", "100", "silent.ms", "500", "drain.timeout.ms", "0")) {
            awaitStatus(datastore, Status.State.OK);
            link.swallow(Way.TO_CLIENT);
            datastore.produce(record("x"), outcomes);
            await().atMost(SOON).until(() -> stored() == 1);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            assertEquals(2, link.connections(), "the first one could not tell");
            assertEquals(1, stored());
        }
    }

    @Test
    void a_record_that_has_expired_stays_failed_and_its_late_ack_is_only_counted() throws Exception {
        try (NatsServer bare = NatsServer.start();
                Connection slow = Nats.connect(bare.url());
                NatsDatastore datastore = open("url", bare.url(), "stream.setup", "off", "confirm.timeout.ms", "300")) {
            Subscription published = slow.subscribe(namespace + ".>");
            slow.flush(SOON);
            IntStream.range(0, 10).forEach(i -> datastore.produce(record("" + i), outcomes));
            outcomes.awaitEnded(10);
            assertEquals(Failure.Kind.EXPIRED, outcomes.failures().get(0).kind());
            assertTrue(outcomes.failures().get(0).reason().contains("confirm.timeout.ms = 300"));
            for (int i = 0; i < 10; i++) {
                String inbox = published.nextMessage(SOON).getReplyTo();
                slow.publish(inbox, "{\"stream\":\"X\",\"seq\":1}".getBytes(UTF_8));
            }
            await().atMost(SOON)
                    .until(() -> datastore.status().details().get("late_acks").equals("10"));
            assertEquals(10, outcomes.failed().size());
            assertEquals(0, outcomes.confirmed().size());
            assertNull(published.nextMessage(Duration.ofMillis(100)), "what has expired is not published again");
        }
    }

    @Test
    void an_answer_that_is_no_ack_confirms_nothing() throws Exception {
        List<String> answers = List.of(
                "garbage",
                "",
                "{}",
                "[]",
                "null",
                "{\"stream\":\"X\"}",
                "{\"stream\":\"\",\"seq\":7}",
                "{\"stream\":null,\"seq\":7}",
                "{\"seq\":7}",
                "{\"stream\":\"X\",\"seq\":\"7\"}",
                "{\"stream\":\"X\",\"seq\":-1}",
                "{\"stream\":\"X\",\"seq\":0}",
                "{\"stream\":\"X\",\"seq\":0,\"duplicate\":true}",
                "{\"error\":{\"code\":503}}",
                "{\"error\":{\"code\":503,\"err_code\":10008}}",
                "{\"error\":\"no object\",\"stream\":\"X\",\"seq\":7}");
        try (NatsServer bare = NatsServer.start();
                Connection stranger = Nats.connect(bare.url());
                NatsDatastore datastore = open("url", bare.url(), "stream.setup", "off", "confirm.timeout.ms", "500")) {
            stranger.createDispatcher(message -> stranger.publish(message.getReplyTo(), message.getData()))
                    .subscribe(namespace + ".>");
            stranger.flush(SOON);
            answers.forEach(answer -> datastore.produce(record(answer), outcomes));
            outcomes.awaitEnded(answers.size());
            assertEquals(List.of(), outcomes.confirmed());
            outcomes.failures().forEach(failure -> assertEquals(Failure.Kind.EXPIRED, failure.kind()));
            TelemetryRecord ack = record("{\"stream\":\"X\",\"seq\":1}");
            assertEquals(List.of(ack), ended(datastore, ack).confirmed(), "answers do arrive");
        }
    }

    /** Answers to all that this namespace's subscribers see, as a stream would. */
    private void forge(String stream) throws Exception {
        byte[] ack = ("{\"stream\":\"" + stream + "\",\"seq\":7}").getBytes(UTF_8);
        client.createDispatcher(message -> client.publish(message.getReplyTo(), ack))
                .subscribe(namespace + ".>");
        client.flush(SOON);
    }

    private void assertConfirmsNothing(NatsDatastore datastore, int records) {
        Outcomes outcomes = new Outcomes();
        IntStream.range(0, records).forEach(i -> datastore.produce(record("forged " + i), outcomes));
        outcomes.awaitEnded(records);
        assertEquals(List.of(), outcomes.confirmed());
    }

    @ParameterizedTest
    @ValueSource(strings = {"verify", "create", "off"})
    void an_ack_of_another_stream_than_the_configured_one_confirms_nothing(String setup) throws Exception {
        streams.addStream(streamOf(namespace + ".>")
                .maxMessages(1)
                .discardPolicy(DiscardPolicy.New)
                .build());
        forge("SOMETHING_ELSE");
        try (NatsDatastore datastore = open("stream", stream, "stream.setup", setup, "confirm.timeout.ms", "2000")) {
            assertConfirms(datastore);
            assertConfirmsNothing(datastore, 100);
            assertEquals(1, stored());
            await("the forged answers")
                    .until(() -> Integer.parseInt(datastore.status().details().get("unexpected_replies")) >= 4);
            String summary = datastore.status().summary();
            assertTrue(summary.contains("unexpected replies") && summary.contains("SOMETHING_ELSE"), summary);
        }
    }

    @Test
    void an_ack_of_a_stream_that_was_not_found_confirms_nothing_even_when_the_one_that_was_has_gone() throws Exception {
        addStream();
        forge("SOMETHING_ELSE");
        try (NatsDatastore datastore = open("confirm.timeout.ms", "2000")) {
            assertConfirms(datastore);
            streams.deleteStream(stream);
            assertConfirmsNothing(datastore, 10);
            awaitStatus(datastore, Status.State.CRITICAL, "no stream stores");
            Failure why = ended(datastore, record("x")).failures().get(0);
            assertTrue(why.reason().contains("no stream stores"), why.reason());
            assertTrue(why.reason().contains("SOMETHING_ELSE"), why.reason());
        }
    }

    @Test
    void an_unexpected_reply_is_a_warning_with_a_count() throws Exception {
        addStream();
        try (NatsDatastore datastore = open()) {
            awaitStatus(datastore, Status.State.OK);
            forge("SOMETHING_ELSE");
            assertConfirms(datastore);
            awaitStatus(datastore, Status.State.WARN, "unexpected replies in the last", ": 1,", "SOMETHING_ELSE");
            assertEquals("1", datastore.status().details().get("unexpected_replies"));
        }
    }

    /** The way that delivery.md shows: even the right name does not help who may not publish to the inbox. */
    @Test
    void who_may_not_publish_to_the_inbox_cannot_forge_an_ack() throws Exception {
        String users = "accounts { A { jetstream: enabled, users = ["
                + "{ user: u, password: p, permissions: { publish: [\"" + namespace
                + ".>\", \"$JS.API.>\"], subscribe: \"_FLEET.>\" } },"
                + "{ user: dashboard, password: d, permissions: { publish: { deny: \"_FLEET.>\" }, subscribe: [\""
                + namespace
                + ".>\", \"_INBOX.>\"] } } ] } }";
        try (NatsServer strict = NatsServer.start(JETSTREAM, users);
                Connection dashboard = Nats.connect(strict.url().replace("//", "//dashboard:d@"));
                NatsDatastore datastore = open(
                        user(strict, "inbox.prefix", "_FLEET", "stream.setup", "off", "confirm.timeout.ms", "1000"))) {
            byte[] ack = "{\"stream\":\"FLEET\",\"seq\":7}".getBytes(UTF_8);
            dashboard
                    .createDispatcher(message -> dashboard.publish(message.getReplyTo(), ack))
                    .subscribe(namespace + ".>");
            dashboard.flush(SOON);
            assertConfirmsNothing(datastore, 10);
            dashboard
                    .jetStreamManagement()
                    .addStream(streamOf(namespace + ".>").name("FLEET").build());
            assertConfirms(datastore);
            assertEquals("0", datastore.status().details().get("unexpected_replies"));
        }
    }

    @Test
    void a_stream_that_takes_the_place_of_the_one_that_was_found_is_found() throws Exception {
        addStream();
        try (NatsDatastore datastore = open()) {
            assertConfirms(datastore);
            streams.deleteStream(stream);
            streams.addStream(StreamConfiguration.builder()
                    .name(stream + "-2")
                    .subjects(namespace + ".>")
                    .duplicateWindow(LONG_WINDOW)
                    .build());
            assertConfirms(datastore);
        }
    }

    @Test
    void an_answer_that_is_not_a_puback_confirms_nothing() throws Exception {
        addStream();
        client.createDispatcher(message -> client.publish(message.getReplyTo(), "thank you".getBytes(UTF_8)))
                .subscribe(namespace + ".>");
        client.flush(SOON);
        try (NatsDatastore datastore = open()) {
            IntStream.range(0, 100).forEach(i -> datastore.produce(record("" + i), outcomes));
            assertEquals(100, outcomes.awaitEnded(100).confirmed().size());
            assertEquals(100, stored());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"429 Too Many Requests", "503"})
    void a_record_that_a_busy_stream_postpones_is_written_again_in_a_quarter_of_a_second(String status)
            throws Exception {
        try (NatsServer bare = NatsServer.start();
                Connection busy = Nats.connect(bare.url());
                NatsDatastore datastore = open("url", bare.url(), "stream.setup", "off")) {
            Subscription published = busy.subscribe(namespace + ".>");
            busy.flush(SOON);
            datastore.produce(record("x"), outcomes);
            String reply = published.nextMessage(SOON).getReplyTo();
            long before = System.nanoTime();
            RawMessage.publish(bare.port(), reply, "NATS/1.0 " + status + "\r\n\r\n", "");
            assertEquals(reply, published.nextMessage(SOON).getReplyTo());
            long millis = (System.nanoTime() - before) / 1_000_000;
            assertTrue(millis < 3_000, "written again after " + millis + " ms, not when no answer had come for 5 s");
            assertEquals(0, outcomes.ended());
            awaitStatus(datastore, Status.State.WARN, "1 record could not be stored at once", status.substring(0, 3));
            busy.publish(reply, "{\"stream\":\"S\",\"seq\":1}".getBytes(UTF_8));
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            awaitStatus(datastore, Status.State.OK);
        }
    }

    @Test
    void a_stream_whose_queue_is_full_says_429_and_stores_all_in_the_end() throws Exception {
        assumeTrue(client.getServerInfo().isSameOrNewerThanVersion("2.11.0"), "older servers have no such queue");
        int records = 3_000;
        try (NatsServer small = NatsServer.start("jetstream { store_dir: $DIR, max_buffered_msgs: 100 }");
                NatsDatastore datastore = open("url", small.url(), "stream", stream, "stream.setup", "create")) {
            assertConfirms(datastore);
            IntStream.range(0, records).forEach(i -> datastore.produce(record("" + i), outcomes));
            awaitStatus(datastore, Status.State.WARN, "could not be stored at once", "Too Many Requests (code 429)");
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
        }
    }

    /** The queue is as long as that of 2.11. Each producer may have 8,192 records without an answer. */
    @Test
    void two_producers_that_share_a_queue_of_10000_store_everything_once() throws Exception {
        assumeTrue(client.getServerInfo().isSameOrNewerThanVersion("2.11.0"), "older servers have no such queue");
        int records = 20_000;
        Outcomes others = new Outcomes();
        try (NatsServer shared = NatsServer.start("jetstream { store_dir: $DIR, max_buffered_msgs: 10000 }");
                NatsDatastore one = open("url", shared.url(), "stream", stream, "stream.setup", "create");
                NatsDatastore other = open("url", shared.url(), "stream", stream, "batch", "off");
                Connection reader = Nats.connect(shared.url())) {
            assertConfirms(one);
            assertConfirms(other);
            for (int i = 0; i < records; i++) {
                one.produce(record("" + i), outcomes);
                other.produce(record("" + i), others);
            }
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
            assertEquals(records, others.awaitEnded(records).confirmed().size());
            assertEquals(
                    2 * records + 2,
                    reader.jetStreamManagement()
                            .getStreamInfo(stream)
                            .getStreamState()
                            .getMsgCount());
        }
    }

    /** The loop keeps within the queue, and so is never refused. */
    @Test
    void many_records_at_once_to_a_stream_with_a_small_queue_take_little_longer_than_one_after_the_other()
            throws Exception {
        assumeTrue(client.getServerInfo().isSameOrNewerThanVersion("2.11.0"), "older servers have no such queue");
        int records = 20_000;
        try (NatsServer small = NatsServer.start("jetstream { store_dir: $DIR, max_buffered_msgs: 50 }");
                NatsDatastore datastore = open("url", small.url(), "stream", stream, "stream.setup", "create");
                Connection bare = Nats.connect(small.url())) {
            assertConfirms(datastore);
            long start = System.nanoTime();
            Semaphore room = new Semaphore(32);
            for (int i = 0; i < records; i++) {
                room.acquire();
                bare.jetStream()
                        .publishAsync(namespace + ".BARE.data", new byte[100])
                        .thenRun(room::release);
            }
            room.acquire(32);
            long needed = System.nanoTime() - start;
            start = System.nanoTime();
            IntStream.range(0, records).forEach(i -> datastore.produce(record("" + i), outcomes));
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
            long taken = System.nanoTime() - start;
            assertTrue(taken < 5 * needed + 3_000_000_000L, taken + " ns, and by the loop " + needed + " ns");
        }
    }

    @Test
    void a_record_that_expires_names_the_answer_that_postponed_it() throws Exception {
        try (NatsDatastore datastore = open("stream", stream, "stream.setup", "off", "confirm.timeout.ms", "1000")) {
            Failure why = ended(datastore, record("x")).failures().get(0);
            assertEquals(Failure.Kind.EXPIRED, why.kind());
            assertTrue(why.reason().contains("no stream answers (code 503, no responders)"), why.reason());
        }
    }

    // ---- streams that JetStream does not show here, or that are away
    // --------------------------------------------------

    /** Records go to a stream under other subjects. */
    private String mapped() {
        return "mappings: { \"" + namespace + ".*.*\": \"eu." + namespace + ".$1.$2\" }";
    }

    @Test
    void with_off_nothing_is_asked_and_a_stream_that_is_made_again_behind_a_mapping_stores_what_has_waited()
            throws Exception {
        try (NatsServer mapping = NatsServer.start(JETSTREAM, mapped());
                Connection there = Nats.connect(mapping.url());
                Link link = Link.to(mapping.port())) {
            StreamConfiguration hidden = streamOf("eu." + namespace + ".>").build();
            there.jetStreamManagement().addStream(hidden);
            link.record();
            try (NatsDatastore datastore = open("url", link.url(), "stream", stream, "stream.setup", "off")) {
                assertConfirms(datastore);
                there.jetStreamManagement().deleteStream(stream);
                IntStream.range(0, 20).forEach(i -> datastore.produce(record("" + i), outcomes));
                awaitStatus(datastore, Status.State.CRITICAL, "no record was stored", "no stream answers");
                assertEquals(0, outcomes.ended(), "they wait");
                there.jetStreamManagement().addStream(hidden);
                assertEquals(20, outcomes.awaitEnded(20).confirmed().size());
                assertConfirms(datastore);
                awaitStatus(datastore, Status.State.OK);
            }
            Transcript said = Transcript.ofClient(link.recordings().get(0).fromClient());
            assertTrue(
                    said.messages().stream().allMatch(frame -> frame.subject().startsWith(namespace)));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_stream_that_verify_cannot_see_is_a_warning_and_records_are_stored(boolean named) throws Exception {
        try (NatsServer mapping = NatsServer.start(JETSTREAM, mapped());
                Connection there = Nats.connect(mapping.url())) {
            StreamConfiguration hidden = streamOf("eu." + namespace + ".>").build();
            there.jetStreamManagement().addStream(hidden);
            try (NatsDatastore datastore = open("url", mapping.url(), "stream", named ? stream : "")) {
                assertConfirms(datastore);
                awaitStatus(
                        datastore,
                        Status.State.WARN,
                        "a stream stores records, but JetStream does not show it for " + namespace + ".*.*",
                        "stream.setup = off");
                assertConfirms(datastore);
                there.jetStreamManagement().deleteStream(stream);
                datastore.produce(record("waits"), outcomes);
                awaitStatus(datastore, Status.State.CRITICAL, "no record was stored", "no stream answers");
                there.jetStreamManagement().addStream(hidden);
                assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            }
        }
    }

    /** The stream belongs to another account, which JetStream does not show in ours: only its name tells that it is the one. */
    @Test
    void a_stream_of_another_account_confirms_if_it_is_named() throws Exception {
        String accounts = "accounts { THEIRS { jetstream: enabled, users = [ { user: t, password: t } ],"
                + " exports = [ { service: \"" + namespace + ".>\" } ] },"
                + " OURS { users = [ { user: u, password: p } ],"
                + " imports = [ { service: { account: THEIRS, subject: \"" + namespace + ".>\" } } ] } }";
        try (NatsServer server = NatsServer.start(JETSTREAM, accounts);
                Connection theirs = Nats.connect(server.url().replace("//", "//t:t@"))) {
            theirs.jetStreamManagement().addStream(streamOf(namespace + ".>").build());
            try (NatsDatastore datastore = open(user(server, "stream", stream, "stream.setup", "verify"))) {
                assertConfirms(datastore);
                awaitStatus(datastore, Status.State.WARN, "a stream stores records, but JetStream does not show it");
            }
            try (NatsDatastore datastore = open(user(server, "stream", stream, "stream.setup", "off"))) {
                assertConfirms(datastore);
                awaitStatus(datastore, Status.State.OK);
            }
            try (NatsDatastore datastore =
                    open(user(server, "stream", "", "stream.setup", "verify", "confirm.timeout.ms", "4000"))) {
                Failure why = ended(datastore, record("x")).failures().get(0);
                assertTrue(why.reason().contains("neither the configured one nor"), why.reason());
                assertTrue(why.reason().contains(stream), why.reason());
            }
        }
    }

    /** A hub with the stream, and a leaf without. */
    private void behindALeaf(String jetStreamOfLeaf, String jetStreamOfHub, String... keys) throws Exception {
        int port = FreePort.next();
        try (NatsServer hub = NatsServer.start(jetStreamOfHub, "leafnodes { listen: \"127.0.0.1:" + port + "\" }");
                NatsServer leaf = NatsServer.start(
                        jetStreamOfLeaf,
                        "leafnodes { reconnect: 1, remotes: [ { url: \"nats-leaf://127.0.0.1:" + port + "\" } ] }")) {
            try (Connection there = Nats.connect(hub.url())) {
                there.jetStreamManagement()
                        .addStream(streamOf(namespace + ".>")
                                .storageType(StorageType.File)
                                .build());
            }
            await().atMost(SOON).until(() -> leaf.log().contains("Leafnode connection created"));
            List<String> all = new ArrayList<>(List.of("url", leaf.url(), "stream", stream));
            all.addAll(List.of(keys));
            try (NatsDatastore datastore = open(all.toArray(String[]::new))) {
                assertConfirms(datastore);
                hub.kill();
                long away = System.nanoTime();
                IntStream.range(0, 60).forEach(i -> datastore.produce(record("" + i), outcomes));
                awaitStatus(datastore, Status.State.CRITICAL, "no record was stored");
                await().atMost(SOON).until(() -> System.nanoTime() - away > 6_000_000_000L);
                assertEquals(List.of(), outcomes.failures(), "they wait");
                hub.restart();
                assertEquals(60, outcomes.awaitEnded(60).confirmed().size());
                assertConfirms(datastore);
                await().atMost(SOON).until(() -> datastore.status().state() != Status.State.CRITICAL);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"verify", "off"})
    void records_wait_while_the_hub_with_their_stream_is_away(String setup) throws Exception {
        behindALeaf("", JETSTREAM, "stream.setup", setup);
    }

    @Test
    void records_wait_while_the_hub_of_the_domain_is_away() throws Exception {
        behindALeaf(
                "jetstream { store_dir: $DIR, domain: leaf }",
                "jetstream { store_dir: $DIR, domain: hub }",
                "js.domain",
                "hub");
    }

    @Test
    void a_deleted_stream_is_noticed_and_made_again_though_others_receive_its_records() throws Exception {
        Subscription others = client.subscribe(namespace + ".>");
        try (NatsDatastore datastore = open("stream", stream, "stream.setup", "create")) {
            assertConfirms(datastore);
            streams.deleteStream(stream);
            datastore.produce(record("x"), outcomes);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            assertEquals(1, stored());
            awaitStatus(datastore, Status.State.OK);
        }
        others.unsubscribe();
    }

    @Test
    void a_deleted_stream_is_critical_though_others_receive_its_records_which_expire_with_the_reason()
            throws Exception {
        addStream();
        Subscription others = client.subscribe(namespace + ".>");
        try (NatsDatastore datastore = open("confirm.timeout.ms", "9000")) {
            assertConfirms(datastore);
            streams.deleteStream(stream);
            datastore.produce(record("x"), outcomes);
            awaitStatus(datastore, Status.State.CRITICAL, "no stream stores " + namespace);
            Failure why = outcomes.awaitEnded(1).failures().get(0);
            assertTrue(why.reason().contains("no stream stores " + namespace), why.reason());
        }
        others.unsubscribe();
    }

    // ---- streams that take nothing
    // ------------------------------------------------------------------------------------

    @Test
    void a_full_stream_is_critical_with_the_servers_words_as_long_as_it_refuses_all() throws Exception {
        streams.addStream(streamOf(namespace + ".>")
                .maxMessages(1)
                .discardPolicy(DiscardPolicy.New)
                .build());
        try (NatsDatastore datastore = open()) {
            assertConfirms(datastore);
            assertFails(datastore, record("x"), "maximum messages exceeded");
            awaitStatus(
                    datastore, Status.State.CRITICAL, "no record was stored", "refused 1 record", "maximum messages");
            streams.purgeStream(stream);
            assertConfirms(datastore);
            awaitStatus(datastore, Status.State.WARN, "the stream refused 1 record", "maximum messages");
            clock.pass(STATUS_REMEMBERS);
            awaitStatus(datastore, Status.State.OK);
        }
    }

    @Test
    void a_sealed_stream_is_critical() throws Exception {
        addStream();
        try (NatsDatastore datastore = open()) {
            assertConfirms(datastore);
            streams.updateStream(streamOf(namespace + ".>").seal().build());
            assertFails(datastore, record("x"), "sealed");
            awaitStatus(datastore, Status.State.CRITICAL, "no record was stored", "sealed");
        }
    }

    @Test
    void a_full_store_is_critical_and_the_reason_why_records_expire() throws Exception {
        try (NatsServer small =
                        NatsServer.start("jetstream { store_dir: $DIR, max_file_store: 1MB, max_memory_store: 1MB }");
                NatsDatastore datastore = open(
                        "url", small.url(), "stream", stream, "stream.setup", "create", "confirm.timeout.ms", "6000")) {
            assertConfirms(datastore);
            for (int i = 0; i < 40; i++) {
                datastore.produce(Records.record("VIN" + i, "V", new byte[50_000]), outcomes);
            }
            awaitStatus(datastore, Status.State.CRITICAL, "no record was stored", "resources");
            outcomes.awaitEnded(40);
            assertTrue(outcomes.failures().size() >= 10);
            outcomes.failures().forEach(why -> assertTrue(why.reason().contains("resources"), why.reason()));
        }
    }

    @Test
    void an_accounts_limit_is_critical_with_the_servers_words() throws Exception {
        String account =
                "accounts { A { jetstream: { max_mem: 100KB, max_file: 100KB }, users = [ { user: u, password: p } ] } }";
        try (NatsServer limited = NatsServer.start(JETSTREAM, account);
                NatsDatastore datastore = open(user(limited, "confirm.timeout.ms", "6000"))) {
            assertConfirms(datastore);
            for (int i = 0; i < 20; i++) {
                datastore.produce(Records.record("VIN" + i, "V", new byte[50_000]), outcomes);
            }
            awaitStatus(datastore, Status.State.CRITICAL, "no record was stored", "resource");
            outcomes.awaitEnded(20);
            outcomes.failures().forEach(why -> assertTrue(why.reason().contains("resource"), why.reason()));
        }
    }

    // ---- streams ---------------------------------------------------------------------------------------------------

    @Test
    void without_a_stream_records_fail_with_the_reason_until_one_is_created() throws Exception {
        String reason = "no stream stores " + namespace + ".*.*; create one, or set stream and stream.setup = create";
        try (NatsDatastore datastore = open("stream", stream, "stream.setup", "verify")) {
            for (int i = 0; i < 2; i++) {
                assertFails(datastore, record("x"), "no stream stores " + namespace);
                awaitStatus(datastore, Status.State.CRITICAL, reason);
                assertThrows(JetStreamApiException.class, () -> streams.getStreamInfo(stream), "it creates none");
                assertFails(datastore, record("at once"), reason);
                addStream();
                awaitStatus(datastore, Status.State.OK);
                assertConfirms(datastore);
                streams.deleteStream(stream);
            }
            assertEquals("0", datastore.status().details().get("reconnects"));
        }
    }

    @Test
    void a_stream_is_created_in_files_with_a_window_for_ids_and_one_that_is_there_is_never_altered() throws Exception {
        try (NatsDatastore datastore = open("stream", stream, "stream.setup", "create")) {
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
        }
        StreamConfiguration made = streams.getStreamInfo(stream).getConfiguration();
        assertEquals(List.of(namespace + ".>"), made.getSubjects());
        assertEquals(StorageType.File, made.getStorageType());
        assertEquals(Duration.ofSeconds(150), made.getDuplicateWindow());
        assertEquals(1, made.getReplicas());
        for (String setup : List.of("create", "verify")) {
            try (NatsDatastore datastore =
                    open("stream", stream, "stream.setup", setup, "confirm.timeout.ms", "200001")) {
                awaitStatus(
                        datastore,
                        Status.State.WARN,
                        "remembers message ids for only 150 s",
                        "set its duplicate_window to 231 s");
                assertConfirms(datastore);
            }
        }
        assertEquals(
                made.toJson(), streams.getStreamInfo(stream).getConfiguration().toJson());
    }

    @Test
    void a_stream_that_the_server_does_not_create_is_a_failure_with_the_servers_reason() throws Exception {
        streams.addStream(StreamConfiguration.builder()
                .name(stream)
                .subjects("elsewhere." + stream)
                .build());
        try (NatsDatastore datastore = open("stream", stream, "stream.setup", "create")) {
            awaitStatus(datastore, Status.State.CRITICAL, "no stream stores", "the stream " + stream);
            assertFails(datastore, record("x"), "no stream stores");
        }
        String other = stream + "-other";
        streams.addStream(StreamConfiguration.builder()
                .name(other)
                .subjects(namespace + ".*.data")
                .duplicateWindow(LONG_WINDOW)
                .build());
        try (NatsDatastore datastore = open("stream", stream + "-new", "stream.setup", "create")) {
            awaitStatus(datastore, Status.State.WARN, "was not created", "overlap", namespace + ".*.alerts");
            assertConfirms(datastore);
        }
    }

    @Test
    void records_that_no_stream_stores_fail_and_the_others_are_confirmed() throws Exception {
        streams.addStream(streamOf(namespace + ".*.data", namespace + ".*.errors", namespace + ".VIN1.alerts")
                .build());
        try (NatsDatastore datastore = open()) {
            awaitStatus(
                    datastore,
                    Status.State.WARN,
                    "no stream stores all of " + namespace + ".*.alerts, " + namespace
                            + ".*.connectivity; records that no stream stores fail");
            assertConfirms(datastore);
            assertFails(datastore, record("alerts", "x"), "no stream stores " + namespace + ".VIN.alerts; create one");
            assertEquals(
                    1,
                    ended(datastore, Records.record("VIN1", "alerts", new byte[1]))
                            .confirmed()
                            .size());
            assertConfirms(datastore);
        }
    }

    @Test
    void the_status_names_the_missing_subjects_and_the_limits_of_a_stream() throws Exception {
        streams.addStream(streamOf(namespace + ".>")
                .duplicateWindow(Duration.ofSeconds(60))
                .maxMessages(1_000)
                .maxMessagesPerSubject(10)
                .maxBytes(1_000_000)
                .maximumMessageSize(5_000)
                .maxAge(Duration.ofHours(1))
                .discardPolicy(DiscardPolicy.New)
                .build());
        try (NatsDatastore datastore = open("stream", "MISSING")) {
            awaitStatus(
                    datastore,
                    Status.State.WARN,
                    "the stream " + stream + " remembers message ids for only 60 s",
                    "duplicate_window to 150 s",
                    "the stream MISSING does not store " + namespace + ".*.*");
            assertEquals(
                    stream + ": subjects " + namespace
                            + ".>, memory storage, replicas 1, retention limits, max_msgs 1000,"
                            + " max_msgs_per_subject 10, max_bytes 1000000, max_msg_size 5000, max_age_s 3600,"
                            + " refuses records beyond its limits",
                    datastore.status().details().get("streams"));
            assertConfirms(datastore);
        }
    }

    @Test
    void a_record_that_a_stream_refuses_fails_with_its_code_and_the_others_are_stored() throws Exception {
        streams.addStream(streamOf(namespace + ".>")
                .maximumMessageSize(1_000)
                .maxMessages(2)
                .discardPolicy(DiscardPolicy.New)
                .build());
        try (NatsDatastore datastore = open()) {
            assertConfirms(datastore);
            assertFails(
                    datastore,
                    record("x".repeat(1_001)),
                    "the stream refused it: message size exceeds maximum allowed (code 400, err_code 10054)");
            assertConfirms(datastore);
            assertFails(
                    datastore,
                    record("one too many"),
                    "the stream refused it: maximum messages exceeded (code 503, err_code 10077)");
            assertEquals(2, stored());
            clock.pass(STATUS_REMEMBERS);
            awaitStatus(datastore, Status.State.OK);
        }
    }

    @Test
    void jetstream_is_found_by_its_domain_and_nowhere_else() {
        try (NatsServer hub = NatsServer.start("jetstream { store_dir: $DIR, domain: hub }");
                NatsDatastore datastore =
                        open("url", hub.url(), "js.domain", "nowhere", "stream", "FLEET", "stream.setup", "create")) {
            awaitStatus(datastore, Status.State.CRITICAL, "the server has no JetStream domain nowhere");
            assertFails(datastore, record("x"), "domain nowhere");
            datastore.configure(
                    settings("url", hub.url(), "js.domain", "hub", "stream", "FLEET", "stream.setup", "create"));
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
        }
    }

    @Test
    void a_server_without_jetstream_is_critical_and_core_is_the_way_out() {
        try (NatsServer bare = NatsServer.start();
                NatsDatastore datastore = open("url", bare.url())) {
            awaitStatus(
                    datastore,
                    Status.State.CRITICAL,
                    "the server has no JetStream for this account; enable it there, or set delivery = core");
            assertFails(datastore, record("x"), "no JetStream");
            datastore.configure(settings("url", bare.url(), "delivery", "core"));
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
        }
    }

    // ---- permissions -----------------------------------------------------------------------------------------------

    /** A server whose one user, {@code u} with the password {@code p}, has these permissions. */
    private static String[] allowing(String permissions) {
        return new String[] {
            JETSTREAM,
            "accounts { A { jetstream: enabled, users = [ { user: u, password: p, permissions: { " + permissions
                    + " } }, { user: admin, password: admin } ] } }"
        };
    }

    private String[] user(NatsServer strict, String... keysAndValues) {
        List<String> all = new ArrayList<>(List.of("url", strict.url(), "username", "u", ".password", "p"));
        all.addAll(List.of("stream", "FLEET", "stream.setup", "create", "heartbeat.ms", "100"));
        all.addAll(List.of(keysAndValues));
        return all.toArray(String[]::new);
    }

    @Test
    void a_denied_inbox_is_critical_with_the_ways_out_and_both_of_them_mend_it() {
        String[] denying = allowing("subscribe: \"allowed.>\"");
        String[] ways = {"_INBOX.", "allow the user to subscribe to _INBOX.>", "set inbox.prefix"};
        try (NatsServer strict = NatsServer.start(denying);
                NatsDatastore datastore = open(user(strict))) {
            awaitStatus(datastore, Status.State.CRITICAL, ways);
            assertFails(datastore, record("x"), ways);
            strict.reload(allowing("subscribe: [ \"allowed.>\", \"_INBOX.>\" ]"));
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
            strict.reload(denying);
            awaitStatus(datastore, Status.State.CRITICAL, ways);
            assertFails(datastore, record("x"), ways);
            datastore.configure(settings(user(strict, "inbox.prefix", "allowed.answers")));
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
        }
    }

    @Test
    void a_denied_inbox_is_tried_at_most_twice_a_second() {
        try (NatsServer strict = NatsServer.start(allowing("subscribe: \"allowed.>\""));
                Link link = Link.to(strict.port())) {
            link.record();
            try (NatsDatastore datastore = open(user(strict, "url", link.url()))) {
                awaitStatus(datastore, Status.State.CRITICAL, "_INBOX");
                long since = System.nanoTime();
                await().atMost(SOON).until(() -> System.nanoTime() - since > 3_000_000_000L);
                long inFlight = datastore.inFlight();
                long tries = Transcript.ofClient(link.recordings().get(0).fromClient()).frames().stream()
                        .filter(frame ->
                                frame.verb().equals("SUB") && frame.subject().endsWith(".>"))
                        .count();
                long seconds = (System.nanoTime() - since) / 1_000_000_000L + 1;
                assertTrue(tries >= 3 && tries <= 2 * seconds + 4, tries + " tries in " + seconds + " s");
                assertEquals(0, inFlight);
            }
        }
    }

    @Test
    void a_link_that_goes_silent_while_the_inbox_is_denied_is_reconnected() {
        try (NatsServer strict = NatsServer.start(allowing("subscribe: \"allowed.>\""));
                Link link = Link.to(strict.port());
                NatsDatastore datastore = open(user(strict, "url", link.url(), "silent.ms", "500"))) {
            awaitStatus(datastore, Status.State.CRITICAL, "_INBOX");
            link.swallow(Way.TO_SERVER);
            await().atMost(SOON).until(() -> link.connections() > 1);
            strict.reload(allowing("subscribe: \"_INBOX.>\""));
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
        }
    }

    @Test
    void who_may_not_ask_which_streams_there_are_publishes_all_the_same() throws Exception {
        try (NatsServer strict = NatsServer.start(allowing("publish: { deny: \"$JS.API.>\" }"));
                Connection admin = Nats.connect(strict.url().replace("//", "//admin:admin@"));
                NatsDatastore datastore = open(user(strict, "stream", stream, "stream.setup", "verify"))) {
            admin.jetStreamManagement().addStream(streamOf(namespace + ".>").build());
            datastore.produce(record("x"), outcomes);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            awaitStatus(
                    datastore,
                    Status.State.WARN,
                    "JetStream does not say which streams there are: ",
                    "Permissions Violation for Publish to");
        }
    }

    @Test
    void a_record_that_the_server_denies_fails_alone() {
        try (NatsServer strict = NatsServer.start(allowing("publish: { deny: \"*.DENIED.>\" }"));
                NatsDatastore datastore = open(user(strict))) {
            for (int i = 0; i < 100; i++) {
                datastore.produce(
                        Records.record(i % 10 == 0 ? "DENIED" : "VIN", "V", ("" + i).getBytes(UTF_8)), outcomes);
            }
            outcomes.awaitEnded(100);
            assertEquals(90, outcomes.confirmed().size());
            outcomes.failures().forEach(failure -> {
                assertEquals(Failure.Kind.DENIED, failure.kind());
                assertTrue(failure.reason().contains(namespace + ".DENIED.data"), failure.reason());
            });
            assertEquals("0", datastore.status().details().get("reconnects"));
        }
    }

    // ---- new settings ----------------------------------------------------------------------------------------------

    @Test
    void changes_of_delivery_of_the_stream_and_of_the_server_under_load_lose_nothing() throws Exception {
        addStream();
        int records = 10_000;
        try (NatsServer other = NatsServer.start(JETSTREAM);
                Connection there = Nats.connect(other.url());
                NatsDatastore datastore = open("delivery", "core")) {
            there.jetStreamManagement().addStream(streamOf(namespace + ".>").build());
            Thread load = new Thread(() -> IntStream.range(0, records).forEach(i -> {
                datastore.produce(record("" + i), outcomes);
                LockSupport.parkNanos(100_000);
            }));
            load.start();
            List<NatsSettings> all = List.of(
                    settings(),
                    settings("delivery", "core"),
                    settings("stream.setup", "off", "inbox.prefix", "another.inbox"),
                    settings("stream", stream, "stream.setup", "create", "confirm.timeout.ms", "60000"),
                    settings("url", other.url()),
                    settings("url", other.url(), "delivery", "core"));
            for (int i = 0; load.isAlive() || i < all.size(); i++) {
                NatsSettings next = all.get(i % all.size());
                datastore.configure(next);
                await().pollInterval(Duration.ofMillis(1))
                        .atMost(SOON)
                        .until(() -> !datastore.status().summary().startsWith("new settings wait"));
            }
            load.join();
            datastore.configure(settings());
            assertEquals(records, outcomes.awaitEnded(records).confirmed().size());
            Set<String> arrived = texts(client, stream);
            arrived.addAll(texts(there, stream));
            assertEquals(records, arrived.size(), "core or JetStream, the streams have seen each");
        }
    }

    private Set<String> texts(Connection connection, String of) throws Exception {
        Set<String> texts = new HashSet<>();
        long count = connection
                .jetStreamManagement()
                .getStreamInfo(of)
                .getStreamState()
                .getMsgCount();
        JetStreamSubscription subscription = connection
                .jetStream()
                .subscribe(
                        namespace + ".>",
                        PushSubscribeOptions.builder().stream(of).ordered(true).build());
        for (long i = 0; i < count; i++) {
            texts.add(new String(subscription.nextMessage(SOON).getData(), UTF_8));
        }
        subscription.unsubscribe();
        return texts;
    }

    @Test
    void new_settings_for_which_there_is_no_stream_leave_the_old_ones_at_work_until_there_is_one() throws Exception {
        addStream();
        String elsewhere = namespace + "-new";
        try (NatsDatastore datastore = open()) {
            awaitStatus(datastore, Status.State.OK);
            datastore.configure(settings("namespace", elsewhere));
            awaitStatus(
                    datastore,
                    Status.State.WARN,
                    "the old ones are in force",
                    "no stream stores " + elsewhere + ".*.*");
            IntStream.range(0, 100).forEach(i -> datastore.produce(record("" + i), outcomes));
            assertEquals(100, outcomes.awaitEnded(100).confirmed().size());
            assertEquals("0", datastore.status().details().get("late_acks"), "each connection hears its own answers");
            streams.addStream(StreamConfiguration.builder()
                    .name(elsewhere)
                    .subjects(elsewhere + ".>")
                    .duplicateWindow(LONG_WINDOW)
                    .build());
            awaitStatus(datastore, Status.State.OK);
            assertConfirms(datastore);
            assertEquals(1, streams.getStreamInfo(elsewhere).getStreamState().getMsgCount());
        }
    }

    @Test
    void new_settings_whose_inbox_is_denied_leave_the_old_ones_at_work() {
        try (NatsServer strict = NatsServer.start(allowing("subscribe: \"_INBOX.>\""));
                NatsDatastore datastore = open(user(strict))) {
            awaitStatus(datastore, Status.State.OK);
            datastore.configure(settings(user(strict, "inbox.prefix", "forbidden")));
            awaitStatus(datastore, Status.State.WARN, "the old ones are in force", "forbidden.");
            assertConfirms(datastore);
        }
    }

    @Test
    void nothing_hides_that_records_fail() {
        try (NatsDatastore datastore = open()) {
            awaitStatus(datastore, Status.State.CRITICAL, "no stream stores");
            datastore.refuse(List.of("a mistyped number"));
            awaitStatus(datastore, Status.State.CRITICAL, "a mistyped number", "no stream stores");
            datastore.configure(settings("url", "nats://127.0.0.1:" + FreePort.next()));
            awaitStatus(datastore, Status.State.CRITICAL, "new settings wait", "no stream stores");
        }
    }

    // ---- frames ----------------------------------------------------------------------------------------------------

    @Test
    void every_frame_has_an_id_and_a_subject_for_its_answer_with_the_same_number() throws Exception {
        addStream();
        try (Link link = Link.to(server.port())) {
            link.record();
            try (NatsDatastore datastore = open("url", link.url(), "inbox.prefix", "my.inbox")) {
                for (int size : new int[] {0, 1, 9, 10, 99, 100, 1_000, 70_000}) {
                    datastore.produce(Records.record("VIN", "V", new byte[size]), outcomes);
                }
                outcomes.awaitEnded(8);
            }
            Transcript said = Transcript.ofClient(link.recordings().get(0).fromClient());
            assertEquals(Optional.empty(), said.flaw());
            List<Frame> frames = said.messages().stream()
                    .filter(frame -> frame.subject().startsWith(namespace))
                    .toList();
            assertEquals(8, frames.size());
            Set<String> inboxes = new HashSet<>();
            Set<String> ids = new HashSet<>();
            for (int i = 0; i < 8; i++) {
                Frame frame = frames.get(i);
                assertEquals("HPUB", frame.verb());
                assertEquals(namespace + ".VIN.data", frame.subject());
                String number = String.format("%016x", i);
                assertTrue(frame.reply().matches("my\\.inbox\\.[0-9A-Za-z]{22}\\." + number), frame.reply());
                inboxes.add(frame.reply().substring(0, frame.reply().lastIndexOf('.')));
                String header = new String(frame.headers(), UTF_8);
                assertTrue(header.matches("NATS/1\\.0\r\nNats-Msg-Id: [0-9A-Za-z]{22}-" + number + "\r\n\r\n"), header);
                ids.add(header.substring(header.indexOf(": ") + 2, header.lastIndexOf('-')));
                assertArrayEquals(outcomes.confirmed().get(i).payload(), frame.payload());
            }
            String inbox = inboxes.iterator().next().substring("my.inbox.".length());
            assertEquals(1, ids.size());
            assertNotEquals(
                    inbox.substring(0, 6), ids.iterator().next().substring(0, 6), "neither follows from the other");
            assertTrue(
                    said.frames().stream()
                            .anyMatch(frame -> frame.verb().equals("SUB")
                                    && frame.subject().equals(inboxes.iterator().next() + ".>")),
                    "one subscription for all of them");
            assertEquals(1, inboxes.size());
        }
    }

    @Test
    void core_mode_has_no_inbox_no_ids_and_nothing_of_streams_in_its_status() throws Exception {
        addStream();
        try (Link link = Link.to(server.port())) {
            link.record();
            try (NatsDatastore datastore = open("url", link.url(), "delivery", "core", "stream", stream)) {
                assertConfirms(datastore);
                assertEquals("core", datastore.status().details().get("delivery"));
                assertFalse(datastore.status().details().containsKey("streams"));
                assertFalse(datastore.status().details().containsKey("late_acks"));
            }
            Transcript said = Transcript.ofClient(link.recordings().get(0).fromClient());
            assertEquals(Optional.empty(), said.flaw());
            assertTrue(said.frames().stream().noneMatch(frame -> frame.verb().equals("SUB")));
            assertEquals(1, said.messages().size());
            assertEquals("PUB", said.messages().get(0).verb());
            assertNull(said.messages().get(0).reply());
        }
    }

    // ---- the end ---------------------------------------------------------------------------------------------------

    @Test
    void closing_confirms_stored_records_fails_the_rest_and_leaves_no_thread() throws Exception {
        addStream();
        NatsDatastore live = open("datastore", "closing");
        IntStream.range(0, 1_000).forEach(i -> live.produce(record("" + i), outcomes));
        live.close();
        assertEquals(1_000, outcomes.confirmed().size());

        Outcomes stranded = new Outcomes();
        try (NatsServer paused = NatsServer.start(JETSTREAM)) {
            NatsDatastore dead = open(
                    "url",
                    paused.url(),
                    "stream",
                    "S",
                    "stream.setup",
                    "create",
                    "datastore",
                    "closing",
                    "drain.timeout.ms",
                    "200");
            assertConfirms(dead);
            paused.pause();
            IntStream.range(0, 100).forEach(i -> dead.produce(record("" + i), stranded));
            dead.close();
            paused.resume();
        }
        assertEquals(100, stranded.failures().size());
        stranded.failures().forEach(failure -> assertEquals(Failure.Kind.CLOSED, failure.kind()));
        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("nats-closing")));
    }
}
