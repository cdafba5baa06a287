package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which datastore gets a record is chosen while records flow, and changed, and nothing that was accepted is lost. */
class SelectionIT extends RunningKaraf {

    private static final String EU_CFG = "io.fleettelemetry.datastore.nats-eu.cfg";
    /** A time of Karaf's own clock, printed right before the next command runs. */
    private static final String NOW = "echo ((($.context bundle 0) loadClass java.lang.System) currentTimeMillis)";

    private static final Duration OFTEN = Duration.ofMillis(20);

    @AfterEach
    void remove_the_datastore_eu() throws Exception {
        writeDefaults();
        Files.deleteIfExists(karaf.etc(EU_CFG));
        await().atMost(SOON).until(() -> !status().toString().contains("\"nats-eu\""));
    }

    private static void addEu(String... more) {
        karaf.writeConfig(
                EU_CFG,
                "url = " + other.url() + "\ndatastore = nats-eu\nnamespace = eu\nreconnect.wait.ms = 100\n"
                        + String.join("\n", more) + "\n");
        await().atMost(SOON)
                .until(() -> datastore("nats-eu").get("state").getAsString().equals("OK"));
    }

    /** One vehicle's, so that no record may overtake any other. */
    private static CompletableFuture<JsonObject> load(int rate, int seconds) {
        return CompletableFuture.supplyAsync(
                () -> json("telemetry:simulate --vehicles 1 --rate " + rate + " --seconds " + seconds));
    }

    private static void awaitRoute(String... datastores) {
        await().atMost(SOON)
                .until(() -> status().getAsJsonObject("routes")
                        .getAsJsonArray("V")
                        .toString()
                        .equals(Arrays.stream(datastores)
                                .map(name -> '"' + name + '"')
                                .toList()
                                .toString()
                                .replace(" ", "")));
    }

    /** Sets the route of V, and returns when Config Admin got it, in ms since the epoch. */
    private interface Way {
        long route(String datastores);
    }

    private static long byFile(String datastores) {
        int logged = karaf.log().length();
        writeHost("records.V = " + datastores);
        Pattern line = Pattern.compile(
                "(?m)^(\\S+) \\|.*\\| Updating configuration (?:from|\\{io\\.fleettelemetry\\.host\\}).*host\\.cfg");
        Supplier<Matcher> update = () -> line.matcher(karaf.log().substring(logged));
        await().pollInterval(OFTEN).atMost(SOON).until(() -> update.get().find());
        Matcher found = update.get();
        assertTrue(found.find());
        return FleetArrivals.millis(found.group(1));
    }

    /**
     * Returns when FileInstall, too, has taken up the file: it could read the next change's while that is being written, for
     * Karaf's shell empties it first.
     */
    private static long byShell(String datastores) {
        int logged = karaf.log().length();
        var said =
                karaf.execute(NOW, "config:property-set --pid io.fleettelemetry.host records.V '" + datastores + "'");
        assertEquals(0, said.exit(), said.err());
        await().pollInterval(OFTEN)
                .atMost(SOON)
                .until(() -> karaf.log().substring(logged).contains("Updating configuration {io.fleettelemetry.host}"));
        return Long.parseLong(said.out().strip());
    }

    @Test
    void a_route_changes_under_load_within_a_second_and_every_record_arrives_in_order() throws Exception {
        addEu();
        writeHost("records.V = logger");
        awaitRoute("logger");
        int logged = karaf.log().length();
        Map<String, Supplier<FleetArrivals>> places = new HashMap<>();
        try (FleetArrivals nats = FleetArrivals.at(server.url(), "tesla_telemetry");
                FleetArrivals eu = FleetArrivals.at(other.url(), "eu")) {
            places.put("nats", () -> nats);
            places.put("nats-eu", () -> eu);
            places.put("logger", () -> FleetArrivals.in(karaf.log().substring(logged)));
            FleetLoad load = new FleetLoad(karaf, 500);
            List<Set<String>> routes = new ArrayList<>(List.of(Set.of("logger")));
            Map<String, Long> tookMillis = new HashMap<>();
            try (load) {
                await().atMost(SOON).until(() -> places.get("logger").get().messages() > 0);
                List<String> before = List.of("logger");
                for (Way way : List.<Way>of(SelectionIT::byFile, SelectionIT::byShell)) {
                    for (List<String> route : List.of(
                            List.of("nats"), List.of("nats", "logger"), List.of("nats-eu"), List.of("logger"))) {
                        long updated = way.route(String.join(",", route));
                        String step = before + " to " + route;
                        tookMillis.merge(step, awaitInForce(places, before, route, updated), Math::max);
                        before = route;
                        routes.add(Set.copyOf(route));
                    }
                }
            }
            System.out.println("SelectionIT: ms from Config Admin's update to the new route: " + tookMillis);
            tookMillis.forEach((step, millis) -> assertTrue(millis < 1_000, step + " took " + millis + " ms"));

            Map<String, FleetArrivals> arrivals = new TreeMap<>();
            places.forEach((place, at) -> arrivals.put(place, at.get().awaitAll()));
            assertAllArrivedInOrder(load.offered(), arrivals);
            assertEquals(routes, itinerary(arrivals));
        }
    }

    private static void assertAllArrivedInOrder(long offered, Map<String, FleetArrivals> places) {
        Set<Long> arrived = new HashSet<>();
        places.forEach((place, arrivals) -> {
            arrivals.assertOrderly(place);
            arrived.addAll(arrivals.numbers());
        });
        assertEquals(offered, arrived.size());
    }

    /** Where the V records went: the places of the first, then of the first that went elsewhere, and so on. */
    private static List<Set<String>> itinerary(Map<String, FleetArrivals> places) {
        Map<Long, Set<String>> byNumber = new TreeMap<>();
        places.forEach((place, arrivals) -> arrivals.dataNumbers()
                .forEach(number -> byNumber.computeIfAbsent(number, first -> new HashSet<>())
                        .add(place)));
        List<Set<String>> itinerary = new ArrayList<>();
        for (Set<String> next : byNumber.values()) {
            if (itinerary.isEmpty() || !itinerary.get(itinerary.size() - 1).equals(next)) {
                itinerary.add(next);
            }
        }
        return itinerary;
    }

    /** Waits until V records come to the new places, and returns how long after the update the route was in force. */
    private static long awaitInForce(
            Map<String, Supplier<FleetArrivals>> places, List<String> before, List<String> route, long updated) {
        List<Long> times = new ArrayList<>();
        for (String place : route) {
            if (!before.contains(place)) {
                times.add(await().pollInterval(OFTEN)
                        .atMost(SOON)
                        .until(() -> places.get(place).get().firstDataSince(updated), time -> time > 0));
            }
        }
        for (String place : before) {
            if (!route.contains(place)) {
                times.add(places.get(place).get().lastData());
            }
        }
        return times.stream().mapToLong(time -> time - updated).max().orElse(0);
    }

    @Test
    void of_two_datastores_with_one_name_the_higher_ranking_is_used_and_the_other_takes_over_when_it_goes()
            throws Exception {
        writeHost("records.V = nats", "hold.max.ms = 1500");
        await().atMost(SOON)
                .until(() -> status().getAsJsonObject("reliable_ack_sources").size() == 0);
        try (FleetArrivals low = FleetArrivals.at(server.url(), "tesla_telemetry");
                FleetArrivals high = FleetArrivals.at(other.url(), "high")) {
            FleetLoad load = new FleetLoad(karaf, 1000);
            try (load) {
                await().atMost(SOON).until(() -> low.messages() > 0);
                karaf.writeConfig(SECOND_CFG, "url = " + other.url() + "\nnamespace = high\nservice.ranking = 5\n");
                await().pollInterval(OFTEN).atMost(SOON).until(() -> high.messages() > 0);
                Files.delete(karaf.etc(SECOND_CFG));
                long deleted = System.currentTimeMillis();
                await().pollInterval(OFTEN)
                        .atMost(SOON)
                        .until(() -> low.lastData() > high.lastData() && low.lastData() > deleted);
            }
            Map<String, FleetArrivals> arrivals = Map.of("low", low.awaitAll(), "high", high.awaitAll());
            assertAllArrivedInOrder(load.offered(), arrivals);
            assertEquals(List.of(Set.of("low"), Set.of("high"), Set.of("low")), itinerary(arrivals), "one at a time");
        }

        Files.delete(karaf.etc(NATS_CFG));
        await().atMost(SOON).until(() -> !datastore("nats").get("present").getAsBoolean());
        JsonObject failed = send("NOBODY");
        assertEquals(
                "held for hold.max.ms = 1500 because the datastore 'nats' is absent",
                failed.get("reason").getAsString());

        // One whose configuration was refused takes no record, whatever it says of its ranking.
        karaf.writeConfig(SECOND_CFG, "url = no url\nservice.ranking = 5\n");
        await().atMost(SOON)
                .until(() -> datastore("nats").get("state").getAsString().equals("CRITICAL"));
        writeNats(server.url());
        await().atMost(SOON)
                .until(() -> datastore("nats").get("state").getAsString().equals("OK"));
        assertEquals("tesla_telemetry.X.data", send("X").get("subject").getAsString());
    }

    /**
     * Where the promise could be broken: what a datastore has in flight and what is held for it are both full, so that
     * every record that is offered finds no room. The load is far below what this machine can do, so that nats needs no
     * part of the processor that its neighbour does not use: what would slow it is waiting.
     */
    @Test
    void a_stopped_server_behind_one_datastore_slows_another_by_no_more_than_5_percent() throws Exception {
        addEu("inflight.max.records = 500", "silent.ms = 60000");
        writeHost("records.V = nats, nats-eu", "reliable_ack_sources.V = nats", "hold.max.bytes = 50000");
        awaitRoute("nats", "nats-eu");
        List<Double> moving = new ArrayList<>();
        List<Double> stopped = new ArrayList<>();
        try (FleetArrivals nats = FleetArrivals.at(server.url(), "tesla_telemetry")) {
            CompletableFuture<JsonObject> load = load(1000, 19);
            await().atMost(SOON).until(() -> nats.messages() > 0);
            for (int round = 0; round < 3; round++) {
                awaitRecords("confirmed");
                moving.add(rate(nats));
                other.pause();
                awaitRecords("failed");
                stopped.add(rate(nats));
                other.resume();
            }
            JsonObject run = load.join();
            assertTrue(run.get("failed").getAsInt() > 0, "nats-eu was full");
            assertEquals(
                    run.get("offered").getAsInt(), nats.awaitAll().numbers().size(), "and nats got everything");
            nats.assertOrderly("nats");
        } finally {
            other.resume();
        }
        System.out.println("SelectionIT: V records a second at nats, beside a server that moves: " + moving
                + ", and one that is stopped: " + stopped);
        assertTrue(median(stopped) >= 0.95 * median(moving), stopped + " beside " + moving);
    }

    /** Until nats-eu confirms, or fails, a few hundred records more. */
    private static void awaitRecords(String what) {
        long before = datastore("nats-eu").get(what).getAsLong();
        await().atMost(SOON).until(() -> datastore("nats-eu").get(what).getAsLong() > before + 300);
    }

    /** V records that arrive in a second, over one and a half. */
    private static double rate(FleetArrivals arrivals) {
        long from = System.currentTimeMillis();
        await().pollInterval(OFTEN).atMost(SOON).until(() -> System.currentTimeMillis() >= from + 1_500);
        return arrivals.dataBetween(from, from + 1_500) / 1.5;
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }
}
