package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Subscription;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The server ceases to accept the credentials, so that jnats gives the connection up, and {@code on.closed = withdraw}. */
class WithdrawIT extends RunningKaraf {

    private static final String LETS_IN = "authorization { users: [ { user: fleet, password: hush } ] }";
    private static final String REFUSES = "authorization { users: [ { user: fleet, password: changed } ] }";
    private NatsServer strict;
    private int logged;

    @BeforeEach
    void connect_with_credentials() {
        strict = NatsServer.start(LETS_IN);
        writeHost("records.V = nats", "reliable_ack_sources.V = nats", "hold.max.ms = 60000");
        writeStrict();
        await().atMost(SOON)
                .until(() -> status().toString().contains(strict.url())
                        && datastore("nats").get("state").getAsString().equals("OK"));
        logged = karaf.log().length();
    }

    @AfterEach
    void stop() {
        strict.close();
    }

    private void writeStrict(String... lines) {
        karaf.writeConfig(
                NATS_CFG,
                "url = " + strict.url() + "\nusername = fleet\n.password = hush\nreconnect.wait.ms = 100\n"
                        + String.join("\n", lines) + "\n");
    }

    private String log() {
        return karaf.log().substring(logged);
    }

    private void lose() {
        strict.reload(REFUSES);
        await().atMost(SOON).until(() -> !isOffered("nats"));
    }

    private static CompletableFuture<JsonObject> simulate(int seconds) {
        return CompletableFuture.supplyAsync(
                () -> json("telemetry:simulate --vehicles 10 --rate 200 --seconds " + seconds));
    }

    @Test
    void the_service_goes_and_is_there_again_when_the_server_is_mended_and_no_record_is_lost() throws Exception {
        for (String line : List.of("on.closed = halt", "on.closed = withdraw")) { // the last counts
            int from = karaf.log().length();
            writeStrict(line);
            await(line).atMost(SOON).until(() -> karaf.log().indexOf("nats_registered", from) >= 0);
        }
        double before = Metrics.read(metricsPort).sum("nats_produce_total");
        CompletableFuture<JsonObject> load = simulate(8);
        await().atMost(SOON).until(() -> Metrics.read(metricsPort).sum("nats_produce_total") > before);
        lose();

        await().atMost(SOON).until(() -> datastore("nats").get("held_records").getAsLong() > 0);
        JsonObject nats = datastore("nats");
        assertFalse(nats.get("present").getAsBoolean());
        assertEquals("CRITICAL", nats.get("state").getAsString());
        assertTrue(nats.get("summary").getAsString().contains("Authorization Violation"), nats.toString());
        Pattern closed =
                Pattern.compile("\\| ERROR \\|.*\\| nats_closed datastore=nats error=\"Authorization Violation\" url="
                        + Pattern.quote(strict.url()) + " .*on\\.closed=withdraw");
        assertEquals(1, closed.matcher(log()).results().count(), log());
        assertTrue(log().contains("datastore_gone datastore=nats"));
        assertTrue(Metrics.read(metricsPort).sum("nats_produce_total") >= before, "the counts stay");

        strict.reload(LETS_IN);
        await().atMost(SOON).until(() -> isOffered("nats"));
        JsonObject run = load.join();
        assertEquals(run.get("offered"), run.get("confirmed"), run.toString());
        assertEquals("OK", datastore("nats").get("state").getAsString());
        assertEquals(
                before + run.get("offered").getAsLong(),
                Metrics.read(metricsPort).sum("nats_produce_total"));
        assertEquals(1, closed.matcher(log()).results().count(), log());
        assertFalse(karaf.log().contains("hush"));
    }

    @Test
    void another_datastore_of_the_name_takes_over_and_records_in_flight_wait_for_the_first() throws Exception {
        karaf.writeConfig(
                SECOND_CFG,
                "url = " + other.url() + "\nnamespace = spare\nservice.ranking = -1\nreconnect.wait.ms = 100\n");
        await().atMost(SOON).until(() -> isOffered("nats", "service.ranking = -1"));
        Subscription spare = subscribe(there, "spare.>");
        CompletableFuture<JsonObject> load = simulate(8);
        strict.reload(REFUSES);
        assertTrue(spare.nextMessage(SOON) != null);
        JsonObject nats = datastore("nats");
        assertTrue(nats.get("present").getAsBoolean());
        assertEquals("OK", nats.get("state").getAsString());
        await().atMost(SOON)
                .until(() -> status().get("problems").toString().contains("another datastore 'nats' has taken over"));

        strict.reload(LETS_IN);
        JsonObject run = load.join();
        assertEquals(run.get("offered"), run.get("confirmed"), run.toString());
        await().atMost(SOON).until(() -> status().getAsJsonArray("problems").isEmpty());
        assertTrue(send("X").get("subject").getAsString().startsWith("tesla_telemetry."));
        spare.unsubscribe();
    }

    @Test
    void settings_that_come_while_it_is_withdrawn_count() {
        lose();
        writeStrict("namespace = a b");
        await().atMost(SOON)
                .until(() -> datastore("nats").get("summary").getAsString().contains("namespace = a b: "));
        assertEquals("CRITICAL", datastore("nats").get("state").getAsString());

        writeHost("records.V = renamed", "hold.max.ms = 60000");
        writeStrict("datastore = renamed", "service.ranking = 3", ".password = changed");
        await().atMost(SOON).until(() -> isOffered("renamed", "service.ranking = 3"));
        assertEquals("confirmed", send("X").get("outcome").getAsString());
        // Routes of other types have the old name still.
        assertEquals(
                "[\"datastore nats is CRITICAL: no bundle offers it\"]",
                status().getAsJsonArray("problems").toString());
        assertFalse(isOffered("nats"));
    }

    @Test
    void a_bundle_undeployed_while_withdrawn_leaves_nothing() {
        lose();
        assertEquals(
                0, karaf.execute("bundle:stop io.fleettelemetry.datastore.nats").exit());
        try {
            await().atMost(SOON).until(() -> karaf.threads().lines().noneMatch(line -> line.startsWith("\"nats")));
            assertFalse(karaf.execute("service:list").out().contains("telemetry.health"));
            assertEquals("no bundle offers it", datastore("nats").get("summary").getAsString());
        } finally {
            karaf.execute("bundle:start io.fleettelemetry.datastore.nats");
        }
        // It connects for the first time now, so its credentials are wrong, and nothing was closed.
        await().atMost(SOON)
                .until(() -> datastore("nats").get("summary").getAsString().contains("Authorization Violation"));
        assertEquals("WARN", datastore("nats").get("state").getAsString());
        assertTrue(isOffered("nats"));
        strict.reload(LETS_IN);
        await().atMost(SOON)
                .until(() -> datastore("nats").get("state").getAsString().equals("OK"));
    }

    @Test
    void a_close_that_was_asked_for_is_no_error() {
        writeDefaults();
        await().atMost(SOON).until(() -> log().contains("nats_closed datastore=nats reason=\"closed on purpose\""));
        assertEquals(
                0,
                karaf.execute("bundle:restart io.fleettelemetry.datastore.nats").exit());
        await().atMost(SOON).until(() -> isOffered("nats"));
        assertFalse(Pattern.compile("\\| ERROR \\|.*nats_closed").matcher(log()).find(), log());
    }
}
