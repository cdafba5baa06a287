package io.fleettelemetry.features;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.KarafProcess;
import java.util.concurrent.CompletableFuture;

/**
 * One simulated vehicle, so that no record may overtake any other, in one run after the other until this is closed: then
 * every record of its was confirmed.
 */
final class FleetLoad implements AutoCloseable {

    private final CompletableFuture<Long> running;
    private volatile boolean ending;

    /** @param rate records a second, at most 1,000: see {@link FleetArrivals} */
    FleetLoad(KarafProcess karaf, int rate) {
        String run = "telemetry:simulate --vehicles 1 --rate " + rate + " --seconds 2 --json";
        running = CompletableFuture.supplyAsync(() -> {
            long offered = 0;
            while (!ending) {
                JsonObject ended =
                        JsonParser.parseString(karaf.execute(run).out()).getAsJsonObject();
                assertEquals(ended.get("offered"), ended.get("confirmed"), ended.toString());
                offered += ended.get("offered").getAsLong();
            }
            return offered;
        });
    }

    /** How many records it was; waits for the last run, which {@link #close} asks for. */
    long offered() {
        return running.join();
    }

    @Override
    public void close() {
        ending = true;
        running.join();
    }
}
