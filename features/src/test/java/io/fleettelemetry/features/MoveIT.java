package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.AirbrakeServer;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** What whoever moves over from the Go server brings along, in a running Karaf, without a restart. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MoveIT {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String AIRBRAKE_CFG = "io.fleettelemetry.airbrake.cfg";
    private static final String KEY = "0123456789abcdef";

    private static NatsServer nats;
    private static AirbrakeServer airbrake;
    private static KarafProcess karaf;

    @BeforeAll
    static void start() {
        nats = NatsServer.start();
        airbrake = AirbrakeServer.start();
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-move"));
        karaf.writeConfig("io.fleettelemetry.datastore.nats-default.cfg", "url = " + nats.url() + "\n");
        karaf.deploy(Kar.FILE);
        karaf.awaitLog("\\bnats_connected\\b");
    }

    @AfterAll
    static void stop() {
        karaf.close();
        airbrake.close();
        nats.close();
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
    @Order(100)
    void what_is_undeployed_leaves_no_thread_and_the_key_is_in_no_log() {
        assertTrue(karaf.threads().contains("\"airbrake-report\""));
        karaf.undeploy(Kar.FILE);
        await().atMost(SOON).until(() -> !karaf.threads().contains("\"airbrake-report\""));
        assertFalse(karaf.log().contains(KEY));
    }
}
