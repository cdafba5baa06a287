package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.examples.Subscriber;
import io.fleettelemetry.features.foreign.ForeignHost;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsOperator;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.TestCa;
import io.fleettelemetry.testkit.TestCa.Identity;
import io.nats.client.Message;
import io.nats.client.Subscription;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an operator does with the bundles in a running Karaf, and what comes of it, with real NATS servers. */
class TelemetryIT extends RunningKaraf {

    @Test
    void a_simulated_fleet_arrives_whole_and_decodes() throws Exception {
        Subscription all = subscribe(here, "tesla_telemetry.>");
        JsonObject run = json("telemetry:simulate --vehicles 10 --rate 200 --seconds 2");
        int offered = run.get("offered").getAsInt();
        assertTrue(offered >= 400, run.toString());
        assertEquals(offered, run.get("confirmed").getAsInt());
        assertEquals(0, run.get("failed").getAsInt());
        Map<String, Integer> topics = new HashMap<>();
        for (int i = 0; i < offered; i++) {
            Message message = all.nextMessage(SOON);
            String topic = message.getSubject().replaceFirst(".*\\.", "");
            var decoded = Subscriber.decode(message.getSubject(), message.getData());
            assertEquals(
                    message.getSubject().split("\\.")[1],
                    decoded.getField(decoded.getDescriptorForType().findFieldByName("vin")));
            topics.merge(topic, 1, Integer::sum);
        }
        assertEquals(Set.of("data", "alerts", "errors", "connectivity"), topics.keySet());
        assertEquals(topics.get("data"), run.get("reliable_acks").getAsInt());
        all.unsubscribe();
    }

    @Test
    void the_metrics_have_the_names_and_types_of_the_go_server_and_add_up() throws Exception {
        Metrics before = Metrics.read(metricsPort);
        json("telemetry:simulate --vehicles 5 --rate 100 --seconds 1");
        json("telemetry:send --type V --vin no.token --hex 00");
        Metrics metrics = Metrics.read(metricsPort);
        for (String counter : new String[] {
            "nats_produce_total",
            "nats_produce_total_bytes",
            "nats_produce_ack_total",
            "nats_produce_ack_total_bytes",
            "nats_reliable_ack_total",
            "nats_err"
        }) {
            assertEquals("counter", metrics.types().get(counter), counter);
        }
        assertEquals("gauge", metrics.types().get("nats_produce_queue_size"));
        assertTrue(metrics.sum("nats_err") >= 1);
        assertEquals(
                metrics.sum("nats_produce_total"), metrics.sum("nats_produce_ack_total") + metrics.sum("nats_err"));
        for (String counter :
                new String[] {"record_total", "record_size_bytes_total", "dispatch_total", "reliable_ack"}) {
            assertEquals("counter", metrics.types().get(counter), counter);
        }
        assertEquals(metrics.sum("record_total"), metrics.sum("dispatch_total"));
        String acks = "reliable_ack{record_type=\"V\",dispatcher=\"nats\",}";
        assertEquals(
                metrics.value("nats_reliable_ack_total", "record_type", "V")
                        - before.value("nats_reliable_ack_total", "record_type", "V"),
                metrics.values().get(acks) - before.values().getOrDefault(acks, 0.0),
                "every reliable ack that the datastore counts was passed to its vehicle");
        // All V records are acknowledged here, but those that another host offered.
        assertEquals(
                metrics.value("nats_produce_ack_total", "record_type", "V")
                        - before.value("nats_produce_ack_total", "record_type", "V"),
                metrics.value("nats_reliable_ack_total", "record_type", "V")
                        - before.value("nats_reliable_ack_total", "record_type", "V"));
        assertTrue(metrics.sum("nats_produce_total_bytes") > metrics.sum("nats_produce_ack_total_bytes"));
        assertEquals(0, metrics.value("nats_produce_queue_size", "type", "total"));
        assertEquals(0, metrics.value("nats_produce_queue_size", "type", "unsent"));
    }

    @Test
    void a_sent_record_arrives_byte_for_byte_and_a_bad_one_is_refused_with_the_reason() throws Exception {
        Subscription all = subscribe(here, "tesla_telemetry.>");
        JsonObject sent = json("telemetry:send --type my_type --vin VIN1 --hex ff00 --txid 7");
        assertEquals("failed", sent.get("outcome").getAsString(), "there is no route for this type");
        sent = json("telemetry:send --type V --vin VIN1 --hex ff00 --txid 7");
        assertEquals("confirmed", sent.get("outcome").getAsString());
        assertEquals("tesla_telemetry.VIN1.data", sent.get("subject").getAsString());
        Message message = all.nextMessage(SOON);
        assertEquals("tesla_telemetry.VIN1.data", message.getSubject());
        assertEquals("[-1, 0]", Arrays.toString(message.getData()));
        all.unsubscribe();

        KarafProcess.Result bad = karaf.execute("telemetry:send --type V --vin 'a b' --hex ff --json");
        assertNotEquals(0, bad.exit());
        JsonObject failed = JsonParser.parseString(bad.out()).getAsJsonObject();
        assertEquals("failed", failed.get("outcome").getAsString());
        assertTrue(failed.get("reason").getAsString().contains("the VIN has a blank at position 2"));
    }

    @Test
    void wrong_use_of_a_command_says_why_and_exits_non_zero() {
        for (String wrong : new String[] {
            "telemetry:send --type V --vin X --hex abc",
            "telemetry:send --type V --vin X --hex zz",
            "telemetry:send --type V --vin X",
            "telemetry:send --vin X --hex 00",
            "telemetry:simulate --no-such-option 1",
            "telemetry:simulate --rate 0",
            "telemetry:status --nonsense"
        }) {
            KarafProcess.Result result = karaf.execute(wrong);
            assertNotEquals(0, result.exit(), wrong);
            assertFalse((result.out() + result.err()).isBlank(), wrong);
        }
    }

    @Test
    void a_changed_url_moves_the_records_to_the_new_server_without_a_restart() throws Exception {
        Subscription arrived = subscribe(there, "tesla_telemetry.>");
        CompletableFuture<JsonObject> load =
                CompletableFuture.supplyAsync(() -> json("telemetry:simulate --vehicles 10 --rate 200 --seconds 6"));
        await().atMost(SOON).until(() -> datastore("nats").get("confirmed").getAsLong() > 0);
        writeNats(other.url());
        assertTrue(arrived.nextMessage(SOON) != null, "records arrive at the new server");
        JsonObject run = load.join();
        assertEquals(run.get("offered"), run.get("confirmed"), "and none was lost on the way");
        arrived.unsubscribe();
    }

    @Test
    void records_go_to_the_logger_and_back_by_editing_a_file() throws Exception {
        writeHost("records.V = logger");
        await().atMost(SOON)
                .until(() -> send("TOLOGGER").get("subject").getAsString().equals("log"));
        await().atMost(SOON).until(() -> karaf.log().contains("record_payload {\"vin\":\"TOLOGGER\""));
        Subscription all = subscribe(here, "tesla_telemetry.TOLOGGER.>");
        assertEquals("confirmed", send("TOLOGGER").get("outcome").getAsString());
        here.flush(SOON);
        assertEquals(null, all.nextMessage(Duration.ofMillis(200)), "nothing goes to NATS meanwhile");
        all.unsubscribe();

        writeDefaults();
        await().atMost(SOON)
                .until(() -> send("BACK").get("subject").getAsString().equals("tesla_telemetry.BACK.data"));
    }

    @Test
    void a_wrong_host_configuration_is_named_and_changes_nothing() {
        writeHost("records.V = not a token", "reliable_ack_sources.alerts = logger");
        karaf.awaitLog("host_configuration_refused reason=\"records\\.V = not a token: ");
        karaf.awaitLog("host_configuration_refused reason=\"reliable_ack_sources\\.alerts = logger: ");
        assertEquals(2, status().getAsJsonArray("problems").size());
        assertEquals("tesla_telemetry.X.data", send("X").get("subject").getAsString());
    }

    @Test
    void a_wrong_nats_configuration_is_named_and_the_last_good_one_goes_on() {
        for (String url : new String[] {"nats://127.0.0.1:99999", "no url"}) {
            writeNats(url);
            await().atMost(SOON)
                    .until(() -> datastore("nats").get("summary").getAsString().contains("url = " + url));
            karaf.awaitLog("nats_configuration_refused .*url = " + url);
            assertEquals("confirmed", send("X").get("outcome").getAsString());
        }
        karaf.writeConfig(NATS_CFG, "url = " + server.url() + "\nnamespace = a b\n");
        karaf.awaitLog("nats_configuration_refused .*namespace = a b");
        assertEquals("tesla_telemetry.X.data", send("X").get("subject").getAsString());
    }

    @Test
    void a_datastore_whose_first_configuration_is_wrong_says_so_and_comes_up_when_it_is_mended() {
        karaf.writeConfig(SECOND_CFG, "url = " + other.url() + ", nats://h:99999\ndatastore = second\n");
        await().atMost(SOON)
                .untilAsserted(() -> assertEquals(
                        "CRITICAL", datastore("second").get("state").getAsString()));
        assertTrue(datastore("second").get("summary").getAsString().contains("the port must be from 1 to 65535"));
        karaf.writeConfig(SECOND_CFG, "url = " + other.url() + "\ndatastore = second\n");
        await().atMost(SOON)
                .until(() -> datastore("second").get("state").getAsString().equals("OK"));
    }

    @Test
    void a_server_that_cannot_be_reached_shows_in_the_status_while_the_old_one_works_on() {
        writeNats("nats://no-such-host.invalid:4222");
        await().atMost(SOON)
                .until(() -> datastore("nats").get("summary").getAsString().contains("UnknownHostException"));
        assertEquals("confirmed", send("X").get("outcome").getAsString());
    }

    @Test
    void records_for_an_absent_datastore_are_held_then_fail_and_go_out_when_it_appears() throws Exception {
        int logged = karaf.log().length();
        writeHost("records.V = second", "hold.max.ms = 1000");
        await().atMost(SOON).until(() -> karaf.log().substring(logged).contains("datastore_absent datastore=second"));
        JsonObject failed = send("HELD");
        assertEquals("failed", failed.get("outcome").getAsString());
        assertTrue(failed.get("reason").getAsString().contains("is absent"), failed.toString());

        writeHost("records.V = second", "records.held = second");
        await().atMost(SOON).until(() -> status().getAsJsonObject("routes").has("held"));
        Subscription arrived = subscribe(there, "second.>");
        CompletableFuture<JsonObject> held = CompletableFuture.supplyAsync(() -> send("HELD"));
        await().atMost(SOON).until(() -> datastore("second").get("held_records").getAsLong() == 1);
        karaf.writeConfig(SECOND_CFG, "url = " + other.url() + "\ndatastore = second\nnamespace = second\n");
        assertEquals("confirmed", held.join().get("outcome").getAsString());
        assertEquals("second.HELD.data", arrived.nextMessage(SOON).getSubject());
        arrived.unsubscribe();
        assertEquals(
                1,
                Metrics.read(metricsPort).values().get("nats_produce_total{record_type=\"V\",datastore=\"second\",}"));
    }

    @Test
    void a_foreign_host_that_knows_only_the_api_finds_the_datastore_and_publishes() throws Exception {
        Subscription arrived = subscribe(here, "tesla_telemetry.FOREIGN.data");
        Path bundle = ForeignBundle.of(
                "foreign.host",
                ForeignHost.class,
                Map.of(
                        "Import-Package",
                        "io.fleettelemetry.api;version=\"[1,2)\",org.osgi.framework;version=\"[1.8,2)\","
                                + "org.osgi.util.tracker;version=\"[1.5,2)\""));
        karaf.deploy(bundle);
        assertEquals("from elsewhere", new String(arrived.nextMessage(SOON).getData()));
        karaf.awaitLog("foreign host: confirmed FOREIGN");
        karaf.undeploy(bundle);
        arrived.unsubscribe();
    }

    @Test
    void a_server_away_for_a_while_loses_nothing_and_needs_no_operator() {
        CompletableFuture<JsonObject> load =
                CompletableFuture.supplyAsync(() -> json("telemetry:simulate --vehicles 10 --rate 200 --seconds 6"));
        await().atMost(SOON)
                .until(() -> datastore("nats").get("offered").getAsLong()
                        > datastore("nats").get("failed").getAsLong());
        server.kill();
        await().atMost(SOON)
                .until(() -> datastore("nats").get("state").getAsString().equals("WARN"));
        server.restart();
        JsonObject run = load.join();
        assertEquals(run.get("offered"), run.get("confirmed"), run.toString());
    }

    @Test
    void encrypted_connections_and_client_certificates_work_and_a_wrong_host_is_named(@TempDir Path directory)
            throws IOException {
        TestCa ca = TestCa.create(directory, "ca");
        Identity localhost = ca.issue("localhost", "-ext", "san=dns:localhost");
        Identity client = ca.issue("client");
        Files.copy(ca.certificate(), karaf.etc("nats-ca.pem"));
        Files.copy(client.certificate(), karaf.etc("nats-client.pem"));
        Files.copy(client.key(), karaf.etc("nats-client-key.pem"));
        String keys = """

                tls.ca.file = ${karaf.etc}/nats-ca.pem
                tls.cert.file = ${karaf.etc}/nats-client.pem
                tls.key.file = ${karaf.etc}/nats-client-key.pem
                """;
        try (NatsServer secure = NatsServer.start("tls { cert_file: \"" + localhost.certificate() + "\", key_file: \""
                + localhost.key() + "\", ca_file: \"" + ca.certificate() + "\", verify: true, timeout: 5 }")) {
            writeNats("tls://127.0.0.1:" + secure.port() + keys);
            await().atMost(SOON)
                    .until(() -> datastore("nats").get("summary").getAsString().contains("is not for this host"));
            assertWorksAt("tls://localhost:" + secure.port(), keys);
        }
    }

    @Test
    void a_credentials_file_works(@TempDir Path directory) {
        NatsOperator operator = new NatsOperator();
        Path credentials = operator.writeCredentials(directory.resolve("fleet.creds"));
        try (NatsServer strict = NatsServer.start(operator.configuration())) {
            assertWorksAt(strict.url(), "\ncredentials.file = " + credentials);
        }
    }

    private static void assertWorksAt(String url, String keys) {
        writeNats(url + keys);
        await().atMost(SOON).until(() -> {
            JsonObject nats = datastore("nats");
            return nats.getAsJsonObject("details").get("url").getAsString().equals(url)
                    && nats.get("state").getAsString().equals("OK");
        });
        assertEquals("confirmed", send("X").get("outcome").getAsString());
    }

    @Test
    void an_undeployed_kar_leaves_no_thread_no_metric_and_no_service() throws Exception {
        send("LAST");
        assertTrue(karaf.threads().contains("nats-nats-write"));
        assertTrue(ourThreads("fleet-telemetry:").findAny().isPresent(), "jnats' own");
        assertEquals(
                0, karaf.execute("bundle:stop io.fleettelemetry.datastore.nats").exit());
        assertEquals(List.of(), ourThreads("nats").toList(), "all have ended when it is stopped");
        await().atMost(SOON)
                .until(() -> ourThreads("fleet-telemetry:").findAny().isEmpty());
        assertTrue(
                Metrics.read(metricsPort).values().keySet().stream().noneMatch(name -> name.startsWith("nats_")),
                "its metrics are gone with it");
        assertFalse(datastore("nats").get("present").getAsBoolean());
        assertEquals(
                0,
                karaf.execute("bundle:start io.fleettelemetry.datastore.nats").exit());
        await().atMost(SOON).until(() -> datastore("nats").get("present").getAsBoolean());

        karaf.undeploy(Kar.FILE);
        try {
            await().atMost(SOON)
                    .until(() -> Stream.of("nats", "fleet-telemetry", "telemetry", "airbrake")
                            .flatMap(TelemetryIT::ourThreads)
                            .findAny()
                            .isEmpty());
            assertThrows(ConnectException.class, () -> Metrics.read(metricsPort));
            assertFalse(karaf.execute("service:list").out().contains("io.fleettelemetry"));
        } finally {
            karaf.deploy(Kar.FILE);
        }
    }

    /** Threads whose names begin as ours do, and jnats' own. */
    private static Stream<String> ourThreads(String prefix) {
        return karaf.threads().lines().filter(line -> line.startsWith("\"" + prefix));
    }
}
