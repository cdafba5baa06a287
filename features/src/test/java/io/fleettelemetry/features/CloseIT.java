package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.fleettelemetry.testkit.KarafProcess;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The datastore's bundle is stopped while a server that says nothing has a record. */
class CloseIT extends RunningKaraf {

    private static final String BUNDLE = "io.fleettelemetry.datastore.nats";
    private static final String COUNTED = "nats_err datastore=nats kind=CLOSED records=1 ";

    private int logged;
    private CompletableFuture<JsonObject> sent;

    @BeforeEach
    void have_a_record_in_flight() {
        logged = karaf.log().length();
        writeHost("records.V = nats", "hold.max.ms = 60000");
        writeNats(server.url() + "\nsilent.ms = 60000\ndrain.timeout.ms = 5000");
        await().atMost(SOON).until(() -> log().contains("nats_registered datastore=nats "));
        server.pause();
        sent = CompletableFuture.supplyAsync(() -> send("LAST"));
        await().atMost(SOON)
                .until(() -> datastore("nats")
                        .getAsJsonObject("details")
                        .get("in_flight_records")
                        .getAsString()
                        .equals("1"));
    }

    @AfterEach
    void resume() {
        server.resume();
        karaf.execute("bundle:start " + BUNDLE);
    }

    private String log() {
        return karaf.log().substring(logged);
    }

    private static CompletableFuture<KarafProcess.Result> stopBundle() {
        return CompletableFuture.supplyAsync(() -> karaf.execute("bundle:stop " + BUNDLE));
    }

    @Test
    void the_service_goes_first_then_records_in_flight_are_drained() {
        CompletableFuture<KarafProcess.Result> stopped = stopBundle();
        await().atMost(SOON).until(() -> !isOffered("nats"));
        assertFalse(stopped.isDone());
        assertFalse(sent.isDone());
        server.resume();
        assertEquals("confirmed", sent.join().get("outcome").getAsString());
        assertEquals(0, stopped.join().exit());
        assertFalse(log().contains("kind=CLOSED"), log());
    }

    @Test
    void records_that_cannot_be_drained_in_time_fail_and_are_counted_and_the_host_offers_them_again() {
        long start = System.nanoTime();
        stopBundle().join();
        assertTrue(System.nanoTime() - start >= 5_000_000_000L, "it had drain.timeout.ms");
        assertTrue(log().contains(COUNTED), log());
        assertFalse(sent.isDone());
        server.resume();
        karaf.execute("bundle:start " + BUNDLE);
        assertEquals("confirmed", sent.join().get("outcome").getAsString());
    }
}
