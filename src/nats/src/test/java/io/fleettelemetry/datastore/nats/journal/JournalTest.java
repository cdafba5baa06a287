package io.fleettelemetry.datastore.nats.journal;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.Outcomes;
import io.fleettelemetry.datastore.nats.Records;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class JournalTest {

    private static final Wire WIRE = new TestWire();

    private long now = Long.MAX_VALUE - 1_000_000; // it may run over
    private Duration ahead = Duration.ZERO;
    private final Journal journal = new Journal(
            NatsSettings.parse(Map.of()),
            new FrameEncoder(new Subjects("ns"), "", ""),
            () -> System.nanoTime() + ahead.toNanos());
    private final Step step = new Step();

    JournalTest() {
        Thread idle = new Thread(() -> {});
        journal.servedBy(idle, idle);
    }

    @Test
    void records_that_are_written_one_by_one_while_no_barrier_answers_share_their_blocks() {
        journal.opened(WIRE);
        journal.next(step);
        journal.inspect(journal.uninspected(), new Ended());
        Set<Block> blocks = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < 700; i++) {
            journal.offer(Records.record("VIN", "V", new byte[100]), new Outcomes());
            journal.next(step);
            assertEquals(Step.Kind.WRITE, step.kind);
            assertEquals(1, step.rangeCount, "only what is new");
            blocks.add(step.block);
            journal.wrote(step);
        }
        assertEquals(700, journal.records());
        assertTrue(blocks.size() <= 700 * 130 / Block.SIZE + 1, blocks.size() + " blocks");
        assertEquals(0, journal.unsent());
    }

    @Test
    void new_settings_do_not_wait_for_records_offered_in_the_meantime() {
        journal.opened(WIRE);
        journal.next(step);
        journal.inspect(journal.uninspected(), new Ended());
        journal.offer(Records.record("VIN", "V", new byte[100]), new Outcomes());
        journal.next(step);
        journal.wrote(step);
        journal.next(step);
        AtomicInteger moved = new AtomicInteger();
        Wire other = new TestWire();
        journal.prepare(other, journal.encoder(), journal.settings(), moved::incrementAndGet);
        journal.offer(Records.record("VIN", "V", new byte[100]), new Outcomes()); // into the same block
        journal.next(step);
        assertEquals(0, moved.get(), "what was written is not proven yet");
        assertEquals(1, settle().size());
        journal.next(step);
        assertEquals(1, moved.get());
        journal.inspect(journal.uninspected(), new Ended());
        journal.next(step);
        assertEquals(other, step.wire);
        assertEquals(1, step.rangeCount);
        journal.wrote(step);
        assertEquals(0, journal.unsent());
    }

    @Test
    void an_inspection_for_an_old_wire_does_not_count_for_the_next_one() {
        journal.opened(WIRE);
        journal.next(step);
        Wire old = journal.uninspected();
        Wire other = new TestWire();
        journal.opened(other);
        journal.next(step);
        journal.inspect(old, new Ended());
        assertEquals(other, journal.uninspected());
        journal.inspect(other, new Ended());
        assertNull(journal.uninspected());
    }

    // ---- The heap is full ------------------------------------------------------------------------------------------

    /** Has no room for more than these. */
    private static final class Full extends Ended {
        private int room;

        Full(int room) {
            this.room = room;
        }

        @Override
        void reserve(int moreBlocks, int moreRecords) {
            room -= moreBlocks + moreRecords;
            if (room < 0) {
                throw new OutOfMemoryError("by the test");
            }
            super.reserve(moreBlocks, moreRecords);
        }
    }

    /** Goes through what has ended, all of which has failed so, or is confirmed if this is null. */
    private static List<TelemetryRecord> end(Journal journal, Ended ended, Failure failure) {
        List<TelemetryRecord> records = new ArrayList<>();
        do {
            while (ended.next()) {
                records.add(ended.record());
                assertNotNull(ended.receipt());
                assertEquals(failure, ended.failure());
            }
        } while (journal.release(ended));
        return records;
    }

    private void offer(int count) {
        for (int i = 0; i < count; i++) {
            journal.offer(Records.record("VIN", "V", new byte[100]), new Outcomes());
        }
    }

    @Test
    void a_record_that_there_is_no_memory_to_end_has_not_ended() {
        offer(10);
        Ended full = new Full(3);
        Failure why = new Failure(Failure.Kind.CLOSED, "by the test");
        assertThrows(OutOfMemoryError.class, () -> journal.fail(why, full));
        assertEquals(3, end(journal, full, why).size());
        assertEquals(7, journal.records());
        Ended ended = new Ended();
        journal.fail(why, ended);
        assertEquals(7, end(journal, ended, why).size());
        assertEquals(0, journal.records());
        assertEquals(0, journal.bytes());
    }

    @Test
    void a_barrier_that_there_is_no_memory_to_settle_proves_nothing_and_the_next_one_does() {
        journal.opened(WIRE);
        journal.next(step);
        journal.inspect(WIRE, new Ended());
        offer(10);
        journal.next(step);
        journal.wrote(step);
        journal.next(step);
        Mark mark = journal.takeMark();
        offer(1); // into the same block
        Ended full = new Full(3);
        assertThrows(OutOfMemoryError.class, () -> journal.passed(mark, Judgement.NOTHING_DENIED, full));
        assertTrue(full.isEmpty());
        assertEquals(11, journal.records());
        int confirmed = 0;
        for (int i = 0; i < 100 && journal.records() > 0; i++) {
            journal.next(step);
            if (step.kind == Step.Kind.WRITE) {
                journal.wrote(step);
            }
            if (journal.uninspected() != null) {
                journal.inspect(journal.uninspected(), new Ended());
            }
            confirmed += settle().size();
        }
        assertEquals(11, confirmed);
        assertEquals(0, journal.bytes());
    }

    // ---- Time passes -----------------------------------------------------------------------------------------------

    private final Journal aging = new Journal(
            NatsSettings.parse(Map.of("confirm.timeout.ms", "1000")),
            new FrameEncoder(new Subjects("ns"), "", ""),
            () -> now);

    private void offerAging() {
        assertNull(aging.offer(Records.record("VIN", "V", new byte[100]), new Outcomes()));
    }

    private void openAging() {
        Thread idle = new Thread(() -> {});
        aging.servedBy(idle, idle);
        aging.opened(WIRE);
        aging.next(step);
        aging.inspect(aging.uninspected(), new Ended());
    }

    private int expire() {
        Ended ended = new Ended();
        if (aging.hasExpired()) {
            aging.expire(DENIED, ended);
        }
        return end(aging, ended, DENIED).size();
    }

    private int settleAging() {
        return settle(aging).size();
    }

    @Test
    void a_record_that_expires_behind_frames_on_the_wire_ends_and_holds_up_nothing() {
        openAging();
        offerAging();
        aging.next(step);
        aging.wrote(step);
        offerAging(); // into the same block
        pass(Duration.ofSeconds(2));
        assertEquals(1, expire(), "what is on the wire waits for its barrier, what is not does not");
        aging.next(step);
        assertEquals(Step.Kind.PARK, step.kind);
        assertEquals(1, settleAging());
        offerAging();
        aging.next(step);
        assertEquals(Step.Kind.WRITE, step.kind);
        aging.wrote(step);
        aging.next(step);
        assertEquals(1, settleAging());
        assertEquals(0, aging.records());
    }

    @Test
    void a_lower_confirm_timeout_applies_to_records_in_flight() {
        openAging();
        NatsSettings longer = NatsSettings.parse(Map.of("confirm.timeout.ms", "100000"));
        assertTrue(aging.use(aging.settings(), longer));
        offerAging();
        assertTrue(aging.use(longer, NatsSettings.parse(Map.of("confirm.timeout.ms", "1000"))));
        offerAging();
        pass(Duration.ofMillis(999));
        assertEquals(0, expire());
        pass(Duration.ofMillis(2));
        assertEquals(2, expire());
        assertEquals(0, aging.records());
    }

    @Test
    void a_record_has_its_whole_time_though_both_threads_were_held_up_when_it_was_offered() {
        openAging();
        pass(Duration.ofMillis(1_500)); // and no thread has looked
        offerAging();
        pass(Duration.ofMillis(900));
        assertEquals(0, expire());
        pass(Duration.ofMillis(101));
        assertEquals(1, expire());
    }

    @Test
    void a_frame_can_be_longer_than_an_array() {
        FrameEncoder encoder = new FrameEncoder(new Subjects("ns"), "id-", "_INBOX.test");
        assertTrue(encoder.length("VIN", "V", Integer.MAX_VALUE) > Integer.MAX_VALUE);
    }

    // ---- A step that is not carried out ----------------------------------------------------------------------------

    @Test
    void a_step_that_throws_after_a_switch_leaves_nothing_counted_as_written() {
        journal.opened(WIRE);
        journal.next(step);
        journal.inspect(journal.uninspected(), new Ended());
        offer(700); // two blocks
        long frames = journal.bytes() - 700 * Blocks.RECORD_OVERHEAD;
        AtomicInteger runs = new AtomicInteger();
        journal.prepare(new TestWire(), journal.encoder(), journal.settings(), () -> {
            if (runs.incrementAndGet() <= 2) {
                throw new OutOfMemoryError("by the test");
            }
        });
        assertThrows(OutOfMemoryError.class, () -> journal.next(step));
        journal.inspect(journal.uninspected(), new Ended());
        assertThrows(OutOfMemoryError.class, () -> journal.next(step));
        assertEquals(frames, writeAndSettle(700));
        assertEquals(3, runs.get());
    }

    @Test
    void a_block_that_was_not_written_because_the_ping_before_it_threw_is_written_on_the_next_wire() {
        journal.opened(WIRE);
        journal.next(step);
        journal.inspect(journal.uninspected(), new Ended());
        offer(700);
        long frames = journal.bytes() - 700 * Blocks.RECORD_OVERHEAD;
        journal.next(step);
        assertEquals(Step.Kind.WRITE, step.kind);
        journal.next(step); // the writer has cut the wire, and has come around again before anybody was told
        assertEquals(Step.Kind.PARK, step.kind);
        journal.opened(new TestWire());
        journal.next(step);
        journal.inspect(journal.uninspected(), new Ended());
        ahead = Duration.ofDays(1);
        assertTrue(journal.hasExpired(), "nothing is being written any more");
        ahead = Duration.ZERO;
        assertEquals(frames, writeAndSettle(700));
    }

    /** Writes and confirms so many records, and returns how many bytes were written for that. */
    private long writeAndSettle(int records) {
        long written = 0;
        int confirmed = 0;
        for (int left = 1_000; confirmed < records && left > 0; left--) {
            journal.next(step);
            if (step.kind == Step.Kind.WRITE) {
                for (int i = 0; i < step.rangeCount; i++) {
                    written += step.ranges[2 * i + 1] - step.ranges[2 * i];
                }
                journal.wrote(step);
            }
            confirmed += settle().size();
        }
        assertEquals(records, confirmed);
        return written;
    }

    // ---- Settings that change the frames ---------------------------------------------------------------------------

    @Test
    void frames_are_encoded_again_one_block_after_the_other_with_memory_for_one() {
        ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        journal.opened(WIRE);
        journal.next(step);
        journal.inspect(journal.uninspected(), new Ended());
        List<TelemetryRecord> offered = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            offered.add(Records.record("VIN", "V", new byte[i % 1_000 == 0 ? 100_000 : 1_000]));
            assertNull(journal.offer(offered.get(i), new Outcomes()));
        }
        long bytes = journal.bytes();
        NatsSettings at = NatsSettings.parse(Map.of("namespace", "longer", "drain.timeout.ms", "0"));
        journal.prepare(new TestWire(), new FrameEncoder(new Subjects("longer"), "", ""), at, () -> {});
        journal.next(step);
        journal.inspect(journal.uninspected(), new Ended());
        long most = 0;
        List<TelemetryRecord> confirmed = new ArrayList<>();
        for (int left = 100_000; confirmed.size() < offered.size() && left > 0; left--) {
            long before = memory.getThreadAllocatedBytes(Thread.currentThread().getId());
            journal.next(step);
            most = Math.max(
                    most, memory.getThreadAllocatedBytes(Thread.currentThread().getId()) - before);
            if (step.kind == Step.Kind.WRITE) {
                String first = new String(step.block.bytes, step.ranges[0], 20, US_ASCII);
                assertTrue(first.startsWith("PUB longer.VIN.data "), first);
                journal.wrote(step);
            }
            confirmed.addAll(settle());
        }
        assertEquals(offered, confirmed);
        assertTrue(most < 500_000, most + " bytes at once, of " + bytes);
        assertEquals(0, journal.bytes());
    }

    private List<TelemetryRecord> settle() {
        return settle(journal);
    }

    private static List<TelemetryRecord> settle(Journal journal) {
        Mark mark = journal.takeMark();
        if (mark == null) {
            return List.of();
        }
        assertTrue(journal.isInForce(mark));
        Ended ended = new Ended();
        journal.passed(mark, Judgement.NOTHING_DENIED, ended);
        return end(journal, ended, null);
    }

    // ---- JetStream -------------------------------------------------------------------------------------------------

    private static final int MAX_UNANSWERED = 8_192;
    /** How many records, at most, share a block in these tests. */
    private static final int IN_A_BLOCK = Block.SIZE / 100;

    private static final Failure DENIED = new Failure(Failure.Kind.DENIED, "by the test");

    private final Journal storing = new Journal(
            NatsSettings.parse(Map.of("delivery", "jetstream")),
            new FrameEncoder(new Subjects("ns"), "id-", "_INBOX.test"),
            () -> now);
    private final Outcomes outcomes = new Outcomes();
    private long offered;

    private void open(Wire wire) {
        Thread idle = new Thread(() -> {});
        storing.servedBy(idle, idle);
        storing.opened(wire);
        storing.next(step);
        storing.inspect(storing.uninspected(), new Ended());
    }

    /** Offers one record for vehicle VIN0, VIN1 and so on up to VIN9, and again. */
    private long offer() {
        assertNull(storing.offer(Records.record("VIN" + offered % 10, "V", new byte[1]), outcomes));
        return offered++;
    }

    private Step.Kind next() {
        storing.next(step);
        return step.kind;
    }

    private int frames() {
        int bytes = 0;
        for (int i = 0; i < step.rangeCount; i++) {
            bytes += step.ranges[2 * i + 1] - step.ranges[2 * i];
        }
        return bytes / frameLength();
    }

    private int frameLength() {
        return (int) storing.encoder().length(Records.record("VIN0", "V", new byte[1]));
    }

    /** Writes what may be written; barriers pass as long as there is more, and the last is left to be taken. */
    private int writeAll() {
        int frames = 0;
        do {
            while (next() == Step.Kind.WRITE) {
                frames += frames();
                storing.wrote(step);
            }
        } while (storing.unsent() > 0 && passBarrier());
        return frames;
    }

    private boolean passBarrier() {
        Mark mark = storing.takeMark();
        boolean good = mark != null && storing.isInForce(mark);
        if (mark != null) {
            pass(mark, record -> null);
        }
        return good;
    }

    /** Lets a barrier pass, before which all was denied that this says; returns how many records that ended. */
    private int pass(Mark mark, Function<TelemetryRecord, Failure> denial) {
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        for (TelemetryRecord record : storing.reached(mark)) {
            Failure why = denial.apply(record);
            if (why != null) {
                denied.put(record, why);
            }
        }
        Ended ended = new Ended();
        storing.passed(mark, new Judgement(denied, "", false), ended);
        return end(storing, ended, DENIED).size();
    }

    private void pass(Duration time) {
        now += time.toNanos();
    }

    private int takeAnswered() {
        Ended ended = storing.takeAnswered(new Ended());
        int count = ended.records();
        storing.release(ended);
        return count;
    }

    /** Lets barriers pass until there is no more to be proven, and all be denied that this says. */
    private int deny(Function<TelemetryRecord, Failure> denial) {
        long records = storing.records();
        int denied = 0;
        for (Mark mark = storing.takeMark(); mark != null; mark = storing.takeMark()) {
            denied += pass(mark, denial);
            assertEquals(records - denied, storing.records(), "in JetStream a barrier proves nothing");
            if (step.kind == Step.Kind.PARK) {
                next();
            }
        }
        return denied;
    }

    private static Function<TelemetryRecord, Failure> all(String vin) {
        return record -> record.vin().equals(vin) ? DENIED : null;
    }

    @Test
    void a_barrier_confirms_nothing_that_is_to_be_stored() {
        open(WIRE);
        offer();
        writeAll();
        assertEquals(0, deny(record -> null));
        assertEquals(1, storing.records());
        storing.stored(0);
        assertEquals(1, takeAnswered());
        assertEquals(0, storing.records());
    }

    @Test
    void a_denial_ends_records_that_the_barrier_has_reached_and_none_written_after_it() {
        open(WIRE);
        IntStream.range(0, 20).forEach(i -> offer());
        writeAll();
        Mark first = storing.takeMark();
        IntStream.range(0, 20).forEach(i -> offer());
        writeAll();
        IntStream.range(0, 10).forEach(i -> offer()); // not written at all, and in the same block
        assertEquals(2, pass(first, all("VIN3")));
        assertEquals(48, storing.records());
        storing.stored(3);
        assertEquals(1, storing.lateAnswers(), "it has ended");
        writeAll();
        assertEquals(3, deny(all("VIN3")), "the next barrier reaches what was written meanwhile");
        assertEquals(45, storing.records());
    }

    @Test
    void a_denial_of_another_wire_ends_nothing() {
        open(WIRE);
        TelemetryRecord only = Records.record("VIN", "V", new byte[1]);
        storing.offer(only, outcomes);
        writeAll();
        Mark mark = storing.takeMark();
        storing.closed(WIRE);
        open(new TestWire());
        assertFalse(storing.isInForce(mark));
        Ended ended = new Ended();
        storing.passed(mark, new Judgement(Map.of(only, DENIED), "", false), ended);
        assertTrue(ended.isEmpty());
        assertEquals(1, storing.records());
    }

    @Test
    void a_block_whose_records_are_all_denied_while_it_is_written_again_is_free_only_after_that() {
        open(WIRE);
        offer();
        writeAll();
        pass(Duration.ofSeconds(6));
        assertEquals(Step.Kind.WRITE, next(), "no answer, so again");
        Block held = step.block;
        assertEquals(1, deny(record -> DENIED));
        offer();
        storing.wrote(step);
        assertEquals(Step.Kind.WRITE, next());
        assertNotSame(held, step.block);
        storing.wrote(step);
    }

    @Test
    void no_more_is_written_than_may_go_unanswered_and_answers_make_room_for_as_much() {
        open(WIRE);
        IntStream.range(0, 20_000).forEach(i -> offer());
        int written = writeAll();
        assertTrue(written <= MAX_UNANSWERED && written > MAX_UNANSWERED - IN_A_BLOCK, written + " frames");
        assertEquals(Step.Kind.PARK, next(), "as many as may be, or too little room to be worth a write");
        IntStream.range(0, IN_A_BLOCK).forEach(storing::stored);
        int more = writeAll();
        assertTrue(more > 0 && written + more - IN_A_BLOCK <= MAX_UNANSWERED, more + " frames");
    }

    @Test
    void however_a_record_ends_it_makes_room_for_exactly_one() {
        open(WIRE);
        Ended ended = new Ended();
        for (int round = 0; round < 60; round++) {
            long from = offered;
            IntStream.range(0, 1_000).forEach(i -> offer());
            // Answers come before the write has returned, after it, twice, from the wire before, or not at all.
            assertEquals(Step.Kind.WRITE, next());
            for (int i = 0; i < 300; i += 3) {
                storing.stored(from + i);
                storing.refused(from + i + 1, DENIED);
                if (round < 2) { // each time there is less room for all of them
                    storing.postponed(from + i + 2, false);
                }
            }
            storing.wrote(step);
            writeAll();
            assertEquals(80, deny(all("VIN3")));
            for (int i = 0; i < 1_000; i += 4) {
                storing.stored(from + i);
                storing.stored(from + i);
            }
            switch (round < 12 ? round % 3 : 0) { // on a new wire it counts anew, and so nothing would add up
                case 0 -> {
                    pass(Duration.ofSeconds(10));
                    writeAll(); // once more what was not answered
                }
                case 1 -> {
                    Wire next = new TestWire();
                    storing.opened(next);
                    storing.next(step);
                    storing.inspect(storing.uninspected(), ended);
                    storing.stored(from + 5); // by the wire before, and before it is written again
                    writeAll();
                }
                default -> {
                    offer();
                    writeAll();
                    storing.passed(storing.takeMark(), new Judgement(Map.of(), "by the test", true), ended);
                    assertEquals(Step.Kind.PARK, next(), "all is written again, but first the wire is swept");
                    storing.inspect(storing.uninspected(), ended);
                    writeAll();
                }
            }
            for (int i = 1; i < 1_000; i += 4) {
                storing.stored(from + i);
            }
            takeAnswered();
            pass(Duration.ofSeconds(121));
            storing.expire(DENIED, ended);
            storing.release(ended);
            assertEquals(0, storing.records());
            writeAll();
            passBarrier();
        }
        IntStream.range(0, 20_000).forEach(i -> offer());
        int written = writeAll();
        int window = storing.window(); // less than at first, because some were postponed
        assertTrue(written <= window && written > window - IN_A_BLOCK, written + " frames of " + window);
    }

    // ---- Streams that are silent, slow, or full ---------------------------------------------------------------------

    /** The numbers of the records in the step's ranges. */
    private List<Long> numbers() {
        List<Long> numbers = new ArrayList<>();
        int length = frameLength();
        for (int i = 0; i < step.rangeCount; i++) {
            for (int at = step.ranges[2 * i]; at < step.ranges[2 * i + 1]; at += length) {
                numbers.add(FrameEncoder.numberOf(new String(step.block.bytes, at, length, US_ASCII).split(" ")[2]));
            }
        }
        return numbers;
    }

    @Test
    void a_stream_that_does_not_answer_does_not_hold_up_the_others() {
        open(WIRE);
        long silent = 0;
        for (int ms = 0; ms < 20_000; ms += 10) {
            IntStream.range(0, 200).forEach(i -> offer()); // of which VIN3's belong to the silent stream
            while (next() == Step.Kind.WRITE) {
                List<Long> numbers = numbers();
                storing.wrote(step);
                numbers.stream().filter(number -> number % 10 != 3).forEach(storing::stored);
            }
            passBarrier();
            takeAnswered();
            silent += 20;
            assertTrue(storing.records() <= silent + MAX_UNANSWERED, ms + " ms: " + storing.records() + " in flight");
            pass(Duration.ofMillis(10));
        }
        assertTrue(storing.unsent() < 1_000, storing.unsent() + " are not written");
        Unanswered unanswered = storing.unanswered();
        assertTrue(unanswered.records() > 10_000, unanswered.records() + " are known to be without an answer");
        assertEquals("VIN3", unanswered.oldest().vin());
    }

    @Test
    void records_without_an_answer_keep_no_memory_but_their_own() {
        open(WIRE);
        for (int i = 0; i < 300_000; i++) {
            offer();
            if (i % 500 == 499) {
                while (next() == Step.Kind.WRITE) {
                    List<Long> numbers = numbers();
                    storing.wrote(step);
                    numbers.stream().filter(number -> number % 150 != 0).forEach(storing::stored);
                }
                passBarrier();
                takeAnswered();
                pass(Duration.ofMillis(20));
            }
        }
        assertEquals(2_000, storing.records());
        long most = 3 * storing.bytes() + 8 * Block.SIZE;
        assertTrue(storing.held() <= most, storing.held() + " bytes are held, for " + storing.bytes());
        Set<Long> again = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            pass(Duration.ofSeconds(20));
            while (next() == Step.Kind.WRITE) {
                again.addAll(numbers());
                storing.wrote(step);
            }
            passBarrier();
        }
        assertEquals(2_000, again.size(), "each is written again");
        for (long number = 0; number < 300_000; number += 150) {
            storing.stored(number);
        }
        assertEquals(2_000, takeAnswered());
        assertEquals(0, storing.held());
    }

    @Test
    void the_memory_held_is_the_memory_charged() {
        NatsSettings small = NatsSettings.parse(Map.of("delivery", "jetstream", "inflight.max.bytes", "1000000"));
        assertTrue(storing.use(storing.settings(), small));
        open(WIRE);
        Failure full = null;
        for (int i = 0; full == null && i < 1_000; i++) {
            // A frame that is larger than half a block has a block to itself.
            full = storing.offer(Records.record("VIN", "V", new byte[40_000]), outcomes);
        }
        assertEquals(Failure.Kind.FULL, full.kind());
        assertTrue(storing.held() <= 1_000_000 * 9 / 8 + 3 * Block.SIZE, storing.held() + " bytes are held");
        assertTrue(storing.bytes() > 600_000, storing.bytes() + " bytes are used");
    }

    /**
     * What a stream made of records.
     *
     * @param slowest how many milliseconds 99 of 100 records waited at most to be stored
     * @param frames how many frames were written
     * @param refused how many of them the stream refused
     */
    private record Stored(int slowest, int frames, int refused) {}

    /**
     * A stream that stores so many records in a millisecond, and refuses (429) those that do not fit into its queue.
     *
     * @param burst so many records are offered at once, every so many milliseconds
     */
    private Stored storeIn(int queue, int perMilli, int offers, int burst, int everyMillis) {
        open(WIRE);
        Map<Long, Long> since = new HashMap<>();
        ArrayDeque<Long> waiting = new ArrayDeque<>();
        Set<Long> stored = new HashSet<>();
        List<Long> waits = new ArrayList<>();
        long start = now;
        int frames = 0;
        int refused = 0;
        for (int ms = 0; ms < 100_000 && stored.size() < offers; ms++) {
            for (int i = 0; i < burst && offered < offers && ms % everyMillis == 0; i++) {
                since.put(offer(), now);
            }
            while (next() == Step.Kind.WRITE) {
                List<Long> numbers = numbers();
                frames += numbers.size();
                storing.wrote(step);
                for (long number : numbers) {
                    if (waiting.size() < queue) {
                        waiting.add(number);
                    } else {
                        storing.postponed(number, false);
                        refused++;
                    }
                }
            }
            for (int i = 0; i < perMilli && !waiting.isEmpty(); i++) {
                long number = waiting.poll();
                storing.stored(number);
                if (stored.add(number)) {
                    waits.add((now - since.get(number)) / 1_000_000);
                }
            }
            passBarrier();
            takeAnswered();
            pass(Duration.ofMillis(1));
        }
        assertEquals(offers, stored.size(), "after " + (now - start) / 1_000_000 + " ms");
        Collections.sort(waits);
        return new Stored(waits.get(waits.size() * 99 / 100).intValue(), frames, refused);
    }

    @Test
    void answers_that_come_one_by_one_are_ended_together_and_a_lone_one_at_once() {
        open(WIRE);
        IntStream.range(0, 800).forEach(i -> offer());
        writeAll();
        passBarrier();
        assertTrue(storing.mayPark() > 0, "there is no answer");
        storing.stored(0);
        assertEquals(0, storing.mayPark(), "the first one is ended at once");
        assertEquals(1, takeAnswered());
        IntStream.range(1, 90).forEach(storing::stored);
        long pause = storing.mayPark();
        assertTrue(pause > 0 && pause <= 5_000_000, "those that follow, after " + pause + " ns");
        IntStream.range(90, 110).forEach(storing::stored);
        assertEquals(0, storing.mayPark(), "or when they are a good part of all");
        assertEquals(109, takeAnswered());
        assertEquals(0, takeAnswered());
        storing.stored(110);
        assertEquals(0, storing.mayPark(), "after a while without one the next is ended at once again");
        assertEquals(1, takeAnswered());
        IntStream.range(111, 799).forEach(storing::stored);
        assertEquals(688, takeAnswered());
        storing.stored(799);
        assertEquals(0, storing.mayPark(), "the last one of all waits for no others");
    }

    @Test
    void the_window_adapts_to_what_a_stream_takes() {
        Stored result = storeIn(1_000, 100, 200_000, 5_000, 100);
        assertTrue(result.refused > 0, "the queue was full at times");
        assertTrue(storing.window() < 2_000, "the window is " + storing.window());
        assertTrue(result.slowest < 1_000, "99 of 100 are confirmed within " + result.slowest + " ms");
        assertTrue(result.frames < 240_000, result.frames + " frames were written");
    }

    @Test
    void a_stream_that_takes_little_at_once_gets_little() {
        Stored result = storeIn(50, 50, 20_000, 500, 20);
        assertTrue(result.refused > 0, "the queue was full at times");
        assertTrue(storing.window() < 200, "the window is " + storing.window());
        assertTrue(result.frames < 60_000, result.frames + " frames were written");
    }

    @Test
    void a_burst_that_is_more_than_a_stream_takes_at_once_waits_little_longer_than_it_needs() {
        Stored result = storeIn(50, 50, 20_000, 1_000, 1);
        assertTrue(result.slowest < 800, "99 of 100 are confirmed within " + result.slowest + " ms, 400 ms are needed");
        assertTrue(result.frames < 60_000, result.frames + " frames were written");
    }

    @Test
    void a_record_that_a_full_queue_refused_is_written_again_sooner_if_others_are_stored() {
        open(WIRE);
        offer();
        offer();
        writeAll();
        storing.stored(1);
        storing.postponed(0, false);
        pass(Duration.ofMillis(45));
        assertEquals(0, writeAll());
        pass(Duration.ofMillis(5));
        assertEquals(1, writeAll());
        pass(Duration.ofMillis(250));
        storing.postponed(0, false);
        pass(Duration.ofMillis(450));
        assertEquals(0, writeAll(), "but nothing has been stored since");
        pass(Duration.ofMillis(50));
        assertEquals(1, writeAll());
    }

    @Test
    void a_block_of_which_nothing_is_left_to_write_is_not_given_to_the_writer() {
        open(WIRE);
        offer();
        writeAll();
        offer();
        storing.stored(1); // a guessed number
        assertEquals(Step.Kind.PARK, next());
        offer();
        assertEquals(1, writeAll());
        assertEquals(2, storing.records() - takeAnswered());
    }

    @Test
    void only_unanswered_frames_are_written_again_with_longer_and_longer_pauses() {
        open(WIRE);
        IntStream.range(0, 10).forEach(i -> offer());
        assertEquals(10, writeAll());
        IntStream.range(0, 10).filter(i -> i != 4 && i != 7).forEach(storing::stored);
        assertFalse(storing.areMissing(), "not that soon");
        List<Integer> at = new ArrayList<>();
        for (int second = 1; second < 60; second++) {
            pass(Duration.ofSeconds(1));
            int again = writeAll();
            if (again > 0) {
                assertEquals(2, again);
                at.add(second);
            }
        }
        assertEquals(List.of(5, 10, 20, 36, 52), at);
        assertEquals(0, storing.unsent());
        assertTrue(storing.areMissing());
        storing.stored(4);
        pass(Duration.ofSeconds(20));
        assertEquals(1, writeAll());
        storing.stored(7);
        assertFalse(storing.areMissing());
    }

    @Test
    void the_rest_of_two_blocks_is_written_again_when_it_has_waited_long_enough() {
        open(WIRE);
        IntStream.range(0, 1_500).forEach(i -> offer());
        assertEquals(1_500, writeAll());
        IntStream.range(0, 1_500).filter(i -> i != 10 && i != 1_400).forEach(storing::stored);
        assertTrue(storing.held() < Block.SIZE, "they are in one block now");
        pass(Duration.ofMillis(4_900));
        assertEquals(0, writeAll());
        pass(Duration.ofMillis(200));
        assertEquals(2, writeAll());
    }

    @Test
    void a_record_that_no_stream_took_is_written_again_soon_and_then_less_often() {
        open(WIRE);
        offer();
        writeAll();
        List<Integer> at = new ArrayList<>();
        storing.postponed(0, false);
        for (int ms = 50; ms <= 10_000; ms += 50) {
            pass(Duration.ofMillis(50));
            if (writeAll() > 0) {
                at.add(ms);
                storing.postponed(0, false);
            }
        }
        assertEquals(List.of(250, 750, 1_750, 3_750, 7_750), at);
        assertNull(storing.postponed(1, false), "there is no such record");
    }

    @Test
    void an_expired_record_is_not_written_again_even_before_it_has_ended() {
        open(WIRE);
        offer();
        writeAll();
        pass(Duration.ofSeconds(118));
        assertEquals(1, writeAll());
        pass(Duration.ofSeconds(3));
        assertEquals(Step.Kind.PARK, next());
        assertTrue(storing.hasExpired(), "although it is on a wire that lives");
        Ended ended = new Ended();
        storing.expire(DENIED, ended);
        assertEquals(1, ended.records());
        storing.release(ended);
        storing.stored(0);
        assertEquals(0, takeAnswered());
        assertEquals(1, storing.lateAnswers());
    }

    @Test
    void a_record_that_expires_while_it_is_written_again_ends_after_that_write() {
        open(WIRE);
        offer();
        writeAll();
        pass(Duration.ofSeconds(119));
        assertEquals(Step.Kind.WRITE, next());
        pass(Duration.ofSeconds(2));
        Ended ended = new Ended();
        storing.expire(DENIED, ended);
        assertEquals(0, ended.records());
        storing.wrote(step);
        storing.expire(DENIED, ended);
        assertEquals(1, ended.records());
    }

    @Test
    void an_answer_ends_the_record_with_its_number_even_after_its_blocks_were_joined() {
        open(WIRE);
        IntStream.range(0, 5_000).forEach(i -> offer());
        writeAll();
        List<Integer> numbers =
                new ArrayList<>(IntStream.range(0, 5_000).boxed().toList());
        Collections.shuffle(numbers, new Random(1));
        for (int number : numbers) {
            storing.stored(number);
            Ended ended = storing.takeAnswered(new Ended());
            assertEquals("VIN" + number % 10, end(storing, ended, null).get(0).vin());
            storing.stored(number);
        }
        assertEquals(0, storing.records());
        assertEquals(5_000, storing.lateAnswers());
        storing.stored(-1);
        storing.stored(Long.MAX_VALUE);
        assertEquals(5_002, storing.lateAnswers());
    }
}
