package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.host.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Records that wait for a datastore which is absent or full, and offers that wait for room. */
class HoldTest extends HostFixture {

    @Test
    void records_for_an_absent_datastore_are_held_and_go_out_in_order_when_it_appears() {
        configure("records.V", "late");
        offer(0, 100);
        assertEquals(100, status("late").heldRecords());
        assertFalse(status("late").present());
        assertEquals(0, source.ended().size());
        Store late = Store.open();
        host.bind("late", late);
        source.awaitEnded(100);
        offer(100, 200);
        source.awaitEnded(200);
        assertEquals(numbers(0, 200), late.stored());
        assertEquals(0, status("late").heldRecords());
        assertEquals(200, status("late").confirmed());
    }

    @Test
    void what_is_held_too_long_fails_and_says_why() {
        configure("records.V", "never", "hold.max.ms", "50");
        offer(0, 2);
        source.awaitEnded(2);
        for (Outcome outcome : source.outcomes()) {
            assertEquals(Failure.Kind.EXPIRED, outcome.failure().kind());
            assertEquals(
                    "held for hold.max.ms = 50 because the datastore 'never' is absent",
                    outcome.failure().reason());
        }
        assertEquals(2, status("never").failed());
    }

    @Test
    void a_full_datastore_gets_everything_in_order_as_it_makes_room() {
        Store small = Store.bounded(3);
        host.bind("small", small);
        configure("records.V", "small");
        offer(0, 50);
        small.confirm(50);
        source.awaitEnded(50);
        assertEquals(numbers(0, 50), small.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
    }

    @Test
    void when_the_hold_is_full_the_offer_waits_for_room_and_then_fails() {
        configure("records.V", "never", "hold.max.bytes", "700", "dispatch.wait.ms", "100");
        offer(0, 3);
        long before = System.nanoTime();
        offer(3, 4);
        assertTrue(System.nanoTime() - before >= Duration.ofMillis(100).toNanos());
        Failure failure = source.onlyOutcome().failure();
        assertEquals(Failure.Kind.FULL, failure.kind());
        assertTrue(failure.reason().contains("hold.max.bytes = 700"), failure.reason());
        assertTrue(failure.reason().contains("dispatch.wait.ms = 100"), failure.reason());
    }

    @Test
    void a_datastore_that_is_stuck_is_waited_for_once_and_not_by_every_record() {
        Store stuck = Store.bounded(2);
        Store fast = Store.open();
        host.bind("stuck", stuck);
        host.bind("fast", fast);
        configure(
                "records.V",
                "fast, stuck",
                "records.alerts",
                "stuck",
                "hold.max.bytes",
                "700",
                "dispatch.wait.ms",
                "2000");
        long before = System.nanoTime();
        offer(0, 100);
        assertTrue(System.nanoTime() - before < Duration.ofSeconds(10).toNanos(), "95 waits would be 190 s");
        assertEquals(numbers(0, 100), fast.stored());
        source.awaitEnded(95);
        assertTrue(source.outcomes().stream()
                .allMatch(outcome -> outcome.failure().reason().contains("dispatch.wait.ms = 2000")));

        // One that moves again is waited for again, by a record that keeps no other datastore waiting.
        stuck.confirm(1);
        intake.offer(record("alerts", "a"));
        CompletableFuture<Void> waiting = offerAndWait("stuck", record("alerts", "b"));
        stuck.confirm(6);
        waiting.join();
        assertTrue(stuck.stored().containsAll(List.of("a", "b")), stuck.stored().toString());
    }

    @Test
    void a_slow_datastore_delays_the_others_of_its_route_by_no_more_than_5_percent_of_the_time() {
        Store slow = Store.bounded(1);
        Store fast = Store.open();
        host.bind("slow", slow);
        host.bind("fast", fast);
        configure(
                "records.V",
                "fast, slow",
                "records.alerts",
                "slow",
                "hold.max.bytes",
                "0",
                "hold.max.ms",
                "60000",
                "dispatch.wait.ms",
                "10000");
        offer(0, 2); // one is in flight, one is held

        long start = System.nanoTime();
        CompletableFuture<Void> waiting = offerAndWait("slow", record("V", "2"));
        awaitNanoTime(start + Duration.ofMillis(100).toNanos());
        slow.confirm(1);
        waiting.join();
        long end = System.nanoTime();
        offer(3, 103);
        assertTrue(System.nanoTime() - end < Duration.ofSeconds(5).toNanos(), "nobody waits for 19 times 100 ms");
        assertEquals(
                numbers(0, 103).stream().sorted().toList(),
                fast.stored().stream().sorted().toList());
        source.awaitEnded(101);
        assertTrue(source.outcomes().get(100).failure().reason().contains("5 %"), source.outcomes()::toString);

        // Meanwhile a record that keeps no other datastore waiting does wait,
        waiting = offerAndWait("slow", record("alerts", "alone"));
        slow.confirm(1);
        waiting.join();
        // and so does every record when the time has come.
        awaitNanoTime(end + 20 * (end - start));
        waiting = offerAndWait("slow", record("V", "103"));
        slow.confirm(1);
        waiting.join();
        slow.confirm(2);
        assertEquals(List.of("0", "1", "2", "alone", "103"), slow.stored());
    }

    @Test
    void an_offer_that_is_interrupted_says_so_and_the_next_one_waits_all_the_same() {
        Store slow = Store.bounded(1);
        host.bind("slow", slow);
        configure("records.V", "slow", "hold.max.bytes", "0", "dispatch.wait.ms", "10000");
        offer(0, 2);
        Thread.currentThread().interrupt();
        offer(2, 3);
        assertTrue(Thread.interrupted());
        Failure failure = source.onlyOutcome().failure();
        assertEquals(Failure.Kind.FULL, failure.kind());
        assertTrue(failure.reason().contains("interrupted"), failure.reason());
        CompletableFuture<Void> waiting = offerAndWait("slow", record("V", "3"));
        slow.confirm(1);
        waiting.join();
        slow.confirm(2);
        assertEquals(List.of("0", "1", "3"), slow.stored());
    }

    @Test
    void an_offer_that_waits_for_room_goes_through_when_the_datastore_appears() {
        configure("records.V", "late", "hold.max.bytes", "700", "dispatch.wait.ms", "20000");
        offer(0, 3);
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> offer(3, 4));
        Store late = Store.open();
        host.bind("late", late);
        waiting.join();
        source.awaitEnded(4);
        assertEquals(numbers(0, 4), late.stored());
    }

    @Test
    void all_offers_that_wait_for_room_go_through_when_the_datastore_appears() {
        configure("records.V", "late", "hold.max.bytes", "0", "dispatch.wait.ms", "10000");
        offer(0, 1);
        CompletableFuture<?>[] waiting = IntStream.range(1, 9)
                .mapToObj(i -> offerAndWait("late", record("V", "" + i)))
                .toArray(CompletableFuture[]::new);
        Store late = Store.bounded(9);
        host.bind("late", late);
        CompletableFuture.allOf(waiting).join();
        assertTrue(isRunning("telemetry-hold-late"), "they were not woken by its end, which wakes them in any case");
        late.confirm(9);
        source.awaitEnded(9);
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
    }

    @Test
    void a_full_or_absent_datastore_does_not_delay_another() {
        Store fast = Store.open();
        host.bind("fast", fast);
        configure("records.V", "never", "records.alerts", "fast");
        offer(0, 10);
        intake.offer(record("alerts", "a"));
        assertSame(Outcome.CONFIRMED, source.onlyOutcome());
        assertEquals(List.of("a"), fast.stored());
    }

    @Test
    void what_can_be_handed_over_does_not_expire() {
        configure("records.V", "nats", "records.clock", "nobody", "hold.max.ms", "1000");
        offer(0, 5);
        CountDownLatch release = new CountDownLatch(1);
        Store store = Store.open();
        host.bind("nats", (record, receipt) -> {
            awaitLatch(release);
            store.produce(record, receipt);
        });
        awaitHoldMax();
        release.countDown();
        source.awaitEnded(5);
        assertEquals(numbers(0, 5), store.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
    }

    @Test
    void one_that_refuses_later_again_and_again_does_not_keep_a_record_for_ever() {
        ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
        Failure full = new Failure(Failure.Kind.FULL, "full by the test");
        host.bind(
                "nats",
                (record, receipt) -> later.schedule(() -> receipt.failed(record, full), 5, TimeUnit.MILLISECONDS));
        configure("records.V", "nats", "hold.max.ms", "500");
        try {
            offer(0, 3);
            source.awaitEnded(3);
        } finally {
            host.bind("nats", null);
            later.shutdown();
        }
        assertTrue(source.outcomes().stream()
                .allMatch(outcome -> outcome.failure().kind() == Failure.Kind.EXPIRED
                        && outcome.failure().reason().contains("full by the test")));
    }

    @Test
    void an_error_of_a_datastore_does_not_end_the_handing_over_of_what_is_held() {
        Store a = Store.open();
        configure("records.V", "a");
        offer(0, 2);
        host.bind("a", (record, receipt) -> {
            if (record.txid().equals("0")) {
                throw new StackOverflowError("on purpose");
            }
            a.produce(record, receipt);
        });
        source.awaitEnded(2);
        assertEquals(List.of("1"), a.stored());
    }

    @Test
    void what_the_host_fails_is_in_the_log_but_no_line_for_every_record() {
        configure("records.V", "never", "records.alerts", "full", "hold.max.ms", "50");
        offer(0, 10);
        source.awaitEnded(10);
        await().atMost(SOON).until(() -> !log.of("record_failed").isEmpty());
        assertEquals(
                List.of("record_failed datastore=never kind=EXPIRED reason=\"held for hold.max.ms = 50 because the"
                        + " datastore 'never' is absent\" vin=\"VIN\" record_type=\"V\" txid=\"0\" left_out=0"),
                log.of("record_failed"));

        configure("records.alerts", "full", "hold.max.bytes", "0", "dispatch.wait.ms", "0");
        intake.offer(record("alerts", "a"));
        intake.offer(record("alerts", "b"));
        await().atMost(SOON).until(() -> log.of("record_failed").size() == 2);
        assertTrue(log.of("record_failed").get(1).startsWith("record_failed datastore=full kind=FULL "));
    }

    @Test
    void closing_fails_what_is_held_and_leaves_no_thread() {
        configure("records.V", "never");
        offer(0, 5);
        host.close();
        source.awaitEnded(5);
        assertEquals(Failure.Kind.CLOSED, source.outcomes().get(0).failure().kind());
        offer(5, 6);
        assertEquals(
                Failure.Kind.CLOSED,
                source.awaitEnded(6).outcomes().get(5).failure().kind());
        assertFalse(isRunning("telemetry-hold-never"));
    }

    @Test
    void the_holds_thread_ends_when_nothing_is_left_to_do() {
        configure("records.V", "quiet");
        offer(0, 1);
        host.bind("quiet", Store.open());
        source.awaitEnded(1);
        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().equals("telemetry-hold-quiet")));
    }

    @Test
    void a_host_that_stops_waits_for_what_it_holds_and_for_what_is_in_flight() {
        Store slow = Store.bounded(2);
        host.bind("nats", slow);
        configure("records.V", "nats");
        offer(0, 10);
        CompletableFuture<Void> stopping = CompletableFuture.runAsync(() -> {
            host.drain();
            host.close();
        });
        slow.confirm(10);
        source.awaitEnded(10);
        assertEquals(numbers(0, 10), slow.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
        stopping.join();
    }

    @Test
    void it_does_not_wait_for_what_nobody_can_take_nor_for_a_datastore_that_ends_nothing() {
        configure("records.V", "nats", "records.alerts", "absent", "hold.max.ms", "600000");
        Store stuck = Store.bounded(2);
        host.bind("nats", stuck);
        offer(0, 5);
        intake.offer(record("alerts", "x"));
        long begin = System.nanoTime();
        host.drain();
        assertTrue(System.nanoTime() - begin < Duration.ofSeconds(9).toNanos(), "before the limit of all");
        host.close();
        source.awaitEnded(4);
        assertTrue(source.outcomes().stream()
                .allMatch(outcome -> outcome.failure().reason().contains("the host was stopped")));
        stuck.confirm(2);
        source.awaitEnded(6);
    }
}
