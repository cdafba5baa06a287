package io.fleettelemetry.datastore.nats;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.CapturedLog;
import io.fleettelemetry.testkit.NatsServer;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Receipts, reporters and logs run foreign code: the datastore's threads go on, whatever that code does. */
class ForeignCodeTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private static NatsServer server;

    @BeforeAll
    static void start() {
        server = NatsServer.start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static TelemetryRecord record(int i) {
        return Records.record("VIN" + i, "V", new byte[100]);
    }

    private static void awaitOk(NatsDatastore datastore) {
        await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
    }

    private static void awaitNoThreadOf(String datastore) {
        await("threads have ended")
                .atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("nats-" + datastore + "-")));
    }

    /** Runs it in a thread of its own, so that a test fails where it would hang. */
    private static void returns(String what, Runnable call) {
        Thread thread = new Thread(call, "test-" + what);
        thread.setDaemon(true);
        thread.start();
        await(what + " has returned").atMost(SOON).until(() -> !thread.isAlive());
    }

    /** Does something first, and then remembers the outcome. */
    private record Then(Outcomes outcomes, Runnable first) implements Receipt {
        @Override
        public boolean confirmed(TelemetryRecord record) {
            first.run();
            return outcomes.confirmed(record);
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            first.run();
            outcomes.failed(record, why);
        }
    }

    @Test
    void a_receipt_that_leaves_its_threads_interrupt_flag_set_keeps_no_record_from_its_end() {
        NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", server.url(), "datastore", "interrupted"));
        awaitOk(datastore);
        Outcomes outcomes = new Outcomes();
        Receipt interrupting = new Then(outcomes, () -> Thread.currentThread().interrupt());
        for (int i = 0; i < 1_000; i++) {
            datastore.produce(record(i), interrupting);
            if (i % 100 == 0) {
                outcomes.awaitEnded(i + 1);
            }
        }
        assertEquals(1_000, outcomes.awaitEnded(1_000).confirmed().size());
        returns("close", datastore::close);
        awaitNoThreadOf("interrupted");
    }

    @Test
    void interrupts_of_the_datastores_threads_change_nothing() {
        NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", server.url(), "datastore", "disturbed"));
        awaitOk(datastore);
        Outcomes outcomes = new Outcomes();
        for (int i = 0; i < 50; i++) {
            Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("nats-disturbed-"))
                    .forEach(Thread::interrupt);
            datastore.produce(record(i), outcomes);
            outcomes.awaitEnded(i + 1);
        }
        assertEquals(50, outcomes.confirmed().size());
        awaitOk(datastore);
        returns("close", datastore::close);
        awaitNoThreadOf("disturbed");
    }

    @Test
    void closing_from_within_a_receipt_returns_and_the_remaining_receipts_are_called() {
        NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", server.url(), "datastore", "selfclosed"));
        awaitOk(datastore);
        Outcomes outcomes = new Outcomes();
        CountDownLatch offered = new CountDownLatch(1);
        AtomicBoolean returned = new AtomicBoolean();
        Receipt closing = new Then(outcomes, () -> {
            try {
                offered.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            datastore.close();
            returned.set(true);
        });
        for (int i = 0; i < 1_000; i++) {
            datastore.produce(record(i), closing);
        }
        offered.countDown();
        assertEquals(1_000, outcomes.awaitEnded(1_000).confirmed().size(), "the server was there for all");
        assertTrue(returned.get());
        returns("another close", datastore::close);
        awaitNoThreadOf("selfclosed");
        datastore.produce(record(1_000), outcomes);
        assertEquals(Failure.Kind.CLOSED, outcomes.failures().get(0).kind());
    }

    @Test
    void closing_from_within_the_receipt_of_a_refusal_returns() {
        NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", server.url(), "datastore", "refusing"));
        Outcomes outcomes = new Outcomes();
        returns(
                "produce",
                () -> datastore.produce(
                        Records.record("no token", "V", new byte[1]), new Then(outcomes, datastore::close)));
        assertEquals(
                Failure.Kind.INVALID, outcomes.awaitEnded(1).failures().get(0).kind());
        awaitNoThreadOf("refusing");
    }

    @Test
    void closing_from_within_an_error_reporter_returns() {
        NatsDatastore[] datastore = new NatsDatastore[1];
        AtomicBoolean returned = new AtomicBoolean();
        datastore[0] = new NatsDatastore(
                NatsSettings.parse(
                        Map.of("url", "nats://127.0.0.1:1", "datastore", "reporting", "confirm.timeout.ms", "100")),
                new Counts(),
                (message, cause, fields) -> {
                    datastore[0].close();
                    returned.set(true);
                });
        datastore[0].open();
        Outcomes outcomes = new Outcomes();
        for (int i = 0; i < 10; i++) {
            datastore[0].produce(record(i), outcomes);
        }
        outcomes.awaitEnded(10);
        await().atMost(SOON).untilTrue(returned);
        awaitNoThreadOf("reporting");
    }

    @Test
    void closing_does_not_wait_for_ever_for_a_receipt_that_does_not_return() {
        NatsDatastore datastore =
                NatsDatastoreTest.open(Map.of("url", server.url(), "datastore", "kept", "drain.timeout.ms", "100"));
        CountDownLatch letGo = new CountDownLatch(1);
        Outcomes outcomes = new Outcomes();
        Receipt hanging = new Then(outcomes, () -> {
            try {
                letGo.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        awaitOk(datastore);
        for (int i = 0; i < 10; i++) {
            datastore.produce(record(i), hanging);
        }
        returns("close", datastore::close);
        assertEquals(0, outcomes.ended());
        letGo.countDown();
        outcomes.awaitEnded(10);
        awaitNoThreadOf("kept");
    }

    @Test
    void an_interrupted_thread_that_closes_does_not_spin_and_stays_interrupted() {
        NatsDatastore datastore = NatsDatastoreTest.open(
                Map.of("url", "nats://127.0.0.1:1", "datastore", "closed", "drain.timeout.ms", "2000"));
        datastore.produce(record(0), new Outcomes());
        long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        Thread.currentThread().interrupt();
        datastore.close();
        assertTrue(Thread.interrupted(), "it still knows that it was interrupted");
        long used = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - before;
        assertTrue(used < TimeUnit.MILLISECONDS.toNanos(300), used + " ns of CPU while it waited for 2 s");
    }

    @Test
    void a_log_that_hangs_stops_neither_offers_nor_endings_nor_closing() {
        CountDownLatch letGo = new CountDownLatch(1);
        NatsDatastore datastore =
                NatsDatastoreTest.open(Map.of("url", server.url(), "datastore", "mute", "inflight.max.records", "10"));
        awaitOk(datastore);
        Outcomes outcomes = new Outcomes();
        try (var log = new CapturedLog(letGo, () -> {})) {
            returns("produce", () -> {
                for (int i = 0; i < 1_000; i++) {
                    datastore.produce(Records.record("no token", "V", new byte[1]), outcomes);
                    datastore.produce(record(i), new Then(outcomes, () -> {
                        throw new IllegalStateException("by the test");
                    }));
                }
            });
            await().atMost(SOON).until(() -> datastore.inFlight() == 0);
            assertEquals(1_000, outcomes.ended());
            server.kill();
            server.restart();
            awaitOk(datastore);
            datastore.produce(record(2_000), outcomes);
            await().atMost(SOON).until(() -> outcomes.confirmed().size() == 1);
            returns("close", datastore::close);
            assertEquals("", log.text(), "it has hung all the time");
        } finally {
            letGo.countDown();
        }
        awaitNoThreadOf("mute");
    }
}
