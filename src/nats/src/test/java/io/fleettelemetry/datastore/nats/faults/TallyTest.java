package io.fleettelemetry.datastore.nats.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Failure.Kind;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Queue;
import org.junit.jupiter.api.Test;

/** The suite finds out a producer that does not keep the promise. */
class TallyTest {

    /** Does a bare loop's work, and something else with every 50th record. */
    private static final class Liar implements CloseableProducer {

        private final BareLoop loop;
        private final Lie lie;
        private int count;

        Liar(Map<String, String> settings, Lie lie) {
            this.loop = BareLoop.open(settings);
            this.lie = lie;
        }

        @Override
        public synchronized void produce(TelemetryRecord record, Receipt receipt) {
            if (++count % 50 == 0) {
                lie.tell(loop, record, receipt);
            } else {
                loop.produce(record, receipt);
            }
        }

        @Override
        public void close() {
            loop.close();
        }
    }

    private interface Lie {
        void tell(BareLoop loop, TelemetryRecord record, Receipt receipt);
    }

    /** Does nothing with what it is told. */
    private static final Receipt NOBODY = new Receipt() {
        @Override
        public boolean confirmed(TelemetryRecord record) {
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {}
    };

    private static Tally tallyOf(String name, Lie lie) {
        try (Trial trial = new Trial("self-test: " + name)
                .producer(settings -> new Liar(settings, lie))
                .open()) {
            return trial.end();
        }
    }

    @Test
    void a_datastore_that_confirms_records_it_has_not_sent_has_lost_them() {
        Tally tally = tallyOf("confirms too early", (loop, record, receipt) -> receipt.confirmed(record));
        assertEquals(tally.offered() / 50, tally.lost().length);
        tally.addsUp().inOrder().nothingFailed();
        assertThrows(AssertionError.class, tally::nothingLost);
        assertThrows(AssertionError.class, tally::check);
    }

    @Test
    void who_sends_twice_makes_duplicates_and_keeps_the_promise() {
        Tally tally = tallyOf("sends twice", (loop, record, receipt) -> {
            loop.produce(record, NOBODY);
            loop.produce(record, receipt);
        });
        assertEquals(tally.offered() / 50, tally.duplicates());
        tally.check().nothingFailed();
    }

    @Test
    void who_sends_a_record_after_the_next_one_of_its_vehicle_has_broken_the_order() {
        Queue<TelemetryRecord> late = new ArrayDeque<>();
        Tally tally = tallyOf("sends late", (loop, record, receipt) -> {
            receipt.confirmed(record);
            late.add(record);
            if (late.size() > 10) {
                loop.produce(late.remove(), NOBODY);
            }
        });
        assertTrue(tally.outOfOrder() > tally.offered() / 100, tally::toString);
        assertEquals(10, tally.lost().length);
        tally.addsUp();
        assertThrows(AssertionError.class, tally::inOrder);
    }

    @Test
    void who_ends_a_record_twice_or_gives_no_reason_is_wrong() {
        Tally twice = tallyOf("ends twice", (loop, record, receipt) -> {
            loop.produce(record, receipt);
            receipt.failed(record, new Failure(Kind.ERROR, "after all"));
        });
        assertTrue(twice.wrong().get(0).contains("ended twice"), twice::toString);
        assertThrows(AssertionError.class, twice::addsUp);

        Tally silent = tallyOf(
                "gives no reason", (loop, record, receipt) -> receipt.failed(record, new Failure(Kind.ERROR, "")));
        assertTrue(silent.wrong().get(0).contains("without a reason"), silent::toString);
        assertThrows(AssertionError.class, silent::addsUp);
        assertThrows(AssertionError.class, silent::nothingFailed);
    }

    @Test
    void who_sends_another_payload_has_sent_an_alien() {
        Tally tally = tallyOf("sends other bytes", (loop, record, receipt) -> {
            byte[] other = record.payload().clone();
            other[other.length - 1]++;
            loop.produce(
                    TelemetryRecord.of(record.vin(), record.type(), record.txid(), other, record.metadata()), NOBODY);
            receipt.confirmed(record);
        });
        assertTrue(tally.wrong().get(0).startsWith("alien: "), tally::toString);
        assertEquals(tally.offered() / 50, tally.lost().length);
        assertThrows(AssertionError.class, tally::addsUp);
    }
}
