package io.fleettelemetry.features;

import static java.util.stream.Collectors.toMap;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.features.foreign.Witness;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * What a good citizen does in a Karaf that goes on without it: it comes up in any order, is replaced as often as one likes,
 * and leaves nothing behind but the user's files. A {@link Witness} that was there before looks on.
 */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class CitizenIT {

    private static final Duration SOON = Duration.ofSeconds(20);
    /** Karaf does not close the session of a command. Its threads keep what they have run for a minute. */
    private static final Duration SHELL_FORGETS = Duration.ofSeconds(65);

    private static final int UPDATES = 20;
    private static final String NATS = "io.fleettelemetry.datastore.nats";
    private static final String NATS_CFG = NATS + "-default.cfg";

    private static NatsServer nats;
    private static int monitoring;
    private static int metrics;
    private static KarafProcess karaf;
    /** Our bundles as files, by symbolic name. */
    private static Map<String, Path> bundles;

    /** What the user has written, by the name of the file. */
    private static Map<String, String> files;

    private static State before;

    /** What others have in this Karaf. */
    private record State(List<String> threads, List<String> services, List<String> mbeans, long sockets) {

        static State now() {
            return new State(CitizenIT.threads(), witness("services"), witness("mbeans"), CitizenIT.sockets());
        }

        /** What is there now and was not then. */
        List<String> since(State then) {
            return Stream.of(
                            more(threads, then.threads),
                            more(services, then.services),
                            more(mbeans, then.mbeans),
                            sockets > then.sockets ? List.of(sockets - then.sockets + " sockets") : List.<String>of())
                    .flatMap(List::stream)
                    .toList();
        }

        private static List<String> more(List<String> now, List<String> then) {
            List<String> more = new ArrayList<>(now);
            then.forEach(more::remove);
            return more;
        }
    }

    @BeforeAll
    static void drop_the_kar_into_a_karaf_that_has_all_configurations() throws Exception {
        monitoring = FreePort.next();
        metrics = FreePort.next();
        nats = NatsServer.start("http: \"127.0.0.1:" + monitoring + "\"");
        bundles = Kar.unpackOurs(Kar.TARGET.resolve("citizen"));
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-citizen"));
        karaf.deploy(ForeignBundle.of(
                "witness",
                Witness.class,
                Map.of("Import-Package", "org.osgi.framework,org.osgi.framework.wiring,javax.management")));
        await().atMost(SOON).until(() -> karaf.execute("witness:loaders").exit() == 0);
        before = State.now();
        files = Map.of(
                NATS_CFG,
                "# mine\nurl = " + nats.url() + "\nreconnect.wait.ms = 100\n",
                NATS + "-second.cfg",
                "# mine\nurl = " + nats.url() + "\ndatastore = second\nname = second\n",
                "io.fleettelemetry.datastore.logger.cfg",
                "# mine\nverbose = true\n",
                "io.fleettelemetry.airbrake.cfg",
                "# mine\nhost = http://127.0.0.1:1\nproject_id = 1\n.project_key = k\n",
                "io.fleettelemetry.host.cfg",
                """
                        # mine
                        records.V = nats
                        records.alerts = second
                        records.errors = nats, logger
                        records.connectivity = nats, second
                        reliable_ack_sources.V = nats
                        prometheus_metrics_port = %d
                        """.formatted(metrics));
        files.forEach(karaf::writeConfig);
        karaf.deploy(Kar.FILE);
    }

    @AfterAll
    static void stop() {
        karaf.close();
        nats.close();
    }

    @Test
    @Order(1)
    void configuration_that_was_there_before_the_bundles_is_in_force_and_stays_as_it_was() throws Exception {
        awaitEverythingUp();
        assertUsersFilesAreAsTheyWere();
    }

    @Test
    @Order(2)
    void each_thread_of_ours_has_a_name_and_a_context_class_loader_of_ours() {
        // Settings that come by a command come by its thread, and new ones make new threads.
        assertDone("config:property-set --pid io.fleettelemetry.host prometheus_metrics_host localhost");
        await("the metrics").atMost(SOON).ignoreExceptions().until(() -> Metrics.read(metrics) != null);
        Map<String, String> contexts = newThreads("telemetry:send --type V --vin A --hex 0a00");
        karaf.writeConfig("io.fleettelemetry.host.cfg", files.get("io.fleettelemetry.host.cfg"));
        for (String name : List.of(
                "HTTP-Dispatcher",
                "airbrake-report",
                "fleet-telemetry:1",
                "logger-write",
                "nats-nats-confirm",
                "nats-nats-connect",
                "nats-nats-events",
                "nats-nats-watch",
                "nats-nats-write",
                "nats-second-write")) {
            assertTrue(contexts.containsKey(name), () -> "no " + name + " in " + contexts);
        }
        for (String prefix : List.of("telemetry-answers-", "telemetry-metrics-")) {
            assertTrue(contexts.keySet().stream().anyMatch(name -> name.startsWith(prefix)), contexts::toString);
        }
        // From JDK 19 on, the JDK's server gives its one thread the application's class loader, whichever thread starts
        // it.
        contexts.remove("HTTP-Dispatcher", "jdk.internal.loader.ClassLoaders$AppClassLoader");
        assertEquals(
                List.of(),
                contexts.entrySet().stream()
                        .filter(thread -> !bundles.containsKey(thread.getValue())
                                || thread.getKey().matches("(pool|Thread)-.*"))
                        .toList());
    }

    @Test
    @Order(3)
    void bundles_may_stop_and_start_in_any_order() throws Exception {
        List<String> all = List.of(NATS, "io.fleettelemetry.host", "io.fleettelemetry.datastore.logger");
        List<String> withScr = List.of(NATS, "org.apache.felix.scr", "io.fleettelemetry.host");
        for (List<String> order :
                Stream.concat(permutations(all), Stream.of(withScr)).toList()) {
            assertDone(order.stream().map(bundle -> "bundle:stop " + bundle).toArray(String[]::new));
            assertDone(order.stream().map(bundle -> "bundle:start " + bundle).toArray(String[]::new));
            awaitEverythingUp();
        }
    }

    @Test
    @Order(4)
    void a_configuration_may_go_and_come_again_while_the_bundles_stay() throws Exception {
        for (String file : files.keySet()) {
            Files.delete(karaf.etc(file));
        }
        await().atMost(SOON).until(() -> connections().isEmpty());
        await().atMost(SOON).until(() -> status().getAsJsonObject("routes").isEmpty());
        files.forEach(karaf::writeConfig);
        awaitEverythingUp();
    }

    @Test
    @Order(5)
    void uninstalling_and_installing_the_feature_keeps_the_users_files() throws Exception {
        assertDone("feature:uninstall fleet-telemetry");
        awaitGone();
        assertUsersFilesAreAsTheyWere();
        assertDone("feature:install fleet-telemetry");
        awaitEverythingUp();
        assertUsersFilesAreAsTheyWere();
    }

    @Test
    @Order(6)
    void twenty_updates_of_the_datastore_under_load_lose_nothing_and_leave_no_thread_and_no_connection()
            throws Exception {
        State one = State.now();
        try (FleetArrivals arrivals = FleetArrivals.at(nats.url(), "tesla_telemetry")) {
            FleetLoad load = new FleetLoad(karaf, 500);
            try (load) {
                for (int i = 0; i < UPDATES; i++) {
                    update(NATS);
                    awaitUp("nats");
                }
            }
            assertEquals(load.offered(), arrivals.awaitAll().numbers().size());
        }
        awaitUp("second");
        // jnats makes some threads of a connection a while later: of what it leaves, the last test of undeployment
        // tells.
        awaitEmpty(
                "since the first update",
                () -> State.now().since(one).stream()
                        .filter(what -> !what.matches("(fleet-telemetry|second):n"))
                        .toList());
        await("our connections alone")
                .atMost(SOON)
                .ignoreExceptions() // the test's own had no name
                .until(() -> connections().equals(List.of("fleet-telemetry", "second")));
    }

    @Test
    @Order(7)
    void twenty_updates_of_every_bundle_leave_no_old_class_loader() throws Exception {
        for (int i = 0; i < UPDATES; i++) {
            assertDone(Stream.concat(
                            bundles.keySet().stream().map(CitizenIT::updateCommand),
                            Stream.of("bundle:refresh " + String.join(" ", bundles.keySet())))
                    .toArray(String[]::new));
        }
        awaitEverythingUp();
        assertEquals(List.of("fleet-telemetry", "second"), connections());
        awaitOnlyTheNewestClassLoaders();
    }

    @Test
    @Order(8)
    void an_undeployed_kar_leaves_nothing_but_the_users_files() {
        karaf.undeploy(Kar.FILE);
        awaitGone();
        assertEquals(List.of(), connections());
        assertThrows(ConnectException.class, () -> Metrics.read(metrics));
        awaitEmpty("since we came", () -> State.now().since(before));
        awaitEmpty(
                "threads with a context of ours",
                () -> witness("threads").stream()
                        .filter(line -> line.contains("\tio.fleettelemetry."))
                        .toList());
        assertEquals(List.of(), State.more(before.services, State.now().services), "what others have lost");
        assertUsersFilesAreAsTheyWere();
    }

    @Test
    @Order(9)
    void undeployed_bundles_are_unloaded() {
        awaitForgotten(
                () -> loaders().stream().filter(line -> line.endsWith(" there")).toList());
        assertTrue(loaders().size() > 2 * UPDATES * 8, "the witness has seen them all");
    }

    @Test
    @Order(10)
    void a_clean_start_finds_the_configuration_again() throws Exception {
        karaf.deploy(Kar.FILE);
        awaitEverythingUp();
        karaf.restartClean();
        awaitEverythingUp();
        assertUsersFilesAreAsTheyWere();
    }

    private static void update(String bundle) {
        assertDone(updateCommand(bundle));
    }

    private static String updateCommand(String bundle) {
        return "bundle:update " + bundle + " " + bundles.get(bundle).toUri();
    }

    private static void assertDone(String... commands) {
        KarafProcess.Result result = karaf.execute(commands);
        assertEquals(0, result.exit(), () -> String.join("; ", commands) + ": " + result.out() + result.err());
    }

    private static JsonObject json(String command) {
        return JsonParser.parseString(karaf.execute(command + " --json").out()).getAsJsonObject();
    }

    private static JsonObject status() {
        return json("telemetry:status");
    }

    private static void awaitUp(String datastore) {
        await("the datastore " + datastore)
                .atMost(SOON)
                .pollInterval(Duration.ofMillis(20))
                .ignoreExceptions()
                .until(() -> status().getAsJsonArray("datastores").asList().stream()
                        .map(JsonElement::getAsJsonObject)
                        .filter(one -> one.get("name").getAsString().equals(datastore))
                        .anyMatch(one -> one.get("state").getAsString().equals("OK")));
    }

    /** Datastores, routes and metrics, as the user's files say; and records of each type get where they should. */
    private static void awaitEverythingUp() throws Exception {
        String[] sends = Stream.of("V", "alerts", "errors", "connectivity")
                .map(type -> "telemetry:send --type " + type + " --vin UP --hex 0a00")
                .toArray(String[]::new);
        await("a record of each type to where it should go")
                .atMost(SOON)
                .until(() -> karaf.execute(sends).exit() == 0);
        await("the metrics")
                .atMost(SOON)
                .ignoreExceptions()
                .until(() -> Metrics.read(metrics).types().containsKey("nats_produce_total"));
    }

    private static void assertUsersFilesAreAsTheyWere() {
        files.forEach((name, text) -> {
            try {
                assertEquals(text, Files.readString(karaf.etc(name)), name);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static void awaitGone() {
        await("no bundle of ours")
                .atMost(SOON)
                .until(() -> !karaf.execute("bundle:list -t 0 -s").out().contains("io.fleettelemetry"));
    }

    private static void awaitOnlyTheNewestClassLoaders() {
        awaitForgotten(() -> {
            List<String> all = loaders();
            Map<String, Integer> newest = all.stream()
                    .map(line -> line.split(" "))
                    .collect(toMap(words -> words[0], words -> Integer.valueOf(words[1]), Math::max));
            return all.stream()
                    .filter(line -> line.endsWith(" there"))
                    .filter(line -> Integer.parseInt(line.split(" ")[1]) < newest.get(line.split(" ")[0]))
                    .toList();
        });
    }

    /** Looks seldom: each look uses a thread of the shell, and a thread in use does not end. */
    private static void awaitForgotten(Supplier<List<String>> loaders) {
        await("class loaders")
                .atMost(SHELL_FORGETS.multipliedBy(3))
                .pollDelay(Duration.ZERO)
                .pollInterval((count, before) -> count < 3 ? Duration.ofSeconds(1) : SHELL_FORGETS)
                .untilAsserted(() -> assertEquals(List.of(), loaders.get()));
    }

    private static void awaitEmpty(String what, Supplier<List<String>> lines) {
        await(what).atMost(SOON).untilAsserted(() -> assertEquals(List.of(), lines.get()));
    }

    private static List<String> loaders() {
        return witness("loaders");
    }

    private static List<String> witness(String of) {
        KarafProcess.Result result = karaf.execute("witness:" + of);
        assertEquals(0, result.exit(), result::out);
        return result.out().lines().toList();
    }

    /** Names of all threads but those of the commands that tests give; numbers in names do not count. */
    private static List<String> threads() {
        return witness("threads").stream()
                .map(line -> line.split("\t")[0])
                .filter(name -> !name.matches("session-.*|sshd-.*|resolver-.*|RMI TCP.*|EventAdmin.*|Attach Listener"))
                .map(name -> name.replaceAll("\\d+", "n"))
                .toList();
    }

    /** Those that were not there before us, right behind a command, with whose class loader they have. */
    private static Map<String, String> newThreads(String command) {
        KarafProcess.Result result = karaf.execute(command, "witness:threads");
        assertEquals(0, result.exit(), result::out);
        return result.out()
                .lines()
                .filter(line -> line.contains("\t"))
                .map(line -> line.split("\t"))
                .filter(line -> !line[0].matches(
                        "session-.*|sshd-.*|resolver-.*|RMI TCP.*|EventAdmin.*|Attach Listener|pipe-.*|SCR .*"))
                .filter(line -> !before.threads.contains(line[0].replaceAll("\\d+", "n")))
                .collect(toMap(
                        line -> line[0], line -> line[1], (one, other) -> one.equals(other) ? one : one + "," + other));
    }

    private static long sockets() {
        try (Stream<Path> open = Files.list(Path.of("/proc/" + karaf.pid() + "/fd"))) {
            return open.filter(CitizenIT::isSocket).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isSocket(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
        } catch (IOException closedMeanwhile) {
            return false;
        }
    }

    /** Names of the connections that the server has. */
    private static List<String> connections() {
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + monitoring + "/connz"))
                    .build();
            String body = HttpClient.newHttpClient()
                    .send(request, HttpResponse.BodyHandlers.ofString())
                    .body();
            return JsonParser.parseString(body).getAsJsonObject().getAsJsonArray("connections").asList().stream()
                    .map(one -> one.getAsJsonObject().get("name").getAsString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Stream<List<String>> permutations(List<String> of) {
        return of.isEmpty()
                ? Stream.of(List.of())
                : of.stream().flatMap(first -> {
                    List<String> rest =
                            of.stream().filter(one -> !one.equals(first)).toList();
                    return permutations(rest)
                            .map(tail -> Stream.concat(Stream.of(first), tail.stream())
                                    .toList());
                });
    }
}
