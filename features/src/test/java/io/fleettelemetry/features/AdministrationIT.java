package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.features.Readme.Block;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.jar.JarEntry;
import java.util.jar.JarInputStream;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** What an administrator does with instances and bundles: several side by side, restarts, upgrades. In a Karaf of its own. */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AdministrationIT {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String NATS = "io.fleettelemetry.datastore.nats";
    private static final Path BUILDS = Kar.TARGET.resolve("builds");

    private static final Readme.Section UPGRADE = Readme.read().section("Upgrade the NATS bundle");
    private static final Readme.Section REPLACE = Readme.read().section("Upgrade everything, or remove it for a while");
    /** The sections of operations.md whose commands are run here. */
    static final Set<String> SECTIONS = Set.of(UPGRADE.heading(), REPLACE.heading());

    /** The instance of this name has the namespace of that name, on a server of its own, and gets the type of that name. */
    private record Instance(String name, String file, NatsServer server) {

        void create() {
            karaf.writeConfig(
                    file, "url = " + server.url() + "\nnamespace = " + name + "-ns\ndatastore = " + name + "\n");
        }

        boolean isPresent() {
            return status().map(status -> status.get("present").getAsBoolean()).orElse(false);
        }

        /** That it is there, publishes where it should, and has its own values in status and metrics. */
        void assertWorks() {
            await(name)
                    .atMost(SOON)
                    .until(() -> status().map(
                                    status -> status.get("state").getAsString().equals("OK"))
                            .orElse(false));
            JsonObject details = status().orElseThrow().getAsJsonObject("details");
            assertEquals(server.url(), details.get("server").getAsString());
            assertEquals(name + "-ns", details.get("namespace").getAsString());
            double before = produced();
            double all = Metrics.of(metricsPort).sum("nats_produce_total");
            try (Connection there = Nats.connect(server.url())) {
                Subscription arrived = there.subscribe(name + "-ns.X." + name);
                there.flush(SOON);
                JsonObject sent = json("telemetry:send --type " + name + " --vin X --hex 00");
                assertEquals(name + "-ns.X." + name, sent.get("subject").getAsString(), sent.toString());
                assertEquals("confirmed", sent.get("outcome").getAsString());
                assertNotNull(arrived.nextMessage(SOON));
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            assertEquals(before + 1, produced());
            assertEquals(all + 1, Metrics.of(metricsPort).sum("nats_produce_total"), "and no other's counts move");
        }

        private Optional<JsonObject> status() {
            return json("telemetry:status").getAsJsonArray("datastores").asList().stream()
                    .map(JsonElement::getAsJsonObject)
                    .filter(datastore -> datastore.get("name").getAsString().equals(name))
                    .findFirst();
        }

        private double produced() {
            String label = name.equals("nats") ? "" : "datastore=\"" + name + "\",";
            return Metrics.of(metricsPort)
                    .values()
                    .getOrDefault("nats_produce_total{record_type=\"" + name + "\"," + label + "}", 0.0);
        }
    }

    private static KarafProcess karaf;
    private static int metricsPort;
    private static Instance first;
    private static Instance eu;
    private static Instance us;

    @BeforeAll
    static void start() {
        first = new Instance("nats", NATS + "-default.cfg", NatsServer.start());
        eu = new Instance("nats-eu", NATS + "-eu.cfg", NatsServer.start());
        us = new Instance("nats-us", NATS + "-us.cfg", NatsServer.start());
        metricsPort = FreePort.next();
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-administration"));
        karaf.writeConfig(
                "io.fleettelemetry.host.cfg",
                "records.V = nats\nrecords.alerts = nats\nrecords.errors = nats\nrecords.connectivity = nats\n"
                        + "records.nats = nats\nrecords.nats-eu = nats-eu\nrecords.nats-us = nats-us\n"
                        + "prometheus_metrics_port = " + metricsPort + "\n");
        first.create();
        karaf.deploy(Kar.FILE);
        karaf.awaitLog("nats_connected datastore=nats ");
        awaitCommands();
    }

    @AfterAll
    static void stop() {
        karaf.close();
        List.of(first, eu, us).forEach(instance -> instance.server.close());
    }

    private static void awaitCommands() {
        await().atMost(SOON)
                .until(() -> karaf.execute("telemetry:status --json").out().contains("nats-us"));
    }

    private static JsonObject json(String command) {
        return JsonParser.parseString(karaf.execute(command + " --json").out()).getAsJsonObject();
    }

    private static List<List<Instance>> everyOrder() {
        return List.of(
                List.of(first, eu, us),
                List.of(first, us, eu),
                List.of(eu, first, us),
                List.of(eu, us, first),
                List.of(us, first, eu),
                List.of(us, eu, first));
    }

    @Test
    @Order(1)
    void three_instances_work_side_by_side_in_any_order_of_configuration() throws Exception {
        for (List<Instance> order : everyOrder()) {
            for (Instance instance : order) {
                Files.deleteIfExists(karaf.etc(instance.file));
            }
            await().atMost(SOON).until(() -> order.stream().noneMatch(Instance::isPresent));
            for (Instance instance : order) {
                instance.create();
                await().atMost(SOON).until(instance::isPresent);
            }
            order.forEach(Instance::assertWorks);
        }
    }

    @Test
    @Order(2)
    void they_are_all_there_after_the_bundle_was_restarted() {
        assertEquals(0, karaf.execute("bundle:restart " + NATS).exit());
        List.of(first, eu, us).forEach(Instance::assertWorks);
    }

    @Test
    @Order(3)
    void they_are_all_there_after_karaf_was_started_clean() {
        karaf.restartClean();
        awaitCommands();
        List.of(first, eu, us).forEach(Instance::assertWorks);
    }

    @Test
    @Order(4)
    void the_bundle_is_upgraded_in_three_ways_under_load_and_nothing_is_lost_or_overtaken() throws Exception {
        try (FleetArrivals arrivals = FleetArrivals.at(first.server.url(), "nats-ns")) {
            FleetLoad load = new FleetLoad(karaf, 1000);
            try (load) {
                await().atMost(SOON).until(() -> arrivals.messages() > 0);
                int logged = karaf.log().length();

                for (int patch = 1; patch <= 3; patch++) {
                    build("1.0." + patch);
                }
                List<Block> blocks = UPGRADE.blocks();
                assertEquals(8, blocks.size());

                // Another version in deploy/ works beside the one of the KAR, and takes over when that goes.
                perform(blocks.subList(0, 3));
                awaitUnderLoad(arrivals, () -> versions().equals(List.of("1.0.0", "1.0.1")));
                perform(blocks.subList(3, 5));
                awaitUnderLoad(arrivals, () -> versions().equals(List.of("1.0.1")));
                assertFalse(karaf.log().substring(logged).contains("datastore_gone"), "there was always one");

                // The file in deploy/ is replaced.
                perform(blocks.subList(5, 8));
                awaitUnderLoad(arrivals, () -> versions().equals(List.of("1.0.2")));

                assertEquals(
                        0,
                        karaf.execute("bundle:update " + NATS + " file:" + BUILDS + "/" + NATS + "-1.0.3.jar")
                                .exit());
                awaitUnderLoad(arrivals, () -> versions().equals(List.of("1.0.3")));
                assertEquals(3, karaf.log().substring(logged).split("datastore_gone datastore=nats[^-]").length);
            }
            arrivals.awaitAll().assertOrderly("at the server");
            assertEquals(load.offered(), arrivals.numbers().size());
        }
        List.of(first, eu, us).forEach(Instance::assertWorks);
    }

    /** What operations.md says; what looks is repeated until it sees the answer behind it. */
    private static void perform(List<Block> blocks) throws Exception {
        for (int i = 0; i < blocks.size(); i++) {
            for (String command : blocks.get(i).lines()) {
                boolean looks = command.startsWith("bundle:list ");
                if (looks
                        && i + 1 < blocks.size()
                        && blocks.get(i + 1).language().equals("text")) {
                    Pattern answer = Readme.answer(blocks.get(i + 1).text());
                    await(command)
                            .atMost(SOON)
                            .until(() -> answer.matcher(
                                            Readme.plain(karaf.execute(command).out()))
                                    .find());
                } else if (blocks.get(i).language().equals("karaf")) {
                    assertEquals(0, karaf.execute(command).exit(), command);
                } else if (blocks.get(i).language().equals("sh")) {
                    assertEquals(0, shell(command).waitFor(), command);
                }
            }
        }
    }

    private static Process shell(String command) throws IOException {
        var shell = new ProcessBuilder(
                        "sh", "-c", command.replace("features/target/fleet-telemetry-1.0.0.kar", Kar.FILE.toString()))
                .directory(BUILDS.toFile())
                .inheritIO();
        shell.environment().put("KARAF", karaf.home().toString());
        return shell.start();
    }

    /** Waits for the condition, and then for a few hundred records more. */
    private static void awaitUnderLoad(FleetArrivals arrivals, BooleanSupplier condition) {
        await().atMost(SOON).until(condition::getAsBoolean);
        long before = arrivals.messages();
        await().atMost(SOON).until(() -> arrivals.messages() > before + 300);
    }

    /** Of the NATS bundles that are active. */
    private static List<String> versions() {
        return karaf.execute("bundle:list -t 0 -s --no-format")
                .out()
                .lines()
                .map(line -> line.split("\t"))
                .filter(columns -> columns.length == 5 && columns[4].strip().equals(NATS))
                .filter(columns -> columns[1].strip().equals("Active"))
                .map(columns -> columns[3].strip())
                .sorted()
                .toList();
    }

    private static boolean isListed() {
        return Readme.plain(
                        karaf.execute(REPLACE.blocks().get(1).lines().get(0)).out())
                .contains("io.fleettelemetry");
    }

    /** The NATS bundle of this build with another version. */
    private static void build(String version) throws IOException {
        Files.createDirectories(BUILDS);
        try (JarInputStream in = Kar.open(NATS)) {
            Manifest manifest = in.getManifest();
            manifest.getMainAttributes().putValue("Bundle-Version", version);
            try (OutputStream out = Files.newOutputStream(BUILDS.resolve(NATS + "-" + version + ".jar"));
                    JarOutputStream jar = new JarOutputStream(out, manifest)) {
                for (JarEntry entry = in.getNextJarEntry(); entry != null; entry = in.getNextJarEntry()) {
                    jar.putNextEntry(new JarEntry(entry.getName()));
                    in.transferTo(jar);
                }
            }
        }
    }

    /** Karaf takes the files in {@code deploy/} in an order that depends on their paths. */
    @Test
    @Order(5)
    void after_a_clean_start_the_bundle_in_deploy_is_there_instead_of_the_kars_or_beside_it() {
        karaf.restartClean();
        awaitCommands(); // the KAR is there
        await().atMost(SOON).until(() -> versions().contains("1.0.2"));
        if (versions().equals(List.of("1.0.0", "1.0.2"))) {
            assertEquals(0, karaf.execute("bundle:uninstall " + NATS + "/1.0.0").exit());
        }
        assertEquals(List.of("1.0.2"), versions());
        List.of(first, eu, us).forEach(Instance::assertWorks);
    }

    /**
     * The new KAR comes when the old one is gone: of a file that is only replaced, Karaf may take nothing but the end of the
     * old one, if it was started with it.
     */
    @Test
    @Order(6)
    void another_kar_replaces_the_host_too_and_every_record_ends_with_a_word() throws Exception {
        CompletableFuture<JsonObject> load =
                CompletableFuture.supplyAsync(() -> json("telemetry:simulate --vehicles 20 --rate 1000 --seconds 30"));
        double before = Metrics.read(metricsPort).sum("record_total");
        await().atMost(SOON)
                .ignoreExceptions()
                .until(() -> Metrics.read(metricsPort).sum("record_total") > before + 1_000);
        List<Block> blocks = REPLACE.blocks();
        assertEquals(5, blocks.size());
        assertTrue(isListed());
        perform(blocks.subList(0, 1));
        JsonObject run = load.join();
        assertTrue(run.get("offered").getAsInt() < 30_000, "it ends with the host");
        assertEquals(
                run.get("offered").getAsLong(),
                run.get("confirmed").getAsLong() + run.get("failed").getAsLong(),
                run.toString());
        run.getAsJsonObject("failures")
                .keySet()
                .forEach(failure -> assertTrue(failure.contains("the host was stopped"), failure));

        await().atMost(SOON).until(() -> !isListed());
        perform(blocks.subList(2, 5));
        awaitCommands();
        await().atMost(SOON)
                .ignoreExceptions()
                .until(() -> Metrics.read(metricsPort).sum("record_total") == 0);
        List.of(first, eu, us).forEach(Instance::assertWorks);
        assertEquals(List.of("1.0.0"), versions());
    }
}
