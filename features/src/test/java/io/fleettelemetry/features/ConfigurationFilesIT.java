package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Files that people leave in {@code etc/}: copies, files without a name, empty ones, and those that they delete while Karaf
 * is stopped. What is so before a restart is so after it.
 */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ConfigurationFilesIT {

    private static final Duration SOON = Duration.ofSeconds(40);
    private static final String HOST = "io.fleettelemetry.host";
    private static final String LOGGER = "io.fleettelemetry.datastore.logger";
    private static final String AIRBRAKE = "io.fleettelemetry.airbrake";
    private static final String NATS = "io.fleettelemetry.datastore.nats";

    private static KarafProcess karaf;
    private static NatsServer server;
    private static int metricsPort;

    @BeforeAll
    static void start() {
        server = NatsServer.start();
        metricsPort = FreePort.next();
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-files"));
        writeNats("default", "nats");
        writeHost("V");
        karaf.writeConfig(HOST + "-older.cfg", "records.copied = nats\n");
        karaf.writeConfig(LOGGER + ".cfg", "verbose = true\n");
        karaf.deploy(Kar.FILE);
    }

    @AfterAll
    static void stop() {
        karaf.close();
        server.close();
    }

    private static void writeNats(String file, String datastore) {
        karaf.writeConfig(
                NATS + "-" + file + ".cfg",
                "url = " + server.url() + "\ndatastore = " + datastore + "\nreconnect.wait.ms = 100\n");
    }

    private static void writeHost(String type) {
        karaf.writeConfig(
                HOST + ".cfg", "records." + type + " = nats, logger\nprometheus_metrics_port = " + metricsPort + "\n");
    }

    private static void restart() {
        karaf.stop();
        karaf.startAgain("daemon");
    }

    private static void delete(String name) {
        try {
            Files.delete(karaf.etc(name));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static JsonObject status() {
        return JsonParser.parseString(karaf.execute("telemetry:status --json").out())
                .getAsJsonObject();
    }

    private static String routes() {
        return status().getAsJsonObject("routes").toString();
    }

    private static Optional<JsonObject> datastore(String name) {
        return status().getAsJsonArray("datastores").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .filter(datastore -> datastore.get("name").getAsString().equals(name))
                .findFirst();
    }

    private static String detail(String datastore, String name) {
        return datastore(datastore)
                .orElseThrow()
                .getAsJsonObject("details")
                .get(name)
                .getAsString();
    }

    /** But for those of datastores, which say whether their server is there. */
    private static List<String> problems() {
        return status().getAsJsonArray("problems").asList().stream()
                .map(JsonElement::getAsString)
                .filter(problem -> !problem.startsWith("datastore "))
                .toList();
    }

    private static void assertInForce(String type) {
        await().atMost(SOON)
                .ignoreExceptions()
                .untilAsserted(() -> assertEquals("{\"" + type + "\":[\"nats\",\"logger\"]}", routes()));
        assertEquals("127.0.0.1:" + metricsPort, status().get("metrics_address").getAsString());
        await().atMost(SOON).ignoreExceptions().untilAsserted(() -> assertEquals("true", detail("logger", "verbose")));
    }

    private static void assertNamed(String... files) {
        for (String file : files) {
            await().atMost(SOON)
                    .ignoreExceptions()
                    .until(() ->
                            problems().stream().anyMatch(problem -> problem.startsWith(file + " has no effect: ")));
            karaf.awaitLog("WARN .*configuration_file_problem reason=\"" + file + " has no effect: ");
        }
        assertEquals(files.length, problems().size(), () -> problems().toString());
    }

    @Test
    @Order(1)
    void a_copy_that_was_there_before_has_no_effect_and_is_named() {
        assertInForce("V");
        assertNamed(HOST + "-older.cfg");
    }

    @Test
    @Order(2)
    void copies_have_no_effect_when_they_are_made() {
        karaf.writeConfig(HOST + "-backup.cfg", "records.copied = nats\n");
        karaf.writeConfig(LOGGER + "-backup.cfg", "verbose = false\n");
        karaf.writeConfig(AIRBRAKE + "-backup.cfg", "project_id = 1\n.project_key = k\nhost = http://127.0.0.1:1\n");
        karaf.writeConfig(NATS + ".cfg", "url = nats://127.0.0.1:1\ndatastore = nameless\n");
        assertNamed(
                HOST + "-older.cfg",
                HOST + "-backup.cfg",
                LOGGER + "-backup.cfg",
                AIRBRAKE + "-backup.cfg",
                NATS + ".cfg");
        assertInForce("V");
    }

    @Test
    @Order(3)
    void copies_have_no_effect_after_a_restart_either() {
        restart();
        assertInForce("V");
        assertNamed(
                HOST + "-older.cfg",
                HOST + "-backup.cfg",
                LOGGER + "-backup.cfg",
                AIRBRAKE + "-backup.cfg",
                NATS + ".cfg");
        assertEquals(Optional.empty(), datastore("nameless"));
        assertEquals(false, karaf.log().contains("airbrake_configured"));
        writeHost("edited");
        assertInForce("edited");
    }

    @Test
    @Order(4)
    void copies_that_are_deleted_change_nothing() {
        List.of(HOST + "-older", HOST + "-backup", LOGGER + "-backup", AIRBRAKE + "-backup", NATS)
                .forEach(file -> delete(file + ".cfg"));
        await().atMost(SOON).untilAsserted(() -> assertEquals(List.of(), problems()));
        assertInForce("edited");
    }

    @Test
    @Order(5)
    void a_datastore_whose_file_was_deleted_while_karaf_was_stopped_is_named() {
        writeNats("second", "second");
        await().atMost(SOON).until(() -> datastore("second").isPresent());
        karaf.stop();
        delete(NATS + "-second.cfg");
        karaf.startAgain("daemon");
        assertInForce("edited");
        await().atMost(SOON)
                .ignoreExceptions()
                .until(() ->
                        problems().toString().contains("-second.cfg is missing, but io.fleettelemetry.datastore.nats"));
        karaf.awaitLog("WARN .*configuration_file_problem reason=\"the file .*-second\\.cfg is missing, ");
        String pid = problems().get(0).replaceAll(".*config:delete ", "");
        assertEquals(0, karaf.execute("config:delete '" + pid + "'").exit());
        await().atMost(SOON).untilAsserted(() -> assertEquals(List.of(), problems()));
        assertEquals(Optional.empty(), datastore("second"));
    }

    @Test
    @Order(6)
    void files_without_a_setting_mean_the_defaults_before_and_after_a_restart() {
        karaf.writeConfig(AIRBRAKE + ".cfg", "project_id = 1\n.project_key = k\nhost = http://127.0.0.1:1\n");
        karaf.awaitLog("airbrake_configured ");
        karaf.writeConfig(LOGGER + ".cfg", "# nothing\n");
        karaf.writeConfig(HOST + ".cfg", "");
        karaf.writeConfig(NATS + "-default.cfg", "# nothing\n");
        karaf.writeConfig(AIRBRAKE + ".cfg", "# nothing\n");
        assertDefaults();
        karaf.awaitLog("airbrake_off ");
        int configured = timesAirbrakeWasConfigured();
        restart();
        assertDefaults();
        assertEquals(configured, timesAirbrakeWasConfigured(), "it is off after the restart, too");
        writeHost("V");
        karaf.writeConfig(LOGGER + ".cfg", "verbose = true\n");
        assertInForce("V");
    }

    private static int timesAirbrakeWasConfigured() {
        return karaf.log().split("airbrake_configured ", -1).length - 1;
    }

    @Test
    @Order(7)
    void a_file_with_a_byte_order_mark_or_a_value_in_utf_8_is_refused_and_the_last_good_one_stays() {
        karaf.writeConfig(NATS + "-default.cfg", "\uFEFFurl = nats://127.0.0.1:1\ndatastore = nats\n");
        assertRefused("begins with a byte order mark");
        karaf.writeConfig(NATS + "-default.cfg", "url = " + server.url() + "\nusername = u\n.password = k\u00F6nig\n");
        assertRefused(".password = (hidden): has UTF-8 characters");
        karaf.writeConfig(NATS + "-default.cfg", "url = " + server.url() + "\nusername = u\n.password = k\\u00f6nig\n");
        await().atMost(SOON)
                .ignoreExceptions()
                .until(() -> datastore("nats")
                                .orElseThrow()
                                .get("state")
                                .getAsString()
                                .equals("OK")
                        && detail("nats", "url").equals(server.url()));
    }

    private static void assertRefused(String reason) {
        await().atMost(SOON)
                .ignoreExceptions()
                .until(() -> datastore("nats")
                        .orElseThrow()
                        .get("summary")
                        .getAsString()
                        .contains(reason));
        assertEquals("nats://localhost:4222", detail("nats", "url"));
    }

    @Test
    @Order(8)
    void a_json_file_has_no_unknown_setting_and_a_second_datastore_of_the_same_name_stands_by() {
        karaf.writeConfig(
                NATS + "~spare.cfg.json",
                "{ \":configurator:resource-version\": 1, \"url\": \"" + server.url()
                        + "\", \"service.ranking:Integer\": -1 }");
        await().atMost(SOON)
                .ignoreExceptions()
                .until(() -> detail("nats", "standby").equals("ranking -1, OK: connected"));
        assertEquals(List.of(), problems());
        assertEquals(false, karaf.log().contains("nats_unknown_setting"));
        delete(NATS + "~spare.cfg.json");
        await().atMost(SOON).until(() -> !status().toString().contains("\"standby\""));
    }

    private static void assertDefaults() {
        await().atMost(SOON).ignoreExceptions().untilAsserted(() -> {
            assertEquals("{}", routes());
            assertEquals("false", detail("logger", "verbose"));
            assertEquals(List.of(), problems());
            JsonObject nats = datastore("nats").orElseThrow();
            assertEquals(true, nats.toString().contains("nats://localhost:4222"), nats.toString());
        });
    }
}
