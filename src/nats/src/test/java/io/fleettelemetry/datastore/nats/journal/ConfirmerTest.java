package io.fleettelemetry.datastore.nats.journal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.Outcomes;
import io.fleettelemetry.datastore.nats.Records;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.jnats.port.Refusals;
import io.fleettelemetry.testkit.CapturedLog;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The writer and the confirmer on a journal, with a wire whose barriers the test answers. */
class ConfirmerTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final FrameEncoder CORE = new FrameEncoder(new Subjects("ns"), "", "");
    private static final FrameEncoder STORING = new FrameEncoder(new Subjects("ns"), "id-", "_INBOX.test");

    private final Outcomes outcomes = new Outcomes();

    /** Tells the receipts. */
    private static class Telling implements Confirmer.Ends {
        @Override
        public void confirmed(TelemetryRecord record, Receipt receipt) {
            receipt.confirmed(record);
        }

        @Override
        public void failed(TelemetryRecord record, Receipt receipt, Failure why) {
            receipt.failed(record, why);
        }

        @Override
        public Failure expired() {
            return new Failure(Failure.Kind.EXPIRED, "by the test");
        }

        @Override
        public void refused(String words, boolean searching) {
            // nothing is
        }
    }

    /** A journal and the two threads that serve it, until it is closed. */
    private static final class Served implements AutoCloseable {
        final Journal journal;
        private final Thread writer;
        private final Thread confirmer;

        Served(Map<String, String> settings, FrameEncoder encoder, Confirmer.Ends ends) {
            journal = new Journal(NatsSettings.parse(settings), encoder, System::nanoTime);
            writer = new Thread(new Writer(journal), "test-write");
            confirmer = new Thread(new Confirmer(journal, ends), "test-confirm");
            journal.servedBy(writer, confirmer);
        }

        Served start() {
            writer.start();
            confirmer.start();
            return this;
        }

        @Override
        public void close() throws InterruptedException {
            journal.stop();
            writer.join();
            confirmer.join();
        }
    }

    private static Served served() {
        return new Served(Map.of(), CORE, new Telling()).start();
    }

    private static List<String> vins(List<TelemetryRecord> records) {
        return records.stream().map(TelemetryRecord::vin).toList();
    }

    @Test
    void a_record_answered_while_the_last_receipts_run_ends_once_too() {
        NatsSettings settings = NatsSettings.parse(Map.of("delivery", "jetstream"));
        Journal journal = new Journal(settings, STORING, System::nanoTime);
        Receipt meanwhile = new Receipt() {
            @Override
            public boolean confirmed(TelemetryRecord record) {
                journal.stored(1); // as a thread of jnats may, until the connection is closed
                return outcomes.confirmed(record);
            }

            @Override
            public void failed(TelemetryRecord record, Failure why) {
                outcomes.failed(record, why);
            }
        };
        Thread idle = new Thread(() -> {});
        journal.servedBy(idle, idle);
        for (int i = 0; i < 3; i++) {
            journal.offer(Records.record("VIN" + i, "V", new byte[10]), meanwhile);
        }
        journal.stored(0);
        journal.close();
        journal.stop();
        new Confirmer(journal, new Telling()).run();
        assertEquals("VIN0", outcomes.confirmed().get(0).vin());
        assertEquals(3, outcomes.ended());
        assertEquals(0, journal.records());
    }

    @Test
    void closing_says_in_the_log_how_many_records_failed_for_it() {
        try (CapturedLog log = new CapturedLog(new CountDownLatch(0), () -> Logs.await(SOON.toMillis()))) {
            Journal journal = new Journal(NatsSettings.parse(Map.of()), CORE, System::nanoTime);
            Thread idle = new Thread(() -> {});
            journal.servedBy(idle, idle);
            for (int i = 0; i < 3; i++) {
                journal.offer(Records.record("VIN" + i, "V", new byte[10]), outcomes);
            }
            journal.close();
            journal.stop();
            new Confirmer(journal, new Telling()).run();
            assertEquals(3, outcomes.failed().size());
            assertEquals(
                    List.of("nats_err datastore=nats kind=CLOSED records=3"
                            + " reason=\"closed before the server had confirmed them\""),
                    log.of("nats_err"));
        }
    }

    /** Tells the receipts, and then throws if the VIN is BROKEN. */
    private static final class Throwing extends Telling {
        @Override
        public void failed(TelemetryRecord record, Receipt receipt, Failure why) {
            super.failed(record, receipt, why);
            if (record.vin().equals("BROKEN")) {
                throw new NoClassDefFoundError("by the test");
            }
        }
    }

    @Test
    void a_problem_at_the_end_of_one_record_changes_no_other_and_each_ends_once() throws Exception {
        Served served = new Served(Map.of(), CORE, new Throwing());
        try (served) {
            for (String vin : List.of("A", "BROKEN", "B")) {
                served.journal.offer(
                        Records.record(vin, "V", new byte[2_000_000]), outcomes); // larger than a wire takes
            }
            served.journal.offer(Records.record("C", "V", new byte[10]), outcomes);
            served.start();
            served.journal.opened(new TestWire(Wire.Verdict.PASSED));
            outcomes.awaitEnded(4);
            assertEquals(List.of("A", "BROKEN", "B"), vins(outcomes.failed()));
            assertEquals(List.of("C"), vins(outcomes.confirmed()));
        }
        assertEquals(4, outcomes.ended());
        assertEquals(0, served.journal.records());
    }

    @Test
    void a_barrier_that_throws_closes_the_port_and_the_next_one_confirms() throws Exception {
        try (Served served = served()) {
            TestWire broken = new TestWire(Wire.Verdict.PASSED) {
                @Override
                public Verdict verdict() {
                    throw new NoClassDefFoundError("by the test");
                }
            };
            served.journal.opened(broken);
            served.journal.offer(Records.record("VIN", "V", new byte[10]), outcomes);
            await().atMost(SOON).until(() -> broken.cuts.get() > 0);
            served.journal.closed(broken);
            served.journal.opened(new TestWire(Wire.Verdict.PASSED));
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        }
    }

    @Test
    void a_barrier_in_doubt_cuts_the_wire_and_confirms_nothing_until_another_opens() throws Exception {
        try (Served served = served()) {
            TestWire doubtful = new TestWire(Wire.Verdict.IN_DOUBT);
            served.journal.opened(doubtful);
            served.journal.offer(Records.record("VIN", "V", new byte[10]), outcomes);
            await().atMost(SOON).until(() -> doubtful.cuts.get() > 0);
            served.journal.closed(doubtful);
            int asked = doubtful.barriers.get();
            assertEquals(0, outcomes.ended());
            TestWire good = new TestWire(Wire.Verdict.PASSED);
            served.journal.opened(good);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
            assertEquals(doubtful.written, good.written, "the same bytes once more");
            assertEquals(asked, doubtful.barriers.get(), "it is not asked again");
        }
    }

    @Test
    void a_barrier_that_is_not_answered_keeps_nothing_from_expiring_or_from_being_confirmed() throws Exception {
        Map<String, String> settings = Map.of("delivery", "jetstream", "confirm.timeout.ms", "1000");
        try (Served served = new Served(settings, STORING, new Telling()).start()) {
            TestWire silent = new TestWire(Wire.Verdict.PENDING);
            served.journal.opened(silent);
            served.journal.offer(Records.record("A", "V", new byte[10]), outcomes);
            served.journal.offer(Records.record("B", "V", new byte[10]), outcomes);
            await().atMost(SOON).until(() -> silent.barriers.get() > 0);
            served.journal.stored(1);
            outcomes.awaitEnded(2);
            assertEquals(List.of("B"), vins(outcomes.confirmed()));
            assertEquals(Failure.Kind.EXPIRED, outcomes.failures().get(0).kind());
        }
    }

    @Test
    void a_barrier_on_a_wire_that_is_never_closed_does_not_hold_up_the_next_wire() throws Exception {
        try (Served served = served()) {
            TestWire silent = new TestWire(Wire.Verdict.PENDING);
            served.journal.opened(silent);
            served.journal.offer(Records.record("A", "V", new byte[10]), outcomes);
            await().atMost(SOON).until(() -> silent.barriers.get() > 0);
            served.journal.opened(new TestWire(Wire.Verdict.PASSED));
            outcomes.awaitEnded(1);
            assertEquals(List.of("A"), vins(outcomes.confirmed()));
        }
    }

    /** Core NATS, where the server refuses one frame once, and the answer to what was written before comes at that moment. */
    private List<String> confirmedAfterChangeToCore(Consumer<Journal> lateAnswer) throws InterruptedException {
        String refusal = "Permissions Violation for Publish to \"ns.B.data\"";
        try (Served served = new Served(Map.of("delivery", "jetstream"), STORING, new Telling()).start()) {
            served.journal.opened(new TestWire(Wire.Verdict.PASSED));
            for (String vin : List.of("A", "B", "C")) {
                served.journal.offer(Records.record(vin, "V", new byte[10]), outcomes);
            }
            await().atMost(SOON).until(() -> served.journal.unsent() == 0);
            AtomicInteger asked = new AtomicInteger();
            Wire core = new TestWire(Wire.Verdict.PASSED) {
                @Override
                public Refusals refused() {
                    if (asked.incrementAndGet() > 1) {
                        return Refusals.NONE;
                    }
                    lateAnswer.accept(served.journal);
                    return new Refusals(Map.of(refusal, 1), true, null);
                }
            };
            served.journal.prepare(core, CORE, NatsSettings.parse(Map.of("drain.timeout.ms", "0")), () -> {});
            outcomes.awaitEnded(3);
        }
        assertEquals(List.of(), outcomes.failures());
        return vins(outcomes.confirmed());
    }

    @Test
    void what_a_stream_has_stored_is_confirmed_after_a_change_to_core_and_nothing_else_is_denied_for_it()
            throws Exception {
        List<String> confirmed = confirmedAfterChangeToCore(journal -> {
            journal.stored(1);
            journal.stored(2);
        });
        assertEquals(Set.of("A", "B", "C"), Set.copyOf(confirmed));
    }

    @Test
    void what_a_stream_has_refused_is_confirmed_by_the_core_that_takes_it_after_a_change() throws Exception {
        List<String> confirmed = confirmedAfterChangeToCore(
                journal -> journal.refused(2, new Failure(Failure.Kind.ERROR, "by the test")));
        assertEquals(List.of("A", "B", "C"), confirmed);
    }
}
