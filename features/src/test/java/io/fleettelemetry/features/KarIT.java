package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.KarafProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** The KAR in a stock Karaf without a network: comes up, disturbs nobody, goes without a trace but the user's files. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class KarIT {

    private static final String[] CONFIGURATION_FILES = {
        "io.fleettelemetry.datastore.nats-default.cfg",
        "io.fleettelemetry.datastore.logger.cfg",
        "io.fleettelemetry.host.cfg",
        "io.fleettelemetry.airbrake.cfg"
    };

    private static KarafProcess karaf;
    private static Map<String, String> before;

    @BeforeAll
    static void drop_the_kar_into_deploy() {
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-kar"));
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
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
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
    @Order(3)
    void no_bundle_of_karaf_is_refreshed() {
        assertFalse(karaf.log().contains("Refreshing bundles"), karaf::log);
        assertTrue(states().entrySet().containsAll(before.entrySet()));
    }

    @Test
    @Order(4)
    void an_undeployed_kar_leaves_no_bundle_and_keeps_what_the_user_has_written() throws IOException {
        String mine = "# mine\nrecords.V = logger\n";
        karaf.writeConfig("io.fleettelemetry.host.cfg", mine);
        karaf.undeploy(Kar.FILE);
        await().atMost(Duration.ofSeconds(20)).until(() -> states().equals(before));
        assertEquals(mine, Files.readString(karaf.etc("io.fleettelemetry.host.cfg")));

        karaf.deploy(Kar.FILE);
        await().atMost(Duration.ofSeconds(20))
                .until(() -> states().keySet().containsAll(Kar.bundles().keySet()));
        assertEquals(mine, Files.readString(karaf.etc("io.fleettelemetry.host.cfg")));
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
