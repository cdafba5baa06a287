package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.api.PersistMode;
import io.nats.client.api.Source;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.support.JsonParser;
import io.nats.client.support.JsonValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What streams are, as each version of nats-server has it: what is asked for, what comes of it, and what is said about it. */
@Tag("every-server")
@Tag("newest-server")
class StreamSetupTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final Duration LONG_WINDOW = Duration.ofMinutes(5);

    private static NatsServer server;
    private static Connection client;
    private static JetStreamManagement streams;

    private final String namespace = "ns-" + NUID.nextGlobal();
    private final String stream = namespace + "-stream";

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start("jetstream { store_dir: $DIR }");
        client = Nats.connect(server.url());
        streams = client.jetStreamManagement();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    private static boolean isAtLeast(String version) {
        return client.getServerInfo().isSameOrNewerThanVersion(version);
    }

    private NatsDatastore open(String url, String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(
                Map.of("url", url, "namespace", namespace, "delivery", "jetstream", "reconnect.wait.ms", "50"));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return NatsDatastoreTest.open(settings);
    }

    private StreamConfiguration.Builder streamOf(String... subjects) {
        return StreamConfiguration.builder()
                .name(stream)
                .subjects(subjects)
                .storageType(StorageType.File)
                .duplicateWindow(LONG_WINDOW);
    }

    private static void awaitStatus(NatsDatastore datastore, Status.State state, String part) {
        await(state + " " + part)
                .atMost(SOON)
                .until(
                        datastore::status,
                        status -> status.state() == state && status.summary().contains(part));
    }

    private static Outcomes produce(NatsDatastore datastore) {
        Outcomes outcomes = new Outcomes();
        datastore.produce(Records.record("VIN", "V", new byte[1]), outcomes);
        return outcomes.awaitEnded(1);
    }

    private static void assertConfirms(NatsDatastore datastore) {
        Outcomes outcomes = produce(datastore);
        assertEquals(1, outcomes.confirmed().size(), () -> outcomes.failures().toString());
    }

    // ---- what is created -------------------------------------------------------------------------------------------

    /** A stream's configuration as the server itself has it, without its name, its subjects, and what the server adds. */
    private static Map<String, JsonValue> configuration(String name) throws Exception {
        byte[] info =
                client.request("$JS.API.STREAM.INFO." + name, new byte[0], SOON).getData();
        Map<String, JsonValue> configuration =
                new HashMap<>(JsonParser.parse(info).map.get("config").map);
        configuration.keySet().removeAll(List.of("name", "subjects", "metadata"));
        return configuration;
    }

    @Test
    void a_stream_is_created_with_the_fields_that_were_asked_for_and_with_the_servers_defaults() throws Exception {
        try (NatsDatastore datastore = open(server.url(), "stream", stream, "stream.setup", "create")) {
            assertConfirms(datastore);
            boolean batches = isAtLeast("2.14.0");
            String other = stream + "-by-hand";
            String asked = "{\"name\":\"" + other + "\",\"subjects\":[\"" + other + "\"],\"storage\":\"file\","
                    + "\"num_replicas\":1,\"retention\":\"limits\",\"duplicate_window\":150000000000"
                    + (batches ? ",\"allow_batched\":true}" : "}");
            String answer = new String(
                    client.request("$JS.API.STREAM.CREATE." + other, asked.getBytes(UTF_8), SOON)
                            .getData(),
                    UTF_8);
            assertTrue(answer.contains("\"config\""), answer);
            assertEquals(configuration(other), configuration(stream));
        }
    }

    // ---- what a stream does with what it stores --------------------------------------------------------------------

    /** Servers before 2.12 leave out what they do not know: what they have made counts, not what was asked for. */
    @Test
    void a_stream_that_confirms_before_it_writes_is_warned_of() throws Exception {
        StreamConfiguration made = streams.addStream(streamOf(namespace + ".>")
                        .persistMode(PersistMode.Async)
                        .build())
                .getConfiguration();
        assertEquals(isAtLeast("2.12.0"), made.getPersistMode() == PersistMode.Async);
        try (NatsDatastore datastore = open(server.url())) {
            if (made.getPersistMode() == PersistMode.Async) {
                awaitStatus(
                        datastore,
                        Status.State.WARN,
                        "confirmed records may be lost when its server is killed; to prevent that, create the stream"
                                + " without persist_mode");
            } else {
                awaitStatus(datastore, Status.State.OK, "");
            }
            assertConfirms(datastore);
        }
    }

    @Test
    void a_stream_with_sources_may_remember_no_message_ids_and_is_warned_of() throws Exception {
        String source = stream + "-source";
        streams.addStream(
                StreamConfiguration.builder().name(source).subjects(source).build());
        StreamConfiguration.Builder sourced = StreamConfiguration.builder()
                .name(stream)
                .subjects(namespace + ".>")
                .sources(Source.builder().sourceName(source).build());
        streams.addStream(sourced.build());
        try (NatsDatastore datastore = open(server.url())) {
            awaitStatus(
                    datastore,
                    Status.State.WARN,
                    "the stream " + stream
                            + (isAtLeast("2.14.0")
                                    ? " remembers no message ids"
                                    : " remembers message ids for only 120 s")
                            + ", so a record that is sent again may be stored twice; set its duplicate_window to 150 s");
            assertConfirms(datastore);
        }
        streams.updateStream(sourced.duplicateWindow(LONG_WINDOW).build());
        try (NatsDatastore datastore = open(server.url())) {
            awaitStatus(datastore, Status.State.OK, "");
        }
    }

    // ---- a stream that the server cannot run -----------------------------------------------------------------------

    /** A stream's file and its checksum, of a server that does not run. */
    private record StreamFile(Path file, Path checksum, String text, String sum) {

        static StreamFile in(Path store) throws IOException {
            Path file = find(store, "meta.inf");
            Path checksum = find(store, "meta.sum");
            return new StreamFile(file, checksum, Files.readString(file), Files.readString(checksum));
        }

        void restore() throws IOException {
            Files.writeString(file, text);
            Files.writeString(checksum, sum);
        }

        /** As after a downgrade of the server. A server checks the file's checksum, and logs what it should be. */
        void askForMore(NatsServer server) throws IOException {
            String more = text.replaceFirst("\"_nats.req.level\":\"[0-9]+\"", "\"_nats.req.level\":\"99\"");
            assertNotEquals(text, more);
            Files.writeString(file, more);
            server.restart();
            server.stop();
            Matcher sums = Pattern.compile("checksums do not match \\S+ vs \"([0-9a-f]+)\"")
                    .matcher(server.log());
            assertTrue(sums.find(), server::log);
            Files.writeString(checksum, sums.group(1));
        }
    }

    private static Path find(Path directory, String name) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.endsWith(name)).findFirst().orElseThrow();
        }
    }

    @Test
    void a_stream_that_the_server_cannot_run_is_critical_with_the_servers_reason(@TempDir Path store) throws Exception {
        assumeTrue(isAtLeast("2.12.0"), "older servers know no stream that is offline");
        try (NatsServer downgraded = NatsServer.start("jetstream { store_dir: \"" + store + "\" }")) {
            try (Connection before = Nats.connect(downgraded.url())) {
                before.jetStreamManagement()
                        .addStream(streamOf(namespace + ".>").build());
            }
            try (NatsDatastore datastore = open(downgraded.url())) {
                assertConfirms(datastore);
                downgraded.stop();
                StreamFile file = StreamFile.in(store);
                file.askForMore(downgraded);
                downgraded.restart();
                String reason = "the stream " + stream
                        + " cannot be used: stream is offline: unsupported - required API level: 99";
                awaitStatus(datastore, Status.State.CRITICAL, reason);
                Failure failure = produce(datastore).failures().get(0);
                assertTrue(failure.reason().contains(reason), failure.reason());
                downgraded.stop();
                file.restore();
                downgraded.restart();
                awaitStatus(datastore, Status.State.OK, "");
                assertConfirms(datastore);
            }
        }
    }
}
