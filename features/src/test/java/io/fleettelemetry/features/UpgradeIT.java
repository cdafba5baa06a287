package io.fleettelemetry.features;

import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.features.foreign.Gateway;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** One release of the KAR is exchanged for another by exchanging the file: live and stopped, in either order, there and back. */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class UpgradeIT {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final String OLD = "1.0.0";
    private static final String NEW = "1.0.1";
    private static final String HOST_CFG = "io.fleettelemetry.host.cfg";

    private static Path newKar;
    private static NatsServer nats;
    private static FleetArrivals arrivals;
    private static KarafProcess karaf;
    private static Path gateway;
    private static String mine;

    @BeforeAll
    static void start() throws Exception {
        newKar = Kar.release(NEW);
        nats = NatsServer.start();
        arrivals = FleetArrivals.at(nats.url(), "tesla_telemetry");
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-upgrade"));
        karaf.writeConfig("io.fleettelemetry.datastore.nats-default.cfg", "url = " + nats.url() + "\n");
        karaf.deploy(Kar.FILE);
        awaitAll(OLD);
        gateway = gatewayBundle();
        karaf.deploy(gateway);
        await().atMost(SOON).until(() -> gatewayCounts().contains("confirmed="));
        mine = Files.readString(karaf.etc(HOST_CFG)) + "# mine\n";
        karaf.writeConfig(HOST_CFG, mine);
    }

    @AfterAll
    static void stop() throws Exception {
        karaf.close();
        arrivals.close();
        nats.close();
    }

    /** Whatever was exchanged: the user's file is as it was, and Karaf has refused nothing. */
    @AfterEach
    void nothing_was_refused_and_the_users_file_is_as_it_was() throws Exception {
        assertEquals(mine, Files.readString(karaf.etc(HOST_CFG)));
        assertFalse(karaf.log().contains("Unable to install Kar feature"), karaf::log);
    }

    private static Path gatewayBundle() {
        return ForeignBundle.of(
                "foreign.gateway",
                Gateway.class,
                Map.of(
                        "Import-Package",
                        "io.fleettelemetry.api;version=\"[1,2)\",io.fleettelemetry.host;version=\"[1,2)\","
                                + "org.osgi.framework;version=\"[1.8,2)\",org.osgi.util.tracker;version=\"[1.5,2)\""));
    }

    private static String gatewayCounts() {
        return karaf.execute("gateway:counts").out();
    }

    @Test
    @Order(1)
    void the_new_one_is_copied_before_the_old_one_is_removed() throws Exception {
        var load = CompletableFuture.supplyAsync(UpgradeIT::simulate);
        awaitLoad();
        karaf.deploy(newKar);
        awaitAll(NEW);
        assertEveryRecordEnded(load.join());
        int logged = karaf.log().length();
        karaf.undeploy(Kar.FILE);
        awaitKars(newKar);
        awaitAll(NEW);
        assertFalse(karaf.log().substring(logged).contains("nats_disconnected"), "nothing changes any more");
    }

    @Test
    @Order(2)
    void back_again_the_newer_one_is_removed_while_both_are_there() throws Exception {
        karaf.deploy(Kar.FILE);
        awaitKars(Kar.FILE, newKar);
        awaitAll(NEW);
        var load = CompletableFuture.supplyAsync(UpgradeIT::simulate);
        awaitLoad();
        karaf.undeploy(newKar);
        awaitAll(OLD);
        assertEveryRecordEnded(load.join());
        awaitKars(Kar.FILE);
    }

    @Test
    @Order(3)
    void the_old_one_is_removed_before_the_new_one_is_copied() throws Exception {
        var load = CompletableFuture.supplyAsync(UpgradeIT::simulate);
        awaitLoad();
        karaf.undeploy(Kar.FILE);
        karaf.deploy(newKar);
        awaitAll(NEW);
        assertEveryRecordEnded(load.join());
        awaitKars(newKar);
    }

    @Test
    @Order(4)
    void back_again_the_other_way() throws Exception {
        karaf.undeploy(newKar);
        karaf.deploy(Kar.FILE);
        awaitAll(OLD);
        awaitKars(Kar.FILE);
    }

    /** In four exchanges that the gateway saw, with 2,000 records a second. */
    @Test
    @Order(5)
    void a_gateway_that_waits_while_there_is_no_host_has_lost_nothing() {
        assertEquals(0, karaf.execute("gateway:end").exit());
        String counts = await("what the gateway has offered")
                .atMost(SOON)
                .until(UpgradeIT::gatewayCounts, said -> count(said, "offered") == count(said, "confirmed"));
        assertFalse(counts.contains("failed"), counts);
        Set<Long> arrived = arrivals.awaitAll().dataNumbers();
        long missing = LongStream.range(0, count(counts, "offered"))
                .filter(number -> !arrived.contains(number))
                .count();
        assertEquals(0, missing, counts);
        karaf.undeploy(gateway);
    }

    private static long count(String counts, String what) {
        return counts.lines()
                .filter(line -> line.startsWith(what + "="))
                .mapToLong(line -> Long.parseLong(line.substring(what.length() + 1)))
                .sum();
    }

    @Test
    @Order(6)
    void the_files_are_exchanged_while_karaf_is_stopped() throws Exception {
        karaf.stop();
        karaf.undeploy(Kar.FILE);
        karaf.deploy(newKar);
        karaf.startAgain("daemon");
        awaitAll(NEW);
        // Karaf keeps a KAR whose file went while it was stopped.
        awaitKars(Kar.FILE, newKar);
        assertDone("kar:uninstall " + name(Kar.FILE));
        awaitKars(newKar);
        awaitAll(NEW);
    }

    /** Karaf keeps the newer one as well, and the newest is in force: operations.md says what to do. */
    @Test
    @Order(7)
    void back_again_stopped_once_the_newer_one_is_uninstalled() throws Exception {
        karaf.stop();
        karaf.undeploy(newKar);
        karaf.deploy(Kar.FILE);
        karaf.startAgain("daemon");
        awaitAll(NEW);
        awaitKars(Kar.FILE, newKar);
        assertDone("kar:uninstall " + name(newKar));
        awaitAll(OLD);
        awaitKars(Kar.FILE);
    }

    private static JsonObject simulate() {
        return JsonParser.parseString(karaf.execute("telemetry:simulate --vehicles 1 --rate 1000 --seconds 60 --json")
                        .out())
                .getAsJsonObject();
    }

    private static void awaitLoad() {
        long before = simulated();
        await("records that arrive").atMost(SOON).until(() -> simulated() > before + 500);
    }

    /** The simulated fleet's records have times of now; the gateway's begin with the epoch. */
    private static long simulated() {
        return arrivals.numbers().stream()
                .filter(number -> number > Integer.MAX_VALUE)
                .count();
    }

    /** The run ends with the host: what was confirmed has arrived, and what was not has been told so. */
    private static void assertEveryRecordEnded(JsonObject run) {
        long confirmed = run.get("confirmed").getAsLong();
        assertEquals(
                run.get("offered").getAsLong(), confirmed + run.get("failed").getAsLong(), run::toString);
        assertTrue(confirmed > 500, run::toString);
        run.getAsJsonObject("failures")
                .keySet()
                .forEach(failure -> assertTrue(failure.contains("the host was stopped"), failure));
    }

    /** Each of our bundles is there once, in this version, and works: a record gets through. */
    private static void awaitAll(String version) {
        Map<String, String> wanted = Kar.bundles().values().stream()
                .filter(Kar.Bundle::isOurs)
                .collect(toMap(
                        bundle -> bundle.symbolicName() + " " + version,
                        bundle -> bundle.isFragment() ? "Resolved" : "Active"));
        await("all of " + version).atMost(SOON).untilAsserted(() -> assertEquals(wanted, ours()));
        await("a record that gets through")
                .atMost(SOON)
                .until(() -> karaf.execute("telemetry:send --type V --vin UP --hex 0a00")
                                .exit()
                        == 0);
    }

    /** The state of each of our bundles, by symbolic name and version. */
    private static Map<String, String> ours() {
        return karaf.execute("bundle:list -t 0 -s --no-format")
                .out()
                .lines()
                .map(line -> line.split("\t"))
                .filter(columns -> columns.length == 5 && columns[4].contains("io.fleettelemetry."))
                .collect(toMap(
                        columns -> columns[4].strip().split(",")[0] + " " + columns[3].strip(),
                        columns -> columns[1].strip(),
                        (one, other) -> one + ", twice " + other));
    }

    private static void awaitKars(Path... kars) {
        Set<String> names = Arrays.stream(kars).map(UpgradeIT::name).collect(toSet());
        await("the KARs " + names).atMost(SOON).untilAsserted(() -> {
            Set<String> listed = karaf.execute("kar:list --no-format")
                    .out()
                    .lines()
                    .map(String::strip)
                    .filter(line -> line.startsWith("fleet-telemetry"))
                    .collect(toSet());
            assertEquals(names, listed);
            // Karaf lists a KAR before it installs what is in it; to uninstall another one meanwhile would undo that.
            String required =
                    karaf.execute("feature:list --required --no-format").out();
            names.forEach(name -> assertTrue(
                    required.matches("(?s).*fleet-telemetry\\s+" + name.replace("fleet-telemetry-", "") + "\\s.*"),
                    name + " in " + required));
        });
    }

    private static String name(Path kar) {
        return kar.getFileName().toString().replaceFirst("\\.kar$", "");
    }

    private static void assertDone(String command) {
        KarafProcess.Result result = karaf.execute(command);
        assertEquals(0, result.exit(), () -> command + ": " + result.out() + result.err());
    }
}
