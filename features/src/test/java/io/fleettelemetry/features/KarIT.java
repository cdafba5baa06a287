package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.KarafProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** The KAR in a Karaf without a network, and as stock as can be: starts, disturbs no other bundle, and leaves only the user's files. */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class KarIT {

    private static final String HOST_CFG = "io.fleettelemetry.host.cfg";
    private static final String EU_CFG = "io.fleettelemetry.datastore.nats-eu.cfg";
    private static final String MINE = "records.V = logger";
    private static final String[] CONFIGURATION_FILES = {
        "io.fleettelemetry.datastore.nats-default.cfg",
        "io.fleettelemetry.datastore.logger.cfg",
        HOST_CFG,
        "io.fleettelemetry.airbrake.cfg"
    };

    private static KarafProcess karaf;
    private static Map<String, String> before;

    @BeforeAll
    static void drop_the_kar_into_deploy() {
        karaf = KarafProcess.startStock(Kar.TARGET.resolve("karaf-kar"));
        before = states();
        karaf.deploy(Kar.FILE);
        karaf.awaitLog("FeaturesServiceImpl .* Done\\.");
    }

    @AfterAll
    static void stop_karaf() {
        karaf.close();
    }

    @Test
    @Order(1)
    void every_bundle_of_the_kar_is_active() {
        awaitAllActive();
    }

    private static void awaitAllActive() {
        await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
            var states = states();
            assertAll(Kar.bundles().values().stream()
                    .map(bundle -> () -> assertEquals(
                            bundle.isFragment() ? "Resolved" : "Active",
                            states.get(bundle.location()),
                            bundle.location())));
        });
    }

    @Test
    @Order(2)
    void the_default_configuration_files_are_in_etc() {
        assertAll(Arrays.stream(CONFIGURATION_FILES)
                .map(name -> () -> assertEquals(Kar.configuration(name), Files.readString(karaf.etc(name)))));
    }

    @Test
    @Order(2)
    void the_default_configuration_files_are_their_owners_alone() throws IOException {
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertAll(Arrays.stream(CONFIGURATION_FILES)
                        .map(name -> () -> assertEquals("rw-------", permissions(name), name))));
    }

    private static String permissions(String name) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(karaf.etc(name)));
    }

    @Test
    @Order(3)
    void no_bundle_of_karaf_is_refreshed() {
        assertFalse(karaf.log().contains("Refreshing bundles"), karaf::log);
        assertTrue(states().entrySet().containsAll(before.entrySet()));
    }

    /** configuration.md promises two seconds; the clock starts before the file is written. */
    @Test
    @Order(4)
    void an_edited_file_is_in_force_within_two_seconds_and_keeps_its_comments() throws IOException {
        int logged = karaf.log().length();
        long start = System.nanoTime();
        Files.writeString(karaf.etc(HOST_CFG), Kar.configuration(HOST_CFG).replaceFirst("(?m)^records.V = .*", MINE));
        await().pollInterval(Duration.ofMillis(20))
                .atMost(Duration.ofSeconds(20))
                .until(() ->
                        karaf.log().substring(logged).matches("(?s).*host_configured records=\\{.*V=\\[logger].*"));
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        assertTrue(took.compareTo(Duration.ofSeconds(2)) < 0, took::toString);

        assertEquals(
                0,
                karaf.execute("config:property-set --pid io.fleettelemetry.host hold.max.ms 5000")
                        .exit());
        await().atMost(Duration.ofSeconds(20))
                .until(() -> Files.readString(karaf.etc(HOST_CFG)).contains("hold.max.ms = 5000"));
        List<String> lines = Files.readAllLines(karaf.etc(HOST_CFG));
        assertTrue(lines.contains(MINE), lines::toString);
        assertTrue(
                lines.containsAll(Kar.configuration(HOST_CFG)
                        .lines()
                        .filter(line -> line.startsWith("# "))
                        .toList()),
                lines::toString);
    }

    @Test
    @Order(5)
    void a_datastore_is_added_by_a_file_and_removed_with_it_by_a_command() throws IOException {
        int logged = karaf.log().length();
        Files.writeString(karaf.etc(EU_CFG), "datastore = nats-eu\n");
        await().atMost(Duration.ofSeconds(20))
                .until(() -> karaf.log().substring(logged).contains("datastore_bound datastore=nats-eu"));
        assertEquals(
                0,
                karaf.execute("config:delete io.fleettelemetry.datastore.nats~eu")
                        .exit());
        await().atMost(Duration.ofSeconds(20))
                .until(() -> karaf.log().substring(logged).contains("datastore_gone datastore=nats-eu")
                        && !Files.exists(karaf.etc(EU_CFG)));
    }

    @Test
    @Order(6)
    void the_files_stay_as_the_user_has_edited_them_when_the_feature_or_the_kar_goes_and_comes_again()
            throws Exception {
        Map<String, String> mine = new TreeMap<>();
        for (String name : CONFIGURATION_FILES) {
            String edited = Files.readString(karaf.etc(name)) + "# mine\n";
            Files.writeString(karaf.etc(name), edited);
            Files.setPosixFilePermissions(karaf.etc(name), PosixFilePermissions.fromString("rw-r-----"));
            mine.put(name, edited);
        }
        assertEquals(0, karaf.execute("feature:uninstall fleet-telemetry").exit());
        await().atMost(Duration.ofSeconds(20)).until(() -> states().equals(before));
        assertEquals(mine, files());
        assertEquals(0, karaf.execute("feature:install fleet-telemetry").exit());
        awaitAllActive();
        assertEquals(mine, files());

        karaf.undeploy(Kar.FILE);
        await().atMost(Duration.ofSeconds(20)).until(() -> states().equals(before));
        assertEquals(mine, files());
        for (String list : List.of("feature:repo-list", "kar:list")) {
            // Karaf forgets them a moment after their bundles.
            await(list)
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> !karaf.execute(list).out().contains("fleet-telemetry"));
        }
        karaf.deploy(Kar.FILE);
        awaitAllActive();
        assertEquals(mine, files());
        for (String name : CONFIGURATION_FILES) {
            assertEquals("rw-r-----", permissions(name), name);
        }
    }

    private static Map<String, String> files() throws IOException {
        Map<String, String> files = new TreeMap<>();
        for (String name : CONFIGURATION_FILES) {
            files.put(name, Files.readString(karaf.etc(name)));
        }
        return files;
    }

    /** The state of every bundle by location. */
    private static Map<String, String> states() {
        var result = karaf.execute("bundle:list -t 0 -l --no-format");
        assertEquals(0, result.exit(), result.err());
        var states = new TreeMap<String, String>();
        result.out()
                .lines()
                .map(line -> line.split("\t"))
                .filter(columns -> columns.length == 5)
                .forEach(columns -> states.put(columns[4].strip(), columns[1].strip()));
        return states;
    }
}
