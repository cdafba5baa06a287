package io.fleettelemetry.datastore.nats.faults;

import io.fleettelemetry.testkit.FreePort;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random faults for {@code -Dsoak.minutes=}, in rounds that each are checked to the last record. */
class CoreSoak {

    private static final int FAULTS_IN_A_ROUND = 25;
    private static final int MAX_BYTES_PER_SECOND = 10_000_000;

    @Test
    void random_faults_lose_nothing() {
        Random random = Extent.random();
        long end = System.nanoTime() + Extent.SOAK.toNanos();
        for (int round = 1; end - System.nanoTime() > 0; round++) {
            round(round, random, end);
        }
    }

    private static void round(int round, Random random, long end) {
        boolean webSocket = random.nextInt(4) == 0;
        int bytes = 20 + random.nextInt(random.nextBoolean() ? 400 : 4_000);
        int large = 20 + random.nextInt(random.nextBoolean() ? 400 : 200_000);
        int vehicles = 1 + random.nextInt(500);
        int rate = Math.min(500 + random.nextInt(20_000), MAX_BYTES_PER_SECOND / (bytes + large / Fleet.LARGE_EVERY));
        int journal = 2_000_000 + random.nextInt(60_000_000);
        int port = FreePort.next();
        try (Trial trial = new Trial(String.format(
                        "round %d: %d vehicles, %d/s, %d to %d B%s",
                        round, vehicles, rate, bytes, large, webSocket ? ", WebSocket" : ""))
                .fleet(vehicles, bytes, large)
                .rate(rate)
                .set("inflight.max.bytes", journal)
                .server("websocket { listen: \"127.0.0.1:" + port + "\", no_tls: true }")) {
            (webSocket ? trial.connectWebSocket(port) : trial.connect()).offer();
            List<String> struck = new ArrayList<>();
            for (int i = 0; i < FAULTS_IN_A_ROUND && end - System.nanoTime() > 0; i++) {
                if (random.nextInt(LinkFault.values().length + 1) == 0) {
                    struck.add("STALLED");
                    trial.server.stall(LinkFault.millis(100, 4_000, random));
                    trial.server.resume();
                } else {
                    LinkFault fault = LinkFault.any(random);
                    struck.add(fault.name());
                    fault.strike(trial.link, random);
                }
                if (random.nextBoolean()) {
                    trial.load.awaitConfirmed(1 + random.nextInt(rate)); // it has come back
                } else {
                    trial.awaitSomeMoment(random, rate / 4); // the next one may strike while it does
                }
            }
            Tally tally = trial.end();
            System.out.println("  " + struck);
            tally.check().nothingFailed();
        }
    }
}
