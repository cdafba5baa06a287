package io.fleettelemetry.datastore.nats.journal;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.journal.Journal.Ended;
import io.fleettelemetry.datastore.nats.journal.Journal.Mark;
import io.fleettelemetry.datastore.nats.journal.Journal.Step;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.jnats.port.Refusals;
import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random interleavings of everything that can happen to a journal, one step at a time, with the invariants of TESTPLAN.md
 * checked after every step. The threads' steps are cut where they let go of the lock: a write has a beginning and an end,
 * and so has a barrier, and anything may come between.
 */
class JournalPropertyTest {

    private static final int RUNS = 1_000;
    private static final int STEPS = 400;
    private static final int VEHICLES = 3;

    /** A connection in memory: what was written, and how much of it the server has parsed. */
    private static final class MemoryWire implements Wire {
        final ByteArrayOutputStream written = new ByteArrayOutputStream();
        final long maxPayload;
        boolean up = true;
        boolean told;
        int parsed;
        /** What the server has refused since the last barrier, in its words. */
        final Map<String, Integer> refused = new HashMap<>();
        /** The numbers of records that it has denied since then. */
        final Set<Integer> denied = new HashSet<>();

        MemoryWire(long maxPayload) {
            this.maxPayload = maxPayload;
        }

        @Override
        public void write(byte[] frames, int from, int to) {
            written.write(frames, from, to - from);
        }

        @Override
        public void ping(Runnable answered) {
            throw new UnsupportedOperationException("the test says what comes of it");
        }

        @Override
        public Verdict verdict() {
            throw new UnsupportedOperationException("the test says what comes of it");
        }

        @Override
        public Refusals refused() {
            Refusals taken = new Refusals(Map.copyOf(refused), true);
            refused.clear();
            return taken;
        }

        @Override
        public String fatalBefore() {
            return null;
        }

        @Override
        public void cut() {
            up = false;
        }

        @Override
        public long maxPayload() {
            return maxPayload;
        }

        @Override
        public boolean takesHeaders() {
            return true;
        }
    }

    /** One journal, its world, and what has happened so far. */
    private static final class World {
        final Random random;
        final boolean headers;
        final boolean streamFails;
        final boolean denies;
        /** What each vehicle's frames draw: null for those that the server takes, else what it calls them. */
        final List<Function<String, String>> names = new ArrayList<>();

        Wire denier;
        /** Whether the stream of the first vehicle answers nothing. */
        final boolean silent;

        boolean stores;
        long now = System.nanoTime();
        Journal journal;
        Ended answered = new Ended();
        final Denials denials = new Denials();
        final Step step = new Step();
        final Set<MemoryWire> wires = new HashSet<>();
        MemoryWire current;
        MemoryWire nextWire;
        boolean writing;
        int rangesWritten;
        byte[] inHand;
        Mark barrier;
        int pingAt;

        int offered;
        final Map<Integer, Integer> vehicleOf = new HashMap<>();
        final Map<Integer, Long> charge = new HashMap<>();
        final Set<Integer> live = new HashSet<>();
        final Set<Integer> confirmed = new HashSet<>();
        final Set<Integer> failed = new HashSet<>();
        final List<Integer> arrivals = new ArrayList<>();
        /** What the server has parsed; of what is to be stored, what it has stored. */
        final Set<Integer> arrived = new HashSet<>();

        /** Answers on their way, by the numbers of frames. */
        final Deque<Long> acks = new ArrayDeque<>();

        final Deque<Long> noResponders = new ArrayDeque<>();
        boolean postponed;
        boolean settling;
        /** Nothing is offered any more: a silent stream would keep it in flight. */
        boolean resting;

        String namespace = "ns";

        World(long seed) {
            random = new Random(seed);
            headers = random.nextBoolean();
            streamFails = random.nextInt(3) == 0;
            denies = random.nextInt(3) == 0;
            for (int i = 0; i < VEHICLES; i++) {
                names.add(name());
            }
            silent = random.nextInt(3) == 0;
            stores = random.nextBoolean();
            journal = new Journal(settings(), encoder(), () -> now);
            Thread nobody = new Thread(() -> {});
            journal.servedBy(nobody, nobody);
        }

        private Function<String, String> name() {
            return switch (denies ? random.nextInt(6) : 5) {
                case 0 -> subject -> publish(subject);
                case 1 -> subject -> publish("eu." + subject);
                case 2 -> subject -> publish("all.of.them");
                case 3 -> subject -> "Something Else";
                default -> null;
            };
        }

        private static String publish(String subject) {
            return "Permissions Violation for Publish to \"" + subject + "\"";
        }

        NatsSettings settings() {
            return NatsSettings.parse(Map.of(
                    "delivery",
                    stores ? "jetstream" : "core",
                    "namespace",
                    namespace,
                    "inflight.max.bytes",
                    "300000",
                    "inflight.max.records",
                    "900",
                    "drain.timeout.ms",
                    "0"));
        }

        FrameEncoder encoder() {
            return new FrameEncoder(
                    new Subjects(namespace), headers || stores ? "id-" : "", stores ? "_INBOX.test" : "");
        }

        final Receipt receipt = new Receipt() {
            @Override
            public boolean confirmed(TelemetryRecord record) {
                int number = number(record);
                assertTrue(live.remove(number), "ends once");
                assertTrue(arrived.contains(number), "confirmed, so the server has it");
                confirmed.add(number);
                return false;
            }

            @Override
            public void failed(TelemetryRecord record, Failure why) {
                int number = number(record);
                assertTrue(live.remove(number), "ends once");
                failed.add(number);
            }
        };

        static int number(TelemetryRecord record) {
            return Integer.parseInt(record.txid());
        }

        // ---- steps -------------------------------------------------------------------------------------------------

        void offer() {
            for (int i = resting ? -1 : random.nextInt(8); i >= 0; i--) {
                int number = offered++;
                int vehicle = random.nextInt(VEHICLES);
                byte[] payload = new byte[size()];
                byte[] text = (number + ";").getBytes(US_ASCII);
                System.arraycopy(text, 0, payload, 0, Math.min(text.length, payload.length));
                TelemetryRecord record = TelemetryRecord.of("VIN" + vehicle, "V", "" + number, payload, Map.of());
                vehicleOf.put(number, vehicle);
                live.add(number);
                Failure refusal = journal.offer(record, receipt);
                if (refusal != null) {
                    live.remove(number);
                }
            }
        }

        /** Mostly small, sometimes about as large as a block, or larger. */
        private int size() {
            return switch (random.nextInt(20)) {
                case 0 -> Block.SIZE - 80 + random.nextInt(100);
                case 1 -> Block.SIZE + random.nextInt(10_000);
                default -> 10 + random.nextInt(3_000);
            };
        }

        void write() {
            if (writing) {
                return;
            }
            journal.next(step);
            if (step.ping != null) {
                pingAt = ((MemoryWire) step.ping).written.size();
                step.ping = null;
            }
            if (step.kind == Step.Kind.WRITE) {
                writing = true;
                rangesWritten = 0;
                inHand = step.block.bytes.clone();
            }
        }

        void endWrite() {
            if (!writing) {
                return;
            }
            writing = false;
            for (int i = 0; i < step.rangeCount; i++) {
                int from = step.ranges[2 * i];
                int to = step.ranges[2 * i + 1];
                assertTrue(
                        Arrays.equals(inHand, from, to, step.block.bytes, from, to),
                        "no byte of a frame changes while the writer holds the block");
            }
            MemoryWire wire = (MemoryWire) step.wire;
            for (int i = 0; i < step.rangeCount; i++) {
                wire.write(step.block.bytes, step.ranges[2 * i], step.ranges[2 * i + 1]);
            }
            if (wire.up) {
                journal.wrote(step);
            } else {
                journal.failed(step);
            }
        }

        void startBarrier() {
            if (barrier == null) {
                barrier = journal.takeMark();
            }
        }

        void endBarrier() {
            if (barrier == null) {
                return;
            }
            MemoryWire wire = (MemoryWire) barrier.wire();
            if (wire.up) {
                parse(wire, pingAt);
            }
            // A barrier of a wire that has ended is never to be believed, whatever it tells.
            boolean passed = wire.up || wire.told && random.nextBoolean();
            Mark mark = barrier;
            barrier = null;
            if (wire != denier) {
                denier = wire;
                denials.forget();
            }
            boolean core = !mark.encoder().asksForAnswers();
            Refusals refused = wire.refused();
            Subjects subjects = mark.encoder().subjects();
            Judgement judgement = core
                    ? denials.judge(refused, journal.reached(mark), subjects)
                    : denials.judgeByName(refused, journal.reached(mark), subjects);
            ArrayList<Block> proven = new ArrayList<>();
            Ended ended = new Ended();
            boolean good = journal.settle(mark, passed && !judgement.doubtful(), proven, ended);
            if (passed && judgement.doubtful()) {
                journal.doubt(mark);
            }
            Map<TelemetryRecord, Failure> denied = core ? judgement.denied() : Map.of();
            for (Block block : proven) {
                for (int i = 0; i < block.count(); i++) {
                    if (block.isLive(i)) {
                        end(block.record(i), block.receipt(i), denied.get(block.record(i)));
                    }
                }
                journal.release(block);
            }
            for (int i = 0; i < ended.records.size(); i++) {
                end(ended.records.get(i), ended.receipts.get(i), denied.get(ended.records.get(i)));
            }
            journal.release(ended);
            if (good && !core) {
                deny(mark, judgement);
            }
            if (good && core && wire == current && mark.number() >= 0) {
                takeAnswered(); // what was stored before, by the settings before
                wire.denied.forEach(number -> assertTrue(!live.contains(number), "what is denied ends"));
            }
            wire.denied.clear();
        }

        private void end(TelemetryRecord record, Receipt receipt, Failure why) {
            if (why == null) {
                receipt.confirmed(record);
            } else {
                receipt.failed(record, why);
            }
        }

        /** As the completer does; anything may happen before. */
        private void deny(Mark mark, Judgement judgement) {
            if (random.nextBoolean()) {
                answer(false);
                expire();
                offer();
                write();
            }
            Ended ended = new Ended();
            journal.deny(mark, judgement.denied()::get, ended);
            end(ended);
            takeAnswered();
        }

        void cut() {
            if (current != null) {
                // Any part of what was written may have arrived, but for what a barrier has proven.
                parse(current, random.nextInt(current.written.size() + 1));
                current.up = false;
                if (random.nextBoolean()) {
                    current.told = true;
                    journal.closed(current); // else the journal learns of it when the next one opens
                }
                current = null;
            }
        }

        void open() {
            if (current == null) {
                wires.stream().filter(old -> !old.up).forEach(old -> old.told = true);
                current = wire();
                journal.opened(current);
            }
        }

        private MemoryWire wire() {
            MemoryWire wire = new MemoryWire(random.nextInt(4) == 0 ? 1_500 : 1_000_000);
            wires.add(wire);
            return wire;
        }

        void inspect() {
            if (journal.uninspected() != null) {
                Ended ended = new Ended();
                journal.inspect(journal.uninspected(), ended);
                end(ended);
            }
        }

        void expire() {
            Ended ended = new Ended();
            long future = now + (random.nextInt(10) == 0 ? 121_000_000_000L : 0);
            journal.expire(future, new Failure(Failure.Kind.EXPIRED, "by the test"), ended);
            end(ended);
        }

        void change() {
            if (random.nextInt(5) == 0) {
                namespace = random.nextBoolean() ? "ns" : "other";
                stores = random.nextBoolean();
                nextWire = wire();
                MemoryWire mine = nextWire;
                journal.prepare(nextWire, encoder(), settings(), () -> {
                    if (current != null) {
                        parse(current, random.nextInt(current.written.size() + 1));
                        current.up = false;
                    }
                    current = mine;
                });
            }
        }

        /** JetStream's answers: some get lost. */
        void answer(boolean all) {
            for (int i = all ? acks.size() : Math.min(acks.size(), random.nextInt(10)); i > 0; i--) {
                long number = random.nextBoolean() ? acks.pollFirst() : acks.pollLast();
                if (all || random.nextInt(20) > 0) {
                    journal.stored(number);
                }
            }
            while (!noResponders.isEmpty() && (all || random.nextBoolean())) {
                journal.postponed(noResponders.poll());
            }
        }

        void takeAnswered() {
            answered = journal.takeAnswered(answered);
            end(answered);
        }

        void passTime() {
            now += random.nextInt(10) == 0 ? 6_000_000_000L : random.nextInt(1_000_000);
        }

        private void end(Ended ended) {
            for (int i = 0; i < ended.records.size(); i++) {
                Failure failure = ended.failures.get(i);
                if (failure == null) {
                    ended.receipts.get(i).confirmed(ended.records.get(i));
                } else {
                    ended.receipts.get(i).failed(ended.records.get(i), failure);
                }
            }
            journal.release(ended);
        }

        // ---- the server --------------------------------------------------------------------------------------------

        /** The server parses what was written on this wire up to an offset; a frame that is not whole does not count. */
        void parse(MemoryWire wire, int to) {
            byte[] bytes = wire.written.toByteArray();
            while (wire.parsed < to) {
                int at = wire.parsed;
                int lineEnd = at;
                while (bytes[lineEnd] != '\r') {
                    lineEnd++;
                }
                String[] words = new String(bytes, at, lineEnd - at, US_ASCII).split(" ");
                boolean hasHeader = words[0].equals("HPUB");
                assertTrue(hasHeader || words[0].equals("PUB"), "a frame begins where the last one ended");
                int header = hasHeader ? Integer.parseInt(words[words.length - 2]) : 0;
                int total = Integer.parseInt(words[words.length - 1]);
                String reply = words.length == (hasHeader ? 5 : 4) ? words[2] : null;
                int payload = lineEnd + 2 + header;
                int frameEnd = lineEnd + 2 + total + 2;
                if (frameEnd > to) {
                    return;
                }
                assertTrue(total <= wire.maxPayload, "nothing goes out that the server does not take");
                if (hasHeader) {
                    String text = new String(bytes, lineEnd + 2, header, US_ASCII);
                    assertTrue(text.matches("NATS/1\\.0\r\nNats-Msg-Id: id-[0-9a-f]{16}\r\n\r\n"), text);
                }
                assertEquals('\r', bytes[frameEnd - 2]);
                assertEquals('\n', bytes[frameEnd - 1]);
                int number = 0;
                for (int i = payload; bytes[i] != ';'; i++) {
                    number = number * 10 + bytes[i] - '0';
                }
                assertTrue(words[1].endsWith(".VIN" + vehicleOf.get(number) + ".data"), words[1]);
                Function<String, String> name = names.get(vehicleOf.get(number));
                boolean denied = name != null && (reply == null || random.nextInt(10) == 0);
                if (denied) {
                    wire.refused.merge(name.apply(words[1]), 1, Integer::sum);
                    wire.denied.add(number);
                    postponed = true; // if it is written again, and no longer denied, it comes late
                } else if (reply != null && streamFails && random.nextInt(10) == 0) {
                    noResponders.add(FrameEncoder.numberOf(reply));
                    postponed = true;
                } else {
                    if (arrived.add(number)) {
                        arrivals.add(number);
                    }
                    if (reply != null && !(silent && vehicleOf.get(number) == 0)) {
                        acks.add(FrameEncoder.numberOf(reply));
                    }
                }
                wire.parsed = frameEnd;
            }
        }

        // ---- invariants --------------------------------------------------------------------------------------------

        void check() {
            assertTrue(journal.records() >= live.size(), "what is live is counted");
            assertTrue(journal.records() <= 900);
            int longerFrames = 100 * 900; // what was accepted with less around it stays accepted
            assertTrue(journal.bytes() <= 300_000 + longerFrames || journal.records() == 1, "bounded");
            assertTrue(
                    journal.held() <= 300_000 * 9 / 8 + longerFrames + 5 * Block.SIZE || journal.records() == 1,
                    journal.held() + " bytes are held");
            if (barrier == null && !writing) {
                assertEquals(live.size(), journal.records());
            }
            int[] last = new int[VEHICLES];
            Arrays.fill(last, -1);
            if (postponed) {
                return; // what is stored late comes late
            }
            for (int number : arrivals) {
                int vehicle = vehicleOf.get(number);
                assertTrue(last[vehicle] < number, "first arrivals of a vehicle are in the order of offering");
                last[vehicle] = number;
            }
        }

        /**
         * Lets it come to rest: with a connection that takes everything, nothing stays behind, whether it can be confirmed or
         * has expired meanwhile.
         */
        void settle() {
            settling = true;
            endWrite();
            endBarrier();
            if (current == null || current.maxPayload < 1_000_000 || random.nextBoolean()) {
                cut();
                current = new MemoryWire(1_000_000);
                journal.opened(current);
            }
            int late = random.nextInt(20);
            for (int i = 0; i < 5_000 && (i <= late || journal.records() > 0); i++) {
                inspect();
                write();
                endWrite();
                if (i <= late) {
                    offer(); // perhaps into a block that is on the wire
                }
                resting = i >= late;
                now += i == late ? 121_000_000_000L : 100_000_000;
                startBarrier();
                endBarrier();
                answer(true);
                takeAnswered();
                if (journal.hasExpired(now)) {
                    Ended ended = new Ended();
                    journal.expire(now, new Failure(Failure.Kind.EXPIRED, "by the test"), ended);
                    end(ended);
                }
            }
            assertEquals(0, journal.records());
            assertEquals(0, journal.bytes());
            assertTrue(live.isEmpty());
            assertTrue(arrived.containsAll(confirmed));
            Set<Integer> both = new HashSet<>(confirmed);
            both.retainAll(failed);
            assertTrue(both.isEmpty());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void whatever_happens_in_whatever_order_the_invariants_hold(long series) {
        for (int run = 0; run < RUNS; run++) {
            long seed = series * 1_000_003 + run;
            World world = new World(seed);
            try {
                for (int i = 0; i < STEPS; i++) {
                    switch (world.random.nextInt(18)) {
                        case 0, 1, 2 -> world.offer();
                        case 3, 4 -> world.write();
                        case 5, 6 -> world.endWrite();
                        case 7 -> world.startBarrier();
                        case 8 -> world.endBarrier();
                        case 9 -> world.cut();
                        case 10 -> world.open();
                        case 11 -> world.inspect();
                        case 12 -> world.expire();
                        case 13, 14 -> world.answer(false);
                        case 15 -> world.takeAnswered();
                        case 16 -> world.passTime();
                        default -> world.change();
                    }
                    world.check();
                }
                world.settle();
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + e, e);
            }
        }
    }
}
