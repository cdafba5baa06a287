package io.fleettelemetry.datastore.nats.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.Link.Cut;
import io.fleettelemetry.testkit.Link.Way;
import io.fleettelemetry.testkit.NatsCluster;
import io.fleettelemetry.testkit.NatsServer;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the datastore promises with JetStream, while links are cut and servers die. */
@Tag("every-server")
@Tag("newest-server")
class JetStreamFaultsTest {

    static final String JETSTREAM = "jetstream { store_dir: $DIR }";

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Duration STALL = Duration.ofMillis(1_500);
    /** Records enough to say that it works again. */
    private static final int SOME = 3_000;

    private final Random random = Extent.random();

    @ParameterizedTest
    @EnumSource
    void twenty_cuts_at_random_moments_store_everything_once(ConfirmedBy confirmedBy) {
        try (NatsServer server = NatsServer.start(JETSTREAM);
                StreamTrial trial = new StreamTrial("JetStream, 20 cuts", confirmedBy, List.of(server), 10_000)) {
            for (int i = 0; i < 20; i++) {
                trial.load.awaitOffered(1 + random.nextInt(SOME));
                trial.links().get(0).cut(i % 2 == 0 ? Cut.RST : Cut.FIN);
            }
            trial.check(trial.end());
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_server_that_is_killed_and_started_again_has_everything_once(ConfirmedBy confirmedBy) {
        try (NatsServer server = NatsServer.start(JETSTREAM);
                StreamTrial trial =
                        new StreamTrial("JetStream, SIGKILL 3 times", confirmedBy, List.of(server), 10_000)) {
            killThreeTimes(server, trial, random);
            trial.check(trial.end().nothingLost());
        }
    }

    static void killThreeTimes(NatsServer server, StreamTrial trial, Random random) {
        for (int i = 0; i < 3; i++) {
            trial.load.awaitConfirmed(SOME).awaitOffered(1 + random.nextInt(SOME));
            server.kill();
            trial.load.awaitOffered(SOME);
            server.restart();
        }
        trial.load.awaitConfirmed(SOME);
    }

    @ParameterizedTest
    @EnumSource
    void a_server_that_stalls_is_killed_and_started_again_has_everything_once(ConfirmedBy confirmedBy) {
        try (NatsServer server = NatsServer.start(JETSTREAM);
                StreamTrial trial = new StreamTrial(
                        "JetStream, SIGSTOP 1.5 s then SIGKILL, 3 times", confirmedBy, List.of(server), 20_000)) {
            stallAndKillThreeTimes(server, trial);
            trial.check(trial.end());
        }
    }

    static void stallAndKillThreeTimes(NatsServer server, StreamTrial trial) {
        for (int i = 0; i < 3; i++) {
            trial.load.awaitConfirmed(2 * SOME);
            server.stall(STALL);
            server.kill();
            server.restart();
        }
        trial.load.awaitConfirmed(SOME);
    }

    @ParameterizedTest
    @EnumSource
    void a_cluster_of_three_has_everything_once_whichever_server_is_killed(ConfirmedBy confirmedBy) {
        try (NatsCluster cluster = NatsCluster.start(3, JETSTREAM);
                StreamTrial trial = new StreamTrial(
                        "JetStream R3, leader killed" + (Extent.FULL ? ", then each once" : ""),
                        confirmedBy,
                        cluster.servers(),
                        5_000)) {
            trial.load.awaitConfirmed(SOME);
            killAndRestart(cluster, trial, cluster.server(trial.leader()));
            if (Extent.FULL) {
                for (NatsServer server : cluster.servers()) {
                    killAndRestart(cluster, trial, server);
                }
            }
            trial.check(trial.end().nothingLost());
        }
    }

    private static void killAndRestart(NatsCluster cluster, StreamTrial trial, NatsServer server) {
        server.kill();
        trial.load.awaitConfirmed(SOME);
        server.restart();
        cluster.awaitTogether();
        trial.awaitReplicas();
        trial.load.awaitConfirmed(SOME);
    }

    @ParameterizedTest
    @EnumSource
    void a_lame_duck_of_a_cluster_is_left_without_a_loss(ConfirmedBy confirmedBy) {
        try (NatsCluster cluster =
                        NatsCluster.start(3, JETSTREAM, "lame_duck_duration: 30s", "lame_duck_grace_period: 1s");
                StreamTrial trial = new StreamTrial(
                        "JetStream R3, the leader a lame duck", confirmedBy, cluster.servers(), 5_000)) {
            trial.load.awaitConfirmed(SOME);
            NatsServer duck = cluster.server(trial.leader());
            duck.lameDuck();
            await().atMost(SOON).until(() -> !duck.isRunning());
            trial.load.awaitConfirmed(SOME);
            assertNotEquals(duck, cluster.server(trial.leader()));
            trial.load.finish(); // under load, a busy machine's server may take minutes to come up with the others
            duck.restart(); // so that all can be read
            cluster.awaitTogether();
            trial.awaitReplicas();
            trial.check(trial.end().nothingLost());
        }
    }

    // ---- what message ids are for in batches
    // -------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void who_is_away_for_longer_than_a_server_remembers_a_batch_stores_records_twice_unless_they_have_ids(boolean ids) {
        needsIds("JetStream, away for 12 s", ids, (server, link) -> {
            link.refuse(Duration.ofSeconds(12));
            link.cut(Cut.RST);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_server_that_is_killed_forgets_batches_and_stores_records_twice_unless_they_have_ids(boolean ids) {
        needsIds("JetStream, answers lost and SIGKILL", ids, (server, link) -> {
            server.kill();
            link.cut(Cut.RST);
            server.restart();
        });
    }

    /** Something after which nobody knows how much of the last batch is stored, and answers to it are lost. */
    private static void needsIds(String fault, boolean ids, BiConsumer<NatsServer, Link> strike) {
        try (NatsServer server = NatsServer.start(JETSTREAM);
                StreamTrial trial = new StreamTrial(
                        fault + (ids ? "" : ", no ids"),
                        ConfirmedBy.BATCHES,
                        List.of(server),
                        2_000,
                        "message.ids",
                        Boolean.toString(ids))) {
            trial.load.awaitConfirmed(SOME);
            Link link = trial.links().get(0);
            link.swallow(Way.TO_CLIENT);
            trial.awaitStoredUnheard();
            strike.accept(server, link);
            trial.load.awaitConfirmed(SOME);
            Tally tally = trial.end();
            if (ids) {
                trial.check(tally);
            } else {
                trial.checkButForDuplicates(tally);
                assertNotEquals(0, tally.duplicates(), "the page on delivery says so");
            }
        }
    }
}
