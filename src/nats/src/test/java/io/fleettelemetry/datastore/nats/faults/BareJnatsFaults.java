package io.fleettelemetry.datastore.nats.faults;

import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.Link.Cut;
import io.fleettelemetry.testkit.NatsServer;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A {@link BareLoop} under the faults of the datastore, for the table in delivery.md. What it loses is counted, not judged. */
class BareJnatsFaults {

    private final Random random = Extent.random();

    @ParameterizedTest
    @EnumSource(Cut.class)
    void twenty_cuts_at_random_moments(Cut how) {
        try (Trial trial = new Trial("bare jnats: 20 cuts, " + how)
                .producer(BareLoop::open)
                .withoutHold()
                .open()) {
            CoreFaultsTest.cutTwentyTimes(trial, how, random);
            trial.end().addsUp();
        }
    }

    @RepeatedTest(3)
    void a_jvm_that_is_killed(@TempDir Path directory) {
        try (NatsServer server = NatsServer.start();
                Link link = Link.to(server.port());
                Arrivals arrivals = Arrivals.at(server.url(), Fleet.USUAL)) {
            Mortal.runAndKill(Mortal.BARE, link, directory, 5_000 + random.nextInt(5_000));
            arrivals.awaitAll();
            Tally.of(
                            "bare jnats: JVM killed, its link cut",
                            Mortal.offered(directory),
                            Mortal.confirmed(directory),
                            arrivals)
                    .print();
        }
    }

    @Test
    void a_server_with_jetstream_that_is_killed() {
        try (NatsServer server = NatsServer.start(JetStreamFaultsTest.JETSTREAM);
                StreamTrial trial = new StreamTrial(
                        "bare jnats publishAsync: SIGKILL 3 times", List.of(server), BareLoop::open, 10_000)) {
            JetStreamFaultsTest.killThreeTimes(server, trial, random);
            trial.end().addsUp();
        }
    }

    @Test
    void a_server_with_jetstream_that_stalls_and_is_killed() {
        try (NatsServer server = NatsServer.start(JetStreamFaultsTest.JETSTREAM);
                StreamTrial trial = new StreamTrial(
                        "bare jnats publishAsync: SIGSTOP 1.5 s then SIGKILL, 3 times",
                        List.of(server),
                        BareLoop::open,
                        20_000)) {
            JetStreamFaultsTest.stallAndKillThreeTimes(server, trial);
            trial.end().addsUp();
        }
    }
}
