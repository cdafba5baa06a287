package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Producers that come, go, follow one another, refuse and throw. */
class TargetTest extends HostFixture {

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
        assertEquals(List.of(), log.of("datastore_error"), "it may be waiting for its server");
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
    void what_the_datastore_fails_is_for_the_datastore_to_log() {
        Store store = Store.bounded(1);
        host.bind("nats", store);
        configure("records.V", "nats");
        offer(0, 1);
        store.fail(new Failure(Failure.Kind.DENIED, "no"));
        source.awaitEnded(1);
        assertEquals(List.of(), log.of("record_failed"));
    }
}
