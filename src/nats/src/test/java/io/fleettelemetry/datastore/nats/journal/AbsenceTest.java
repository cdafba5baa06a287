package io.fleettelemetry.datastore.nats.journal;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.Outcomes;
import io.fleettelemetry.datastore.nats.Records;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** One stream stores all records, and is away for a while: a server in memory, and a clock of the test's own. */
class AbsenceTest {

    private static final long MILLI = 1_000_000;

    private long now = Long.MAX_VALUE - 1_000; // it may run over
    private final Journal journal = new Journal(
            NatsSettings.parse(Map.of("delivery", "jetstream")),
            new FrameEncoder(new Subjects("ns"), "id-", "_INBOX.test"),
            () -> now);
    private final Step step = new Step();
    private final Outcomes outcomes = new Outcomes();
    private long offered;

    /** By their numbers: records that no stream hears, as the server says, and records that are lost on the way. */
    private LongPredicate unheard = number -> false;

    private LongPredicate lost = number -> false;
    /** Whether one stream stores all. */
    private boolean one = true;
    /** Whether PubAcks arrive. */
    private boolean acknowledges = true;
    /** Whether barriers are answered, and the one that is not. */
    private boolean pongs = true;

    private Mark barrier;

    /** What the server got, and what it stored, in order. */
    private final List<Long> got = new ArrayList<>();

    private final Set<Long> stored = new LinkedHashSet<>();

    AbsenceTest() {
        Thread idle = new Thread(() -> {});
        journal.servedBy(idle, idle);
        journal.opened(wire());
        pass(2);
    }

    private static Wire wire() {
        return (Wire) Proxy.newProxyInstance(
                Wire.class.getClassLoader(),
                new Class<?>[] {Wire.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "equals" -> proxy == arguments[0];
                    case "hashCode" -> System.identityHashCode(proxy);
                    case "maxPayload" -> 1_000_000L;
                    case "takesHeaders" -> true;
                    default -> null;
                });
    }

    private void offer(int records) {
        for (int i = 0; i < records; i++) {
            assertNull(journal.offer(Records.record("VIN" + offered++ % 10, "V", new byte[10]), outcomes));
        }
    }

    /** Lets so much time pass, and every thread do its work in each millisecond. */
    private void pass(int millis) {
        for (int i = 0; i < millis; i++) {
            now += MILLI;
            Wire fresh = journal.uninspected();
            if (fresh != null) {
                journal.inspect(fresh, new Ended());
            }
            List<Long> written = write();
            Mark begun = journal.takeMark();
            barrier = begun == null ? barrier : begun;
            if (barrier != null && pongs) {
                journal.passed(barrier, Judgement.NOTHING_DENIED, new Ended());
                barrier = null;
            }
            written.forEach(this::serve);
            journal.release(journal.takeAnswered(new Ended()));
        }
    }

    private List<Long> write() {
        List<Long> written = new ArrayList<>();
        for (journal.next(step); step.kind == Step.Kind.WRITE; journal.next(step)) {
            for (int i = 0; i < step.rangeCount; i++) {
                String frames = new String(
                        step.block.bytes, step.ranges[2 * i], step.ranges[2 * i + 1] - step.ranges[2 * i], US_ASCII);
                for (String frame : frames.split("HPUB ")) {
                    if (!frame.isEmpty()) {
                        written.add(FrameEncoder.numberOf(frame.split(" ")[1]));
                    }
                }
            }
            journal.wrote(step);
        }
        return written;
    }

    private void serve(long number) {
        got.add(number);
        if (lost.test(number)) {
            return;
        }
        if (unheard.test(number)) {
            journal.postponed(number, one);
        } else {
            stored.add(number);
            if (acknowledges) {
                journal.stored(number);
            }
        }
    }

    private void assertStoredInOrder(long records) {
        assertEquals(LongStream.range(0, records).boxed().toList(), List.copyOf(stored));
        assertEquals(0, journal.records());
    }

    @Test
    void a_barrier_that_is_out_while_the_stream_is_away_is_still_in_force_when_it_is_answered() {
        pongs = false;
        unheard = number -> true;
        offer(1);
        pass(100);
        assertTrue(journal.isInForce(barrier), "else the connection would be given up");
        pongs = true;
        unheard = number -> false;
        pass(1_000);
        assertEquals(1, stored.size());
    }

    @Test
    void nothing_newer_is_written_while_the_stream_is_away_and_all_in_its_order_once_it_is_back() {
        offer(10);
        pass(1);
        unheard = number -> true;
        offer(10);
        pass(1);
        assertEquals(20, got.size());
        got.clear();
        for (int i = 0; i < 5_000; i++) {
            offer(1);
            pass(1);
        }
        assertTrue(got.size() <= 20, got.size() + " records asked whether the stream is back");
        assertTrue(
                got.size() >= 15, "it would be noticed within 250 ms, not after " + got.size() + " questions in 5 s");
        assertTrue(got.stream().allMatch(number -> number < 40), got + ": the oldest ones");
        unheard = number -> false;
        pass(300);
        long first = List.copyOf(stored).get(10);
        assertTrue(first < 30, "the record that asked: " + first);
        stored.remove(first);
        stored.add(first);
        List<Long> others = new ArrayList<>(stored);
        others.remove(first);
        assertEquals(others.stream().sorted().toList(), others, "but for it, all is in order");
        assertEquals(5_020, stored.size());
        assertEquals(0, journal.records());
    }

    @Test
    void records_that_were_lost_on_the_way_are_written_ahead_of_newer_ones() {
        lost = number -> true;
        offer(10);
        pass(1);
        lost = number -> false;
        unheard = number -> true;
        offer(10);
        pass(5);
        unheard = number -> false;
        offer(1_000);
        pass(900);
        assertEquals(0, stored.size(), "the first ten may yet be answered");
        pass(1_000);
        assertStoredInOrder(1_020);
    }

    @Test
    void a_record_that_was_stored_but_not_acknowledged_is_written_again_in_its_place() {
        acknowledges = false;
        offer(10);
        pass(1);
        acknowledges = true;
        unheard = number -> number >= 10;
        offer(10);
        pass(5);
        unheard = number -> false;
        offer(10);
        pass(2_000);
        assertStoredInOrder(30);
    }

    @Test
    void a_record_that_alone_is_not_heard_holds_up_no_others() {
        unheard = number -> number == 1_000;
        for (int ms = 0; ms < 3_000; ms++) {
            offer(5);
            pass(1);
            assertTrue(journal.records() < 200, () -> journal.records() + " wait");
        }
    }

    @Test
    void it_does_not_though_hardly_anything_is_offered() {
        unheard = number -> number == 0;
        offer(1);
        for (int i = 1; i < 20; i++) {
            offer(1);
            pass(1_000);
            assertTrue(stored.contains((long) i), i + " within a second");
        }
        unheard = number -> false;
        pass(20_000);
        assertEquals(0, journal.records());
    }

    @Test
    void where_several_streams_store_one_that_is_away_holds_up_no_other() {
        one = false;
        unheard = number -> number % 10 == 3; // VIN3's
        for (int i = 0; i < 300; i++) {
            offer(10);
            pass(10);
        }
        pass(1_000);
        assertEquals(300 * 9, stored.size(), "and it is away still");
        assertEquals(300, journal.records());
    }

    @Test
    void a_new_wire_may_lead_to_the_stream_at_once() {
        unheard = number -> true;
        offer(10);
        pass(2_000);
        unheard = number -> false;
        journal.opened(wire());
        pass(2);
        assertStoredInOrder(10);
    }

    @Test
    void unheard_answers_do_not_make_the_window_smaller() {
        int window = journal.window();
        unheard = number -> true;
        offer(100);
        pass(2_000);
        unheard = number -> false;
        pass(300);
        assertEquals(window, journal.window());
        assertEquals(0, journal.records());
    }
}
