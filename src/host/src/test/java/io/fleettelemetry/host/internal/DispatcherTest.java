package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import io.prometheus.client.Collector;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DispatcherTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final LogLines log = new LogLines();
    private final Counts counts = new Counts();
    private final Dispatcher host = new Dispatcher(counts);
    private final Recorder source = new Recorder();
    private final Intake intake = host.open(source);

    @AfterEach
    void close() {
        host.close();
        log.close();
    }

    private void configure(String... keysAndValues) {
        Map<String, String> properties = new HashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            properties.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        host.configure(HostSettings.parse(properties));
    }

    private static TelemetryRecord record(String type, String txid) {
        return TelemetryRecord.of("VIN", type, txid, new byte[100], Map.of());
    }

    private void offer(int from, int to) {
        IntStream.range(from, to).forEach(i -> intake.offer(record("V", "" + i)));
    }

    private static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }

    /** Until hold.max.ms has passed, which is when what is held for an absent datastore fails; needs records.clock. */
    private void awaitHoldMax() {
        Recorder clock = new Recorder();
        host.open(clock).offer(record("clock", ""));
        clock.awaitEnded(1);
    }

    /** Offers a record on a thread of its own, and returns when it has come as far as this datastore, which has no room. */
    private CompletableFuture<Void> offerAndWait(String datastore, TelemetryRecord record) {
        long before = status(datastore).offered();
        CompletableFuture<Void> waiting =
                CompletableFuture.runAsync(() -> intake.offer(record), task -> new Thread(task).start());
        await().pollInterval(Duration.ofMillis(1))
                .atMost(SOON)
                .until(() -> status(datastore).offered() > before);
        return waiting;
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void awaitNanoTime(long nanoTime) {
        await().atMost(SOON).until(() -> System.nanoTime() - nanoTime >= 0);
    }

    private HostStatus.Datastore status(String name) {
        return host.status().datastores().stream()
                .filter(d -> d.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void a_record_goes_to_every_datastore_of_its_type_and_is_confirmed_when_all_have_confirmed() {
        Store a = Store.bounded(9);
        Store b = Store.bounded(9);
        host.bind("a", a);
        host.bind("b", b);
        configure("records.V", "a, b");
        offer(0, 1);
        a.confirm(1);
        assertEquals(0, source.ended().size());
        b.confirm(1);
        assertSame(Outcome.CONFIRMED, source.onlyOutcome());
    }

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
    void a_record_fails_with_the_first_failure_of_any_datastore_when_all_have_ended() {
        Store a = Store.bounded(9);
        Store b = Store.bounded(9);
        host.bind("a", a);
        host.bind("b", b);
        configure("records.V", "a,b");
        offer(0, 1);
        b.fail(new Failure(Failure.Kind.DENIED, "no"));
        a.confirm(1);
        Outcome outcome = source.onlyOutcome();
        assertFalse(outcome.confirmed());
        assertEquals("b", outcome.datastore());
        assertEquals(new Failure(Failure.Kind.DENIED, "no"), outcome.failure());
    }

    @Test
    void a_record_without_a_route_fails_and_the_reason_says_what_to_write() {
        configure("records.alerts", "a");
        offer(0, 1);
        assertTrue(source.onlyOutcome().failure().reason().contains("records.V = <datastore>"));
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
    void the_hosts_metrics_have_the_go_servers_names_and_labels() {
        host.bind("nats", Store.open());
        configure("records.V", "nats", "reliable_ack_sources.V", "nats");
        offer(0, 3);
        intake.offer(record("unrouted", "x"));
        source.awaitEnded(4);
        Map<String, Double> values = new TreeMap<>();
        new HostCollector(counts).collect().forEach(family -> {
            assertEquals(Collector.Type.COUNTER, family.type);
            family.samples.forEach(
                    sample -> values.put(sample.name + sample.labelNames + sample.labelValues, sample.value));
        });
        assertEquals(
                Map.of(
                        "dispatch_total[record_type][V]", 3.0,
                        "dispatch_total[record_type][_other]", 1.0,
                        "record_total[record_type][V]", 3.0,
                        "record_total[record_type][_other]", 1.0,
                        "record_size_bytes_total[record_type][V]", 300.0,
                        "record_size_bytes_total[record_type][_other]", 100.0,
                        "reliable_ack[record_type, dispatcher][V, nats]", 3.0),
                values);
    }

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
    void a_replacement_gets_what_its_predecessor_gave_back_before_anything_newer() {
        Store old = Store.bounded(1_000);
        Store replacement = Store.open();
        host.bind("nats", old);
        configure("records.V", "nats");
        offer(0, 10);
        old.confirm(2);
        host.bind("nats", replacement);
        offer(10, 20);
        assertEquals(List.of(), replacement.stored(), "nothing overtakes what is in flight at the predecessor");
        old.close();
        source.awaitEnded(20);
        assertEquals(numbers(2, 20), replacement.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
    }

    @Test
    void what_a_predecessor_gives_back_after_hold_max_ms_and_what_waits_for_it_does_not_expire() {
        Store old = Store.bounded(10);
        Store replacement = Store.open();
        configure("records.V", "nats", "records.clock", "nobody", "hold.max.ms", "1000");
        host.bind("nats", old);
        offer(0, 5);
        host.bind("nats", replacement);
        offer(5, 10);
        awaitHoldMax();
        old.close();
        source.awaitEnded(10);
        assertEquals(numbers(0, 10), replacement.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
    }

    @Test
    void nor_does_it_while_one_has_gone_and_the_next_has_yet_to_come() {
        Store old = Store.bounded(10);
        Store replacement = Store.open();
        configure("records.V", "nats", "records.clock", "nobody", "hold.max.ms", "1000");
        host.bind("nats", old);
        offer(0, 5);
        host.bind("nats", null);
        offer(5, 10);
        awaitHoldMax();
        old.close();
        host.bind("nats", replacement);
        source.awaitEnded(10);
        assertEquals(numbers(0, 10), replacement.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
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
    void a_predecessor_that_does_not_answer_is_waited_for_as_long_as_a_record_is_held_and_two_seconds_more() {
        Store away = Store.bounded(10);
        host.bind("nats", away);
        configure("records.V", "nats", "hold.max.ms", "100");
        offer(0, 3);
        long before = System.nanoTime();
        Store spare = Store.open();
        host.bind("nats", spare);
        offer(3, 6);
        source.awaitEnded(3);
        assertTrue(System.nanoTime() - before > Duration.ofMillis(2_100).toNanos());
        assertEquals(numbers(3, 6), spare.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
        assertEquals(List.of(), log.of("producer_error"), "it may be waiting for its server");
        assertEquals(1, log.of("records_overtaken").size());
        assertTrue(log.of("records_overtaken").get(0).contains(" datastore=nats records=3 "));

        away.confirm(1);
        away.close();
        source.awaitEnded(6);
        assertEquals(List.of("3", "4", "5", "1", "2"), spare.stored());
    }

    @Test
    void one_that_goes_because_it_cannot_work_is_not_waited_for() {
        Store fallen = Store.bounded(10);
        host.bind("nats", fallen);
        configure("records.V", "nats", "hold.max.ms", "60000");
        offer(0, 5);
        fallen.fall();
        Store spare = Store.open();
        host.bind("nats", spare);
        offer(5, 10);
        source.awaitEnded(5);
        assertEquals(numbers(5, 10), spare.stored());
        host.bind("nats", fallen); // it has mended
        fallen.confirm(5);
        offer(10, 11);
        fallen.confirm(1);
        source.awaitEnded(11);
        assertEquals(List.of("0", "1", "2", "3", "4", "10"), fallen.stored());
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
    }

    @Test
    void what_one_that_cannot_work_still_has_delays_no_later_replacement() {
        Store fallen = Store.bounded(10);
        host.bind("nats", fallen);
        configure("records.V", "nats", "hold.max.ms", "60000");
        offer(0, 5);
        fallen.fall();
        Store spare = Store.bounded(10);
        host.bind("nats", spare);
        offer(5, 10);
        Store next = Store.open();
        host.bind("nats", next);
        offer(10, 15);
        spare.close();
        source.awaitEnded(10);
        assertEquals(numbers(5, 15), next.stored());
        assertEquals(5, fallen.inFlight());
    }

    @Test
    void what_one_that_cannot_work_gives_back_in_the_end_does_not_expire_before_the_next_has_come() {
        configure("records.V", "nats", "records.clock", "nobody", "hold.max.ms", "1000");
        offer(0, 3);
        Store fallen = Store.bounded(10);
        host.bind("nats", fallen);
        await().atMost(SOON).until(() -> fallen.inFlight() == 3);
        awaitHoldMax();
        fallen.fall();
        host.bind("nats", null);
        fallen.close();
        long back = System.nanoTime();
        awaitNanoTime(back + Duration.ofMillis(100).toNanos());
        Store next = Store.open();
        host.bind("nats", next);
        source.awaitEnded(3);
        assertEquals(numbers(0, 3), next.stored());
    }

    @Test
    void one_that_goes_and_comes_back_does_not_wait_for_what_it_has_itself() {
        Store store = Store.bounded(10);
        Store other = Store.open();
        configure("records.V", "nats", "hold.max.ms", "60000");
        host.bind("nats", store);
        offer(0, 3);
        host.bind("nats", other);
        offer(3, 6);
        host.bind("nats", store);
        await().atMost(SOON).until(() -> store.inFlight() == 6);
        store.confirm(6);
        source.awaitEnded(6);
        assertEquals(numbers(0, 6), store.stored());
        assertEquals(List.of(), other.stored());

        offer(6, 8);
        host.bind("nats", other);
        offer(8, 10);
        assertEquals(List.of(), other.stored(), "it is waited for as before");
        store.confirm(2);
        source.awaitEnded(10);
        assertEquals(numbers(8, 10), other.stored());
    }

    @Test
    void one_that_answers_twice_delays_no_replacement() {
        host.bind("nats", (record, receipt) -> {
            receipt.confirmed(record);
            receipt.confirmed(record);
        });
        configure("records.V", "nats", "hold.max.ms", "60000");
        offer(0, 3);
        Store next = Store.open();
        host.bind("nats", next);
        offer(3, 6);
        source.awaitEnded(6);
        assertEquals(numbers(3, 6), next.stored());
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
    void whatever_is_not_well_is_among_the_problems_with_its_way_out() {
        configure("records.V", "nats,nobody");
        Status waits = new Status(Status.State.WARN, "connecting to nats://a:1, records wait: refused", Map.of());
        AtomicReference<Status> status = new AtomicReference<>(waits);
        host.bind("nats", new Producer() {
            @Override
            public void produce(TelemetryRecord record, Receipt receipt) {
                receipt.confirmed(record);
            }

            @Override
            public Status status() {
                return status.get();
            }
        });
        String nobody = "datastore nobody is CRITICAL: no bundle offers it";
        assertEquals(
                List.of("datastore nats is WARN: connecting to nats://a:1, records wait: refused", nobody),
                host.status().problems());
        status.set(Status.UNKNOWN);
        assertEquals(List.of(nobody), host.status().problems());
        status.set(new Status(Status.State.OK, "connected", Map.of()));
        host.bind("nobody", Store.open());
        assertEquals(List.of(), host.status().problems());
    }

    @Test
    void what_is_said_of_a_datastore_without_a_producer_is_its_status() {
        configure("records.V", "nats");
        assertEquals(Status.State.CRITICAL, status("nats").status().state());
        assertEquals("no bundle offers it", status("nats").status().summary());
        Status down = new Status(Status.State.CRITICAL, "withdrawn", Map.of("k", "v"));
        host.health("nats", () -> down);
        assertSame(down, status("nats").status());
        assertFalse(status("nats").present());

        host.bind("nats", Store.open());
        assertEquals(Status.State.OK, status("nats").status().state());
        assertEquals(
                List.of("another datastore 'nats' has taken over: withdrawn"),
                host.status().problems());
        host.health("nats", () -> new Status(Status.State.OK, "back", Map.of()));
        assertEquals(List.of(), host.status().problems());
    }

    @Test
    void a_datastore_without_a_route_is_shown_as_long_as_somebody_says_how_it_is() {
        host.health("spare", () -> new Status(Status.State.CRITICAL, "withdrawn", Map.of()));
        assertEquals("withdrawn", status("spare").status().summary());
        host.health("spare", null);
        assertEquals(List.of(), host.status().datastores());
    }

    @Test
    void nothing_is_lost_or_reordered_while_producers_come_and_go_under_load() throws Exception {
        configure("records.V", "nats");
        int vehicles = 4;
        int each = 5_000;
        List<Store> stores = IntStream.range(0, 30).mapToObj(i -> Store.open()).toList();
        List<Thread> gateways = IntStream.range(0, vehicles)
                .mapToObj(v -> new Thread(() -> IntStream.range(0, each)
                        .forEach(i ->
                                intake.offer(TelemetryRecord.of("VIN" + v, "V", v + ":" + i, new byte[10], Map.of())))))
                .toList();
        gateways.forEach(Thread::start);
        Store before = null;
        for (Store store : stores) {
            host.bind("nats", store);
            if (before != null) {
                before.close();
            }
            before = store;
            int stored = source.ended().size();
            await().atMost(SOON)
                    .until(() -> source.ended().size() > stored + 50
                            || source.ended().size() == vehicles * each);
        }
        for (Thread gateway : gateways) {
            gateway.join();
        }
        source.awaitEnded(vehicles * each);
        assertTrue(source.outcomes().stream().allMatch(Outcome::confirmed));
        for (int v = 0; v < vehicles; v++) {
            String prefix = v + ":";
            List<String> arrived = stores.stream()
                    .flatMap(store -> store.stored().stream())
                    .filter(txid -> txid.startsWith(prefix))
                    .toList();
            assertEquals(IntStream.range(0, each).mapToObj(i -> prefix + i).toList(), arrived);
        }
    }

    @Test
    void a_new_route_is_in_force_with_the_next_record() {
        Store a = Store.open();
        Store b = Store.open();
        host.bind("a", a);
        host.bind("b", b);
        configure("records.V", "a");
        offer(0, 2);
        configure("records.V", "b");
        offer(2, 4);
        configure("records.V", "a,b");
        offer(4, 6);
        source.awaitEnded(6);
        assertEquals(List.of("0", "1", "4", "5"), a.stored());
        assertEquals(List.of("2", "3", "4", "5"), b.stored());
    }

    @Test
    void a_datastore_that_throws_fails_that_record_only() {
        boolean[] broken = {true};
        Producer throwing = (record, receipt) -> {
            if (broken[0]) {
                throw new IllegalStateException("on purpose");
            }
            receipt.confirmed(record);
        };
        host.bind("a", throwing);
        configure("records.V", "a");
        offer(0, 1);
        broken[0] = false;
        offer(1, 2);
        source.awaitEnded(2);
        assertTrue(source.outcomes().get(0).failure().reason().contains("on purpose"));
        assertTrue(source.outcomes().get(1).confirmed());
    }

    @Test
    void an_error_of_a_datastore_fails_that_record_and_the_next_datastore_gets_it() {
        Store next = Store.open();
        host.bind("a", (record, receipt) -> {
            throw new StackOverflowError("on purpose");
        });
        host.bind("b", next);
        configure("records.V", "a,b");
        offer(0, 1);
        assertTrue(source.onlyOutcome().failure().reason().contains("on purpose"));
        assertEquals(List.of("0"), next.stored());
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
        await().atMost(SOON).until(() -> log.of("source_error").size() == 1);
        itsIntake.offer(record("V", "1"));
        assertEquals("1", refreshed.awaitEnded(1).ended().get(0).txid());
    }

    @Test
    void a_source_hears_of_its_records_although_there_is_no_thread_to_be_had() {
        host.bind("a", Store.open());
        configure("records.V", "a", "reliable_ack_sources.V", "a");
        Tellers none = new Tellers(task -> {
            throw new Error("as an OutOfMemoryError would be, but JUnit ends at one");
        });
        Line line = new Line(host, source, none);
        line.offer(record("V", "0"));
        line.offer(record("V", "1"));
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
    void what_the_datastore_fails_is_for_the_datastore_to_log() {
        Store store = Store.bounded(1);
        host.bind("nats", store);
        configure("records.V", "nats");
        offer(0, 1);
        store.fail(new Failure(Failure.Kind.DENIED, "no"));
        source.awaitEnded(1);
        assertEquals(List.of(), log.of("record_failed"));
    }

    private static boolean isRunning(String thread) {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(one -> one.getName().equals(thread));
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
    void a_destination_is_what_the_datastores_of_the_route_name() {
        host.bind("a", new Producer() {
            @Override
            public void produce(TelemetryRecord record, Receipt receipt) {
                receipt.confirmed(record);
            }

            @Override
            public String destination(TelemetryRecord record) {
                return "subject." + record.vin();
            }
        });
        host.bind("b", Store.open());
        configure("records.V", "b,a,absent");
        assertEquals("subject.VIN", host.destination(record("V", "1")));
        assertEquals("", host.destination(record("alerts", "1")));
        assertEquals("subject.VIN", host.destination(record("V", "1"), "a"));
        assertEquals("", host.destination(record("V", "1"), "b"));
        assertEquals("", host.destination(record("V", "1"), "unheard-of"));
        assertNotNull(status("absent"));
    }
}
