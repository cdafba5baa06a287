package io.fleettelemetry.datastore.nats.faults;

import io.fleettelemetry.testkit.NatsServer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random faults of the link and of the server for {@code -Dsoak.minutes=}, in rounds that each are checked to the last record. */
class JetStreamSoak {

    // Everything that goes through the link of a round is kept in memory, for the PubAcks.
    private static final int FAULTS_IN_A_ROUND = 10;
    private static final int RATE = 5_000;

    @Test
    void random_faults_lose_nothing_that_was_acknowledged() {
        Random random = Extent.random();
        long end = System.nanoTime() + Extent.SOAK.toNanos();
        for (int round = 1; end - System.nanoTime() > 0; round++) {
            round(round, random, end);
        }
    }

    /** Both in turn, where the server knows batches. */
    private static ConfirmedBy way(int round, NatsServer server) {
        return round % 2 == 0 && ConfirmedBy.BATCHES.isKnownTo(server) ? ConfirmedBy.BATCHES : ConfirmedBy.ANSWERS;
    }

    private static void round(int round, Random random, long end) {
        try (NatsServer server = NatsServer.start(JetStreamFaultsTest.JETSTREAM);
                StreamTrial trial =
                        new StreamTrial("round " + round + ", JetStream", way(round, server), List.of(server), RATE)) {
            List<String> struck = new ArrayList<>();
            for (int i = 0; i < FAULTS_IN_A_ROUND && end - System.nanoTime() > 0; i++) {
                if (random.nextInt(3) > 0) {
                    LinkFault fault = LinkFault.any(random);
                    struck.add(fault.name());
                    fault.strike(trial.links().get(0), random);
                } else {
                    if (random.nextBoolean()) {
                        struck.add("STALLED");
                        server.stall(LinkFault.millis(100, 3_000, random));
                    }
                    struck.add("KILLED");
                    server.kill();
                    server.restart();
                }
                if (random.nextBoolean()) {
                    trial.load.awaitConfirmed(1 + random.nextInt(RATE)); // it has come back
                } else {
                    trial.load.awaitOffered(1 + random.nextInt(RATE / 4)); // the next one may strike while it does
                }
            }
            Tally tally = trial.end();
            System.out.println("  " + struck);
            trial.check(tally);
        }
    }
}
