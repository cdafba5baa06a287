package io.fleettelemetry.datastore.nats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.Journal.Step;
import java.io.IOException;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class JournalTest {

    /** A wire that takes everything, and is never asked. */
    private static final Wire WIRE = new Wire() {
        @Override
        public void write(byte[] frames, int from, int to) throws IOException {
            throw new IOException("not to be written to");
        }

        @Override
        public Verdict barrier() {
            return Verdict.IN_DOUBT;
        }

        @Override
        public List<String> denied() {
            return List.of();
        }

        @Override
        public String begin() {
            return null;
        }

        @Override
        public void cut() {
            // nothing to cut
        }

        @Override
        public long maxPayload() {
            return 1_000_000;
        }

        @Override
        public boolean takesHeaders() {
            return true;
        }
    };

    private final Journal journal =
            new Journal(NatsSettings.parse(Map.of()), new FrameEncoder(new Subjects("ns"), "", ""), System::nanoTime);
    private final Step step = new Step();

    JournalTest() {
        Thread nobody = new Thread(() -> {});
        journal.servedBy(nobody, nobody);
    }

    @Test
    void records_that_are_written_one_by_one_while_no_barrier_answers_share_their_blocks() {
        journal.opened(WIRE);
        journal.next(step);
        journal.inspect(null, new Journal.Ended());
        Set<Block> blocks = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < 10_000; i++) {
            journal.offer(NatsDatastoreTest.record("VIN", "V", new byte[100]), new Outcomes());
            journal.next(step);
            assertEquals(Step.Kind.WRITE, step.kind);
            assertEquals(1, step.rangeCount, "only what is new");
            blocks.add(step.block);
            journal.wrote(step);
        }
        assertEquals(10_000, journal.records());
        assertTrue(blocks.size() <= 10_000 * 130 / Block.SIZE + 1, blocks.size() + " blocks");
        assertEquals(0, journal.unsent());
    }
}
