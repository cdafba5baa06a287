package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Answers to sources: reliable acks and outcomes, and sources that are slow, gone or throw. */
class AckQueueTest extends HostFixture {

    @Test
    void the_source_gets_back_the_very_record_that_it_offered_with_its_own_context() {
        host.bind("a", Store.open());
        configure("records.V", "a", "reliable_ack_sources.V", "a");
        TelemetryRecord record = record("V", "1").withContext("mine");
        intake.offer(record);
        assertSame(record, source.awaitEnded(1).ended().get(0));
        assertSame(record, source.acknowledged().get(0));
    }

    @Test
    void a_reliable_ack_goes_out_only_when_its_source_has_confirmed_and_only_for_types_that_ask() {
        Store nats = Store.bounded(9);
        Store other = Store.bounded(9);
        host.bind("nats", nats);
        host.bind("other", other);
        configure("records.V", "nats,other", "records.alerts", "nats", "reliable_ack_sources.V", "nats");
        offer(0, 3);
        intake.offer(record("alerts", "a"));
        other.confirm(3);
        assertEquals(0, source.acknowledged().size());
        nats.confirm(1);
        await().atMost(SOON).until(() -> source.acknowledged().size() == 1);
        nats.fail(new Failure(Failure.Kind.EXPIRED, "late"));
        nats.confirm(2);
        source.awaitEnded(4);
        assertEquals(
                List.of("0", "2"),
                source.acknowledged().stream().map(TelemetryRecord::txid).toList());
    }

    @Test
    void a_producer_learns_whether_a_reliable_ack_goes_out() {
        List<Boolean> acknowledged = new CopyOnWriteArrayList<>();
        host.bind("a", (record, receipt) -> acknowledged.add(receipt.confirmed(record)));
        host.bind("b", Store.open());
        configure("records.V", "a", "records.alerts", "a,b", "reliable_ack_sources.V", "a");
        offer(0, 1);
        intake.offer(record("alerts", "a"));
        source.awaitEnded(2);
        assertEquals(List.of(true, false), acknowledged);
    }

    @Test
    void an_ack_does_not_wait_for_datastores_that_are_not_its_source() {
        Store slow = Store.bounded(9);
        host.bind("nats", Store.open());
        host.bind("slow", slow);
        configure("records.V", "nats,slow", "reliable_ack_sources.V", "nats");
        offer(0, 1);
        await().atMost(SOON).until(() -> source.acknowledged().size() == 1);
        assertEquals(0, source.ended().size());
        slow.confirm(1);
        source.awaitEnded(1);
        assertEquals(1, source.acknowledged().size());
    }

    @Test
    void one_slow_receiver_of_acks_stalls_no_other() throws Exception {
        host.bind("nats", Store.open());
        configure("records.V", "nats", "reliable_ack_sources.V", "nats");
        CountDownLatch release = new CountDownLatch(1);
        Recorder slow = new Recorder() {
            @Override
            public boolean acknowledge(TelemetryRecord record) {
                awaitLatch(release);
                return super.acknowledge(record);
            }
        };
        try (Intake stalled = host.open(slow)) {
            for (int i = 0; i < 1_000; i++) {
                stalled.offer(record("V", "slow" + i));
            }
            offer(0, 1_000);
            source.awaitEnded(1_000);
            assertEquals(0, slow.ended().size());
            release.countDown();
            slow.awaitEnded(1_000);
            assertEquals(1_000, slow.acknowledged().size());
        }
    }

    @Test
    void a_source_that_does_not_listen_has_to_wait_with_its_offers() throws Exception {
        host.bind("nats", Store.open());
        configure("records.V", "nats");
        CountDownLatch release = new CountDownLatch(1);
        Recorder deaf = new Recorder() {
            @Override
            public void ended(TelemetryRecord record, Outcome outcome) {
                awaitLatch(release);
                super.ended(record, outcome);
            }
        };
        int all = Intake.MAX_UNHEARD + 10;
        try (Intake full = host.open(deaf)) {
            CompletableFuture<Void> offers = CompletableFuture.runAsync(() -> {
                for (int i = 0; i < all; i++) {
                    full.offer(record("V", "" + i));
                }
            });
            await().atMost(SOON).until(() -> counts.ofType("V").records.sum() == Intake.MAX_UNHEARD);
            assertFalse(offers.isDone());
            release.countDown();
            deaf.awaitEnded(all);
            offers.join();
        }
    }

    @Test
    void acks_are_counted_by_type_and_datastore_and_those_for_a_vehicle_that_is_gone_as_missed() throws Exception {
        Store nats = Store.bounded(9);
        host.bind("nats", nats);
        configure(
                "records.V",
                "nats",
                "records.alerts",
                "nats",
                "reliable_ack_sources.V",
                "nats",
                "reliable_ack_sources.alerts",
                "nats");
        offer(0, 2);
        Recorder gone = new Recorder();
        Intake left = host.open(gone);
        left.offer(record("V", "x"));
        left.offer(record("alerts", "y"));
        left.close();
        assertThrows(IllegalStateException.class, () -> left.offer(record("V", "z")));
        nats.confirm(4);
        source.awaitEnded(2);
        await().atMost(SOON).until(() -> counts.ofAcks("alerts", "nats").missed.sum() == 1);
        assertEquals(2, counts.ofAcks("V", "nats").passed.sum());
        assertEquals(1, counts.ofAcks("V", "nats").missed.sum());
        assertEquals(0, gone.ended().size() + gone.acknowledged().size());
    }

    @Test
    void a_source_whose_classes_are_gone_for_a_moment_hears_of_the_next_record() {
        host.bind("a", Store.open());
        configure("records.V", "a");
        Recorder refreshed = new Recorder() {
            @Override
            public void ended(TelemetryRecord record, Outcome outcome) {
                if (record.txid().equals("0")) {
                    throw new NoClassDefFoundError("on purpose");
                }
                super.ended(record, outcome);
            }
        };
        Intake itsIntake = host.open(refreshed);
        itsIntake.offer(record("V", "0"));
        await().atMost(SOON).until(() -> log.of("source_failed").size() == 1);
        itsIntake.offer(record("V", "1"));
        assertEquals("1", refreshed.awaitEnded(1).ended().get(0).txid());
    }

    @Test
    void a_source_hears_of_its_records_although_there_is_no_thread_to_be_had() {
        host.bind("a", Store.open());
        configure("records.V", "a", "reliable_ack_sources.V", "a");
        AckSenders none = new AckSenders(task -> {
            throw new Error("as an OutOfMemoryError would be, but JUnit ends at one");
        });
        AckQueue answers = new AckQueue(source, none);
        host.dispatch(record("V", "0"), answers);
        host.dispatch(record("V", "1"), answers);
        assertEquals(2, source.ended().size());
        assertEquals(2, source.acknowledged().size());
    }

    @Test
    void a_source_that_throws_stops_nothing() {
        Store a = Store.open();
        host.bind("a", a);
        configure("records.V", "a", "reliable_ack_sources.V", "a");
        Source throwing = new Source() {
            @Override
            public boolean acknowledge(TelemetryRecord record) {
                throw new IllegalStateException("on purpose");
            }

            @Override
            public void ended(TelemetryRecord record, Outcome outcome) {
                throw new IllegalStateException("on purpose");
            }
        };
        host.open(throwing).offer(record("V", "0"));
        offer(1, 2);
        source.awaitEnded(1);
        assertEquals(List.of("0", "1"), a.stored());
    }

    @Test
    void closing_waits_for_a_source_that_is_being_told() throws InterruptedException {
        CountDownLatch beingTold = new CountDownLatch(1);
        AtomicBoolean told = new AtomicBoolean();
        Source slow = new Source() {
            @Override
            public boolean acknowledge(TelemetryRecord record) {
                return true;
            }

            @Override
            public void ended(TelemetryRecord record, Outcome outcome) {
                beingTold.countDown();
                LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
                told.set(true);
            }
        };
        host.open(slow).offer(record("V", "0"));
        beingTold.await();
        host.close();
        assertTrue(told.get());
    }
}
