package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.AirbrakeServer;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** The files of a Go server, imported into a running Karaf without a restart. */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MoveIT {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String NATS_CFG = "io.fleettelemetry.datastore.nats-default.cfg";
    private static final String AIRBRAKE_CFG = "io.fleettelemetry.airbrake.cfg";
    private static final String KEY = "0123456789abcdef";

    private static NatsServer nats;
    private static NatsServer other;
    private static Connection there;
    private static AirbrakeServer airbrake;
    private static KarafProcess karaf;

    @BeforeAll
    static void start() throws Exception {
        nats = NatsServer.start();
        other = NatsServer.start();
        there = Nats.connect(other.url());
        airbrake = AirbrakeServer.start();
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-move"));
        karaf.writeConfig(NATS_CFG, "url = " + nats.url() + "\n");
        karaf.deploy(Kar.FILE);
        karaf.awaitLog("\\bnats_connected\\b");
    }

    @AfterAll
    static void stop() throws Exception {
        karaf.close();
        airbrake.close();
        there.close();
        nats.close();
        other.close();
    }

    private static void sendAnInvalidRecord() {
        karaf.execute("telemetry:send --type V --vin 'a b' --hex 00");
    }

    private static JsonObject takeNotice(String path) throws InterruptedException {
        AirbrakeServer.Request request = airbrake.take(SOON);
        assertEquals(path, request.path());
        assertEquals("Bearer " + KEY, request.headers().get("Authorization"));
        return JsonParser.parseString(request.body()).getAsJsonObject();
    }

    @Test
    @Order(1)
    void airbrake_is_off_until_a_project_is_configured() {
        sendAnInvalidRecord();
        assertFalse(karaf.threads().contains("\"airbrake-report\""));
        assertFalse(karaf.execute("service:list").out().contains("io.fleettelemetry.api.ErrorReporter"));
    }

    @Test
    @Order(2)
    void a_failed_record_is_reported_to_airbrake_as_soon_as_a_project_is_configured() throws Exception {
        karaf.writeConfig(
                AIRBRAKE_CFG,
                "host = " + airbrake.url() + "\nproject_id = 42\n.project_key = " + KEY + "\nenvironment = staging\n");
        karaf.awaitLog("airbrake_configured host=" + airbrake.url() + " project_id=42");
        sendAnInvalidRecord();
        JsonObject notice = takeNotice("/api/v3/projects/42/notices");
        JsonObject error = notice.getAsJsonArray("errors").get(0).getAsJsonObject();
        assertEquals("nats_err", error.get("message").getAsString());
        assertEquals(
                "staging", notice.getAsJsonObject("context").get("environment").getAsString());
        JsonObject params = notice.getAsJsonObject("params");
        assertEquals("INVALID", params.get("kind").getAsString());
        assertEquals("a b", params.get("vin").getAsString());
        assertTrue(params.get("reason").getAsString().contains("the VIN has a blank"), params.toString());
    }

    @Test
    @Order(3)
    void a_changed_project_gets_the_next_report() throws Exception {
        karaf.writeConfig(AIRBRAKE_CFG, "host = " + airbrake.url() + "\nproject_id = 43\n.project_key = " + KEY + "\n");
        karaf.awaitLog("airbrake_configured host=" + airbrake.url() + " project_id=43");
        sendAnInvalidRecord();
        takeNotice("/api/v3/projects/43/notices");
    }

    @Test
    @Order(4)
    void a_wrong_project_is_named_and_the_last_good_one_still_gets_reports() throws Exception {
        karaf.writeConfig(
                AIRBRAKE_CFG, "host = " + airbrake.url() + "\nproject_id = mine\n.project_key = " + KEY + "\n");
        karaf.awaitLog("airbrake_configuration_refused reason=\"project_id = mine: ");
        sendAnInvalidRecord();
        takeNotice("/api/v3/projects/43/notices");
    }

    @Test
    @Order(5)
    void the_go_servers_configuration_is_shown_as_a_difference_before_it_is_taken_over() throws Exception {
        Path config = goConfig("fleet");
        String before = Files.readString(karaf.etc(NATS_CFG));
        KarafProcess.Result result = karaf.execute("telemetry:import-config " + config);
        assertNotEquals(0, result.exit());
        assertTrue(result.out().contains("- url = " + nats.url()), result.out());
        assertTrue(result.out().contains("+ url = " + other.url()), result.out());
        assertTrue(result.out().contains("+ namespace = fleet"), result.out());
        assertTrue(result.out().contains("use --force to write them"), result.out());
        assertFalse(result.out().contains(KEY), result.out());
        assertEquals(before, Files.readString(karaf.etc(NATS_CFG)));
    }

    @Test
    @Order(6)
    void with_force_records_and_reports_go_where_the_go_servers_configuration_says_without_a_restart()
            throws Exception {
        Subscription arrived = there.subscribe("fleet.>");
        there.flush(SOON);
        JsonObject answer = JsonParser.parseString(
                        karaf.execute("telemetry:import-config --json --force " + goConfig("fleet"))
                                .out())
                .getAsJsonObject();
        assertEquals("written", answer.get("outcome").getAsString(), answer.toString());
        await().atMost(SOON)
                .until(() -> karaf.execute("telemetry:send --type V --vin MOVED --hex 00 --json")
                        .out()
                        .contains("\"confirmed\",\"subject\":\"fleet.MOVED.data\""));
        assertEquals("fleet.MOVED.data", arrived.nextMessage(SOON).getSubject());
        karaf.awaitLog("airbrake_configured host=" + airbrake.url() + " project_id=44");
        sendAnInvalidRecord();
        takeNotice("/api/v3/projects/44/notices");
        assertTrue(
                Files.readString(karaf.etc("io.fleettelemetry.host.cfg")).contains("# ---- The hold ---"),
                "comments stay");
    }

    @Test
    @Order(7)
    void a_wrong_configuration_of_the_go_server_changes_nothing() throws Exception {
        String before = Files.readString(karaf.etc(NATS_CFG));
        KarafProcess.Result result = karaf.execute("telemetry:import-config --force " + goConfig("fleet..eu"));
        assertNotEquals(0, result.exit());
        assertTrue(
                (result.out() + result.err()).contains("namespace = \"fleet..eu\": must be tokens joined by dots"),
                result.out() + result.err());
        assertEquals(before, Files.readString(karaf.etc(NATS_CFG)));
    }

    private static Path goConfig(String namespace) throws IOException {
        return Files.writeString(
                karaf.home().resolve("config.json"), """
                {
                  "Namespace": "%s",
                  "records": {"V": ["nats", "kafka"], "alerts": ["kafka"]},
                  "reliable_ack_sources": {"V": "nats"},
                  "nats": {"url": "%s", "name": "moved"},
                  "kafka": {"bootstrap.servers": "kafka:9092"},
                  "airbrake": {"host": "%s", "project_id": 44, "project_key": "%s"},
                  "reliable_ack": true
                }
                """.formatted(namespace, other.url(), airbrake.url(), KEY));
    }

    @Test
    @Order(100)
    void an_undeployed_bundle_leaves_no_thread_and_the_key_is_in_no_log() {
        assertTrue(karaf.threads().contains("\"airbrake-report\""));
        karaf.undeploy(Kar.FILE);
        await().atMost(SOON).until(() -> !karaf.threads().contains("\"airbrake-report\""));
        assertFalse(karaf.log().contains(KEY));
    }
}
