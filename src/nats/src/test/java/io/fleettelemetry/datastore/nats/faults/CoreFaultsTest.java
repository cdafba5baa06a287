package io.fleettelemetry.datastore.nats.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure.Kind;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.datastore.nats.NatsProducerFactory;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.Link.Cut;
import io.fleettelemetry.testkit.Link.Recording;
import io.fleettelemetry.testkit.Link.Way;
import io.fleettelemetry.testkit.NatsCluster;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.Transcript;
import io.fleettelemetry.testkit.Transcript.Frame;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the datastore promises in core NATS, while what is around it breaks. */
@Tag("every-server")
@Tag("newest-server")
class CoreFaultsTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final Duration FOR_EVER = Duration.ofDays(1);
    /** So that hundreds of records are on their way at any moment. */
    private static final Duration SHORT_DELAY = Duration.ofMillis(10);
    /** Records enough to say that it works again. */
    private static final int SOME = 3_000;

    private final Random random = Extent.random();

    @ParameterizedTest
    @EnumSource(Cut.class)
    void twenty_cuts_at_random_moments_lose_nothing(Cut how) {
        try (Trial trial = new Trial("20 cuts, " + how).open()) {
            long inFlight = cutTwentyTimes(trial, how, random);
            Tally tally = trial.end().check().nothingFailed();
            assertTrue(
                    tally.duplicates() <= inFlight, "duplicates: at most what was in flight at each cut, " + inFlight);
        }
    }

    /** Returns the sum of what was in flight at each cut, in records. */
    static long cutTwentyTimes(Trial trial, Cut how, Random random) {
        long inFlight = 0;
        for (int i = 0; i < 20; i++) {
            trial.link.delay(random.nextBoolean() ? SHORT_DELAY : Duration.ZERO);
            // Some while it is at rest, some while it is at republishing what the last one took.
            trial.awaitSomeMoment(random, random.nextBoolean() ? 3_000 : 300);
            trial.link.cut(how);
            long confirmed = trial.load.confirmed().size(); // first: so the difference is rather too large
            inFlight += trial.load.offered().size() - confirmed;
        }
        return inFlight;
    }

    @Test
    void cuts_while_records_are_published_again_lose_nothing() {
        try (Trial trial = new Trial("cut, and cut twice while republishing").open()) {
            for (int i = 0; i < 3; i++) {
                int before = trial.link.connections();
                trial.link.freeze(FOR_EVER); // so that much is in flight: 1.5 MB and more
                trial.load.awaitOffered(5_000);
                trial.link.cut(Cut.RST);
                trial.link.cutAfter(500_000, Cut.FIN);
                trial.link.freeze(Duration.ZERO);
                trial.awaitConnections(before + 2);
                trial.link.cutAfter(100_000, Cut.RST);
                trial.awaitConnections(before + 3);
                trial.load.awaitConfirmed(SOME);
            }
            trial.end().check().nothingFailed();
        }
    }

    @Test
    void connections_that_die_one_after_the_other_are_soon_made_up_for() {
        try (Trial trial = new Trial("3 connections in a row cut before a PONG").open()) {
            trial.link.delay(SHORT_DELAY); // each way: a PONG takes 20 ms
            int before = trial.link.connections();
            trial.link.cut(Cut.RST);
            for (int i = 1; i <= 3; i++) {
                trial.link.cutAfter(5_000, Cut.RST); // CONNECT, and some frames
                trial.awaitConnections(before + 1 + i);
            }
            long offered = trial.load.offered().size();
            await("caught up")
                    .atMost(Duration.ofSeconds(10)) // jnats gives each handshake that is cut its two seconds
                    .until(() -> trial.load.confirmed().size() >= offered);
            trial.end().check().nothingFailed();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void cuts_in_the_middle_of_a_frame_make_no_alien_subject_and_no_alien_payload(boolean messageIds) {
        String frame = messageIds ? "HPUB" : "PUB";
        try (Trial trial = new Trial("10 cuts in the middle of a frame, " + frame)
                .set("message.ids", messageIds)
                .connect()) {
            trial.link.record();
            trial.offer();
            for (int i = 0; i < 10; i++) {
                trial.link.delay(random.nextBoolean() ? SHORT_DELAY : Duration.ZERO);
                trial.awaitConnections(i + 1);
                // After FIN the server has seen the half frame, after RST perhaps not.
                trial.link.cutAfter(10_000 + random.nextInt(200_000), i % 4 == 0 ? Cut.RST : Cut.FIN);
            }
            trial.awaitConnections(11);
            trial.load.awaitConfirmed(SOME);
            trial.end().check().nothingFailed();
            checkFrames(trial, frame);
        }
    }

    /** Reads all that was sent by the letter of the protocol. */
    private static void checkFrames(Trial trial, String verb) {
        Map<Long, String> headers = new HashMap<>();
        for (Recording recording : trial.link.recordings()) {
            Transcript said = Transcript.ofClient(recording.fromClient());
            assertEquals(Optional.empty(), said.flaw());
            for (Frame frame : said.messages()) {
                long id = trial.fleet().id(frame.subject(), frame.payload());
                assertNotEquals(Fleet.ALIEN, id, frame.subject());
                assertEquals(verb, frame.verb());
                assertNull(frame.reply());
                String header = new String(frame.headers(), UTF_8);
                assertEquals(header, headers.computeIfAbsent(id, first -> header), "kept when it is sent again");
            }
        }
        assertTrue(headers.size() >= trial.load.confirmed().size());
        if (verb.equals("HPUB")) {
            assertEquals(
                    headers.size(), Set.copyOf(headers.values()).size(), "a message id of its own for each record");
            headers.values().forEach(header -> assertTrue(header.matches("NATS/1.0\r\nNats-Msg-Id: \\S+\r\n\r\n")));
        }
    }

    @Test
    void message_ids_let_a_stream_behind_the_subjects_drop_duplicates() {
        try (NatsServer server = NatsServer.start(JetStreamFaultsTest.JETSTREAM);
                StreamTrial trial = new StreamTrial(
                        "core, message ids, a stream behind it, 10 cuts",
                        List.of(server),
                        settings -> {
                            Map<String, String> core = new HashMap<>(settings);
                            core.put("delivery", "core");
                            core.put("message.ids", "true");
                            return new NatsProducerFactory().open(core);
                        },
                        10_000)) {
            Link link = trial.links().get(0);
            for (int i = 0; i < 10; i++) {
                link.delay(SHORT_DELAY);
                trial.load.awaitOffered(1 + random.nextInt(SOME));
                link.cut(Cut.RST);
            }
            Tally tally = trial.end().check().nothingFailed();
            assertEquals(0, tally.duplicates());
        }
    }

    @Test
    void a_frozen_link_loses_nothing() {
        Duration time = Extent.of(Duration.ofSeconds(3), Duration.ofSeconds(10));
        try (Trial trial = new Trial("frozen link, " + time.toSeconds() + " s").open()) {
            trial.link.freeze(time);
            trial.load.awaitConfirmed(SOME);
            trial.end().check().nothingFailed();
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void a_half_open_link_is_noticed_and_loses_nothing(Way way) {
        try (Trial trial = new Trial("half-open link, nothing goes " + way).open()) {
            for (int i = 1; i <= 2; i++) {
                trial.link.swallow(way);
                trial.awaitConnections(i + 1);
                trial.load.awaitConfirmed(SOME);
            }
            trial.end().check().nothingFailed();
        }
    }

    @Test
    void a_slow_link_only_delays() {
        try (Trial trial = new Trial("slow link").open()) {
            trial.link.delay(SHORT_DELAY);
            trial.load.awaitConfirmed(5 * SOME);
            endWithoutReconnect(trial);
        }
    }

    @Test
    void a_link_slower_than_the_load_only_delays() {
        try (Trial trial =
                new Trial("link slower than the load").set("silent.ms", 5_000).open()) {
            trial.link.delay(Duration.ofMillis(50)); // 64 KiB in that time, of the 175 kB that are offered
            trial.load.awaitConfirmed(5 * SOME);
            endWithoutReconnect(trial);
        }
    }

    /** Nothing was broken: then nothing was sent twice, either. */
    private static void endWithoutReconnect(Trial trial) {
        Tally tally = trial.end().check().nothingFailed();
        assertEquals(0, tally.duplicates());
        assertEquals(1, trial.link.connections());
    }

    @Test
    void a_server_away_under_more_load_than_the_journal_holds_fails_only_the_records_that_do_not_fit() {
        Duration time = Extent.of(Duration.ofSeconds(3), Duration.ofSeconds(60));
        int journal = 2_000_000;
        try (Trial trial = new Trial("server away, " + time.toSeconds() + " s, journal of 2 MB")
                .set("inflight.max.bytes", journal)
                .withoutHold()
                .rate(20_000)
                .open()) {
            long heap = heap();
            int before = trial.link.connections();
            trial.link.refuse(time);
            trial.link.cut(Cut.RST);
            await().atMost(time.plus(SOON)).until(() -> {
                assertTrue(inFlightBytes(trial) <= journal);
                return trial.link.connections() > before;
            });
            assertTrue(heap() - heap < 64_000_000, "memory is bounded");
            trial.load.awaitConfirmed(SOME);
            Tally tally = trial.end().check();
            assertEquals(Set.of(Kind.FULL), tally.failed().keySet());
            assertTrue(tally.failed().get(Kind.FULL) > 20_000 * (time.toSeconds() - 1) - journal / 300);
        }
    }

    private static long inFlightBytes(Trial trial) {
        return Long.parseLong(trial.producer.status().details().get("in_flight_bytes"));
    }

    private static long heap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    @Test
    void a_record_that_expires_while_the_server_is_away_fails_and_is_not_published_later() {
        try (Trial trial = new Trial("server away, records expire")
                .set("confirm.timeout.ms", 500)
                .set("silent.ms", 500)
                .connect()) {
            trial.link.refuse(FOR_EVER);
            trial.offer().load.awaitFailed(Kind.EXPIRED, SOME);
            long[] expired = trial.load.failed(Kind.EXPIRED).without(new Ids(trial.fleet()));
            trial.link.heal();
            trial.load.awaitConfirmed(SOME);
            Tally tally = trial.end().check();
            // Those that expire just after they were written may have arrived.
            assertEquals(Set.of(Kind.EXPIRED), tally.failed().keySet());
            assertEquals(
                    0,
                    Arrays.stream(expired)
                            .filter(trial.arrivals.arrived()::contains)
                            .count());
        }
    }

    @Test
    void a_server_that_is_absent_at_first_gets_everything_when_it_appears_and_nothing_is_confirmed_before() {
        Duration time = Extent.of(Duration.ofSeconds(2), Duration.ofSeconds(30));
        try (Trial trial = new Trial("first connect, no server for " + time.toSeconds() + " s").connect()) {
            trial.link.refuse(time);
            trial.offer();
            await().atMost(time.plus(SOON)).until(() -> {
                long confirmed = trial.load.confirmed().size();
                boolean absent = trial.link.connections() == 0;
                assertTrue(!absent || confirmed == 0);
                return !absent;
            });
            trial.load.awaitConfirmed(SOME);
            trial.end().check().nothingFailed();
        }
    }

    @Test
    void credentials_that_are_revoked_and_mended_fail_nothing() {
        String both = "authorization { users: [ { user: fleet, password: p }, { user: tap, password: p } ] }";
        String revoked = "authorization { users: [ { user: tap, password: p } ] }";
        try (Trial trial = new Trial("credentials revoked and mended")
                .server(both)
                .subscriber("tap:p")
                .set("connect.timeout.ms", "1000") // jnats waits so long although it was refused
                .set("username", "fleet")
                .set(".password", "p")
                .open()) {
            int before = trial.link.connections();
            trial.server.reload(revoked);
            // So many that jnats has given up more than once: it does after the same error twice.
            trial.awaitConnections(before + 4);
            long confirmed = trial.load.confirmed().size();
            assertNotEquals(Status.State.OK, trial.producer.status().state());
            trial.awaitConnections(before + 5);
            assertEquals(confirmed, trial.load.confirmed().size());
            trial.server.reload(both);
            trial.load.awaitConfirmed(SOME);
            trial.awaitState(Status.State.OK);
            trial.end().check().nothingFailed();
        }
    }

    @Test
    void a_denied_subject_fails_alone_and_until_it_is_allowed() {
        int vehicle = 3;
        String allowed =
                "authorization { users: [ { user: tap, password: p }, { user: fleet, password: p, permissions: {"
                        + " publish: { allow: \"faults.>\" } } } ] }";
        String denied = allowed.replace(
                "allow: \"faults.>\"", "allow: \"faults.>\", deny: \"faults." + Fleet.USUAL.vin(vehicle) + ".>\"");
        try (Trial trial = new Trial("one subject denied and allowed")
                .server(allowed)
                .subscriber("tap:p")
                .set("username", "fleet")
                .set(".password", "p")
                .open()) {
            trial.server.reload(denied);
            trial.load.awaitFailed(Kind.DENIED, 100);
            trial.server.reload(allowed);
            trial.load.awaitConfirmed(SOME);
            long failed = trial.load.failed();
            trial.load.awaitConfirmed(SOME);
            assertEquals(failed, trial.load.failed());
            Tally tally = trial.end().check();
            assertEquals(Set.of(Kind.DENIED), tally.failed().keySet());
            for (long id : trial.load.failed(Kind.DENIED).without(new Ids(trial.fleet()))) {
                assertEquals(vehicle, Fleet.vehicle(id));
            }
        }
    }

    @Test
    void a_lower_max_payload_fails_only_the_records_that_are_too_large_and_until_it_is_raised() {
        try (Trial trial = new Trial("max_payload lowered and raised")
                .fleet(100, 300, 10_000)
                .server("max_payload: 65536")
                .open()) {
            trial.server.reload("max_payload: 4096");
            trial.load.awaitFailed(Kind.TOO_LARGE, 50);
            trial.server.reload("max_payload: 65536");
            trial.link.cut(Cut.FIN); // a client learns the limit when it connects
            trial.load.awaitConfirmed(Fleet.LARGE_EVERY * trial.fleet().vehicles());
            long failed = trial.load.failed();
            trial.load.awaitConfirmed(Fleet.LARGE_EVERY * trial.fleet().vehicles());
            assertEquals(failed, trial.load.failed());
            Tally tally = trial.end().check();
            assertEquals(Set.of(Kind.TOO_LARGE), tally.failed().keySet());
            for (long id : trial.load.failed(Kind.TOO_LARGE).without(new Ids(trial.fleet()))) {
                assertTrue(trial.fleet().isLarge(id));
            }
        }
    }

    @Test
    void closing_while_records_are_in_flight_has_them_confirmed() {
        try (Trial trial = new Trial("close while in flight").open()) {
            trial.link.delay(Duration.ofMillis(50));
            trial.awaitSomeMoment(random, SOME);
            trial.load.stop();
            trial.producer.close();
            trial.end().check().nothingFailed();
        }
    }

    @ParameterizedTest
    @EnumSource
    void closing_under_load_ends_every_record(Line line) {
        Duration drain = Duration.ofMillis(500);
        try (Trial trial = new Trial("close under load, " + line)
                .set("drain.timeout.ms", drain.toMillis())
                .open()) {
            if (line == Line.FROZEN) {
                trial.link.freeze(FOR_EVER);
            }
            trial.awaitSomeMoment(random, SOME);
            long start = System.nanoTime();
            trial.producer.close();
            assertTrue(System.nanoTime() - start < drain.plusSeconds(5).toNanos(), "closing takes a bounded time");
            trial.load.awaitFailed(Kind.CLOSED, 10);
            trial.load.stop();
            assertEquals(trial.load.offered().size(), trial.load.confirmed().size() + trial.load.failed());
            Tally tally = trial.end().check();
            assertEquals(Set.of(Kind.CLOSED), tally.failed().keySet());
        }
    }

    private enum Line {
        SOUND,
        FROZEN
    }

    @RepeatedTest(3)
    void records_that_a_jvm_had_confirmed_when_it_was_killed_have_arrived(@TempDir Path directory) {
        try (NatsServer server = NatsServer.start();
                Link link = Link.to(server.port());
                Arrivals arrivals = Arrivals.at(server.url(), Fleet.USUAL)) {
            int enough = 5_000 + random.nextInt(5_000);
            Mortal.runAndKill(Mortal.DATASTORE, link, directory, enough);
            arrivals.awaitAll();
            Tally tally = Tally.of(
                            "JVM killed, its link cut",
                            Mortal.offered(directory),
                            Mortal.confirmed(directory),
                            arrivals)
                    .print()
                    .inOrder()
                    .nothingLost();
            assertEquals(List.of(), tally.wrong());
            assertTrue(tally.confirmed() >= enough);
        }
    }

    @Test
    void a_websocket_link_that_is_cut_delivers_the_same_bytes() {
        int port = FreePort.next();
        try (Trial trial = new Trial("WebSocket, 10 cuts, payloads of 2 and 10 kB")
                .fleet(100, 2_000, 10_000)
                .rate(5_000)
                .server("websocket { listen: \"127.0.0.1:" + port + "\", no_tls: true }")
                .connectWebSocket(port)
                .offer()) {
            for (int i = 0; i < 10; i++) {
                trial.awaitConnections(i + 1);
                trial.load.awaitConfirmed(1);
                trial.awaitSomeMoment(random, 2_000);
                trial.link.cut(i % 2 == 0 ? Cut.RST : Cut.FIN);
            }
            trial.end().check().nothingFailed();
        }
    }

    @Test
    void a_lame_duck_is_left_without_a_loss() {
        Fleet fleet = Fleet.USUAL;
        try (NatsCluster cluster = NatsCluster.start(2, "lame_duck_duration: 30s", "lame_duck_grace_period: 2s");
                CloseableProducer producer = new NatsProducerFactory()
                        .open(Map.of(
                                "url",
                                cluster.server("n1").url() + ","
                                        + cluster.server("n2").url(),
                                "namespace",
                                fleet.namespace(),
                                "reconnect.wait.ms",
                                "20"))) {
            await().atMost(SOON).until(() -> producer.status().state() == Status.State.OK);
            String server = producer.status().details().get("server");
            boolean first = server.contains(":" + cluster.server("n1").port());
            NatsServer duck = cluster.server(first ? "n1" : "n2");
            NatsServer other = cluster.server(first ? "n2" : "n1");
            try (Arrivals arrivals = Arrivals.at(other.url(), fleet).awaitInterestAt(duck.url());
                    Load load = new Load(producer, fleet, 10_000, true).start()) {
                load.awaitConfirmed(SOME);
                duck.lameDuck();
                await().atMost(SOON)
                        .until(() -> producer.status().details().get("server").contains(":" + other.port()));
                assertTrue(duck.isRunning(), "it is left before it goes");
                await().atMost(SOON).until(() -> !duck.isRunning());
                load.awaitConfirmed(SOME).finish();
                arrivals.awaitAll();
                Tally tally =
                        Tally.of("lame duck", load, arrivals).print().check().nothingFailed();
                assertEquals(0, tally.duplicates(), "nothing was in flight when it went");
            }
        }
    }
}
