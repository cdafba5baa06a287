package io.fleettelemetry.datastore.nats.journal;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.jnats.port.Refusals;
import io.fleettelemetry.jnats.port.Refusals.Answers;
import io.fleettelemetry.jnats.port.Refusals.Refusal;
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
 * Random interleavings of everything that can happen to a journal and its {@link Confirmer}, one step at a time, with the
 * invariants of TESTPLAN.md checked after every step. The threads' steps are cut where they let go of the lock: a write has a
 * beginning and an end, and whenever the confirmer asks a wire or calls a receipt, anything may happen meanwhile.
 *
 * <p>The simulated server maps and denies subjects, refuses in its own words, answers late, twice or not at all, goes slow and
 * dies; receipts throw.
 */
class JournalPropertyTest {

    private static final int RUNS = 1_000;
    private static final int STEPS = 400;
    private static final int VEHICLES = 3;
    private static final long SILENT_NANOS = 5_000_000_000L;

    /** A connection in memory: what was written, how much of it the server has parsed, and what it has said. */
    private static final class MemoryWire implements Wire {
        final World world;
        final ByteArrayOutputStream written = new ByteArrayOutputStream();
        final long maxPayload;
        /** What the server has said when it ended the connection before; null if it did not say a word. */
        final String fatalBefore;

        boolean up = true;
        /** Whether the journal has been told that it is not. */
        boolean told;

        int parsed;
        /** Where the PING is that has had no verdict; -1 if none is out. */
        int pingAt = -1;

        boolean ponged;
        /** What the server has refused since its last PONG, in its words, and the numbers of the records that it has denied. */
        Map<String, Integer> refused = new HashMap<>();

        Set<Integer> denied = new HashSet<>();
        /** The same before its last PONG. */
        Map<String, Integer> refusedBefore = Map.of();

        Set<Integer> deniedBefore = Set.of();
        /** From where on it answers each frame; -1 if it was not asked to, or does not. */
        int answersFrom = -1;

        int answeredFrames;
        List<Refusal> refusedFrames = new ArrayList<>();
        Answers answersBefore;
        /** Whether what it says next may be about frames that are written again on this wire. */
        boolean sweeps;

        MemoryWire(World world, long maxPayload, String fatalBefore) {
            this.world = world;
            this.maxPayload = maxPayload;
            this.fatalBefore = fatalBefore;
        }

        @Override
        public void write(byte[] frames, int from, int to) {
            written.write(frames, from, to - from);
        }

        @Override
        public long taken() {
            return written.size();
        }

        @Override
        public void ping(Runnable answered) {
            if (up) {
                assertEquals(-1, pingAt, "one barrier at a time");
                pingAt = written.size();
                ponged = false;
            }
        }

        /** Some servers do, and some of these not quite. */
        @Override
        public boolean answerEach() {
            if (answersFrom < 0 && world.answersEach) {
                answersFrom = written.size();
            }
            return answersFrom >= 0;
        }

        void answer(int at, String refusal) {
            if (answersFrom >= 0 && at >= answersFrom) {
                if (refusal != null) {
                    refusedFrames.add(new Refusal(answeredFrames, refusal));
                }
                answeredFrames++;
            }
        }

        void pong() {
            ponged = true;
            answersBefore = answersFrom < 0 || pingAt < answersFrom ? null : new Answers(answeredFrames, refusedFrames);
            answeredFrames = world.random.nextInt(20) == 0 ? 1 : 0; // an answer too many
            refusedFrames = new ArrayList<>();
            refusedBefore = refused;
            deniedBefore = denied;
            refused = new HashMap<>();
            denied = new HashSet<>();
        }

        @Override
        public Verdict verdict() {
            boolean closed = !up;
            world.meanwhile();
            // A barrier of a wire that has ended is never to be believed, whatever it tells.
            if (pingAt >= 0 && (ponged || closed && told && world.random.nextBoolean())) {
                pingAt = -1;
                world.judges(this);
                return Verdict.PASSED;
            }
            return closed ? Verdict.IN_DOUBT : Verdict.PENDING;
        }

        @Override
        public Refusals refused() {
            world.meanwhile();
            return new Refusals(Map.copyOf(refusedBefore), true, answersBefore);
        }

        @Override
        public String fatalBefore() {
            world.meanwhile();
            return fatalBefore;
        }

        @Override
        public void cut() {
            world.meanwhile();
            if (up) {
                world.cut(this);
            }
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

    /** One journal, its confirmer, its world, and what has happened so far. */
    private static final class World implements Confirmer.Ends {
        final Random random;
        final boolean headers;
        /** Whether the stream says 503 or 429 to some records, and refuses some for good. */
        final boolean streamFails;
        /** Whether the stream of the first vehicle answers nothing. */
        final boolean silent;
        /** Whether the server answers each frame if it is asked to. */
        final boolean answersEach;
        /** Whether the server takes its time. */
        final boolean slow;
        /** Whether receipts throw, now and then. */
        final boolean throwing;

        final boolean denies;
        final List<String> vins;
        /** What each vehicle's frames draw: null for those that the server takes, else what it says. */
        final List<Function<String, String>> names = new ArrayList<>();

        boolean stores;
        /** Whether what is to be stored goes out in batches. */
        boolean batches;

        /** Whether all goes out in batches all the time; then what was written on a link that has died may arrive at any time. */
        final boolean onlyBatches;

        final BatchStream stream;
        long now = System.nanoTime();
        final Journal journal;
        final Confirmer confirmer;
        /** What went wrong while the confirmer was at work, which lets nothing through. */
        Throwable problem;

        /** The wire whose barrier the confirmer is about to judge, as long as it is the one in use. */
        MemoryWire judged;

        boolean searching;
        final Step step = new Step();
        final Set<MemoryWire> wires = new HashSet<>();
        MemoryWire current;
        String lastWords;
        boolean writing;
        byte[] inHand;

        int offered;
        final Map<Integer, Integer> vehicleOf = new HashMap<>();
        final Set<Integer> live = new HashSet<>();
        final Set<Integer> confirmed = new HashSet<>();
        final Set<Integer> failed = new HashSet<>();
        final List<Integer> arrivals = new ArrayList<>();
        /** What the server has parsed; of what is to be stored, what it has stored. */
        final Set<Integer> arrived = new HashSet<>();

        /** What it has ever refused. */
        final Set<Integer> everDenied = new HashSet<>();

        /** Answers on their way, by the numbers of frames. */
        final Deque<Long> acks = new ArrayDeque<>();

        final Deque<Long> noResponders = new ArrayDeque<>();
        final Deque<Long> refusals = new ArrayDeque<>();
        /** Whether one stream stores all, as far as is known. */
        final boolean oneStream;

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
            vins = random.nextBoolean() ? List.of("VIN0", "VIN1", "VIN2") : List.of("O'HARA", "A\"B", "A\\B");
            for (int i = 0; i < VEHICLES; i++) {
                names.add(name());
            }
            silent = random.nextInt(3) == 0;
            answersEach = random.nextInt(4) != 0;
            slow = random.nextInt(3) == 0;
            throwing = random.nextInt(10) == 0;
            stores = random.nextBoolean();
            oneStream = random.nextBoolean();
            onlyBatches = random.nextInt(3) == 0;
            stores |= onlyBatches;
            batches = onlyBatches || random.nextBoolean();
            stream = new BatchStream(random, streamFails);
            journal = new Journal(settings(), encoder(), () -> now);
            confirmer = new Confirmer(journal, this);
            Thread idle = new Thread(() -> {});
            journal.servedBy(idle, idle);
        }

        private Function<String, String> name() {
            String other = vins.get(random.nextInt(VEHICLES));
            return switch (denies ? random.nextInt(8) : 7) {
                case 0, 1 -> subject -> publish(subject);
                case 2 -> subject -> publish("eu." + subject);
                case 3 -> subject -> publish("all.of.them");
                case 4 -> subject -> publish(namespace + "." + other + ".data");
                case 5 -> subject -> "Something Else";
                default -> null;
            };
        }

        /** Quotes as Go's {@code %q} does. */
        private static String publish(String subject) {
            String quoted = subject.replace("\\", "\\\\").replace("\"", "\\\"");
            return "Permissions Violation for Publish to \"" + quoted + "\"";
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
                    new Subjects(namespace),
                    headers || stores ? "id-" : "",
                    stores ? "_INBOX.test" : "",
                    stores && batches);
        }

        static int number(TelemetryRecord record) {
            return Integer.parseInt(record.txid());
        }

        // ---- what the confirmer does -------------------------------------------------------------------------------

        private final Receipt receipt = new Receipt() {
            @Override
            public boolean confirmed(TelemetryRecord record) {
                return false;
            }

            @Override
            public void failed(TelemetryRecord record, Failure why) {
                // counted below
            }
        };

        @Override
        public void confirmed(TelemetryRecord record, Receipt itsReceipt) {
            ends(record, itsReceipt, confirmed);
        }

        @Override
        public void failed(TelemetryRecord record, Receipt itsReceipt, Failure why) {
            boolean byName = journal.encoder().asksForAnswers();
            guard(() -> assertTrue(
                    why.kind() != Failure.Kind.DENIED || byName || everDenied.contains(number(record)),
                    "DENIED, so the server has refused it"));
            ends(record, itsReceipt, failed);
        }

        private void ends(TelemetryRecord record, Receipt itsReceipt, Set<Integer> ended) {
            int number = number(record);
            guard(() -> {
                assertTrue(itsReceipt == receipt);
                assertTrue(live.remove(number), "ends once");
                assertTrue(ended == failed || arrived.contains(number), "confirmed, so the server has it");
                ended.add(number);
            });
            meanwhile();
            if (throwing && random.nextInt(5) == 0) {
                Thread.currentThread().interrupt();
                throw new ByTheTest();
            }
        }

        private static final class ByTheTest extends Error {
            private static final long serialVersionUID = 1;

            ByTheTest() {
                super("thrown by the test", null, false, false);
            }
        }

        @Override
        public Failure expired() {
            meanwhile();
            return new Failure(Failure.Kind.EXPIRED, "by the test");
        }

        @Override
        public void refused(String words, boolean search) {
            searching = search;
            meanwhile();
        }

        void judges(MemoryWire wire) {
            judged = wire.told ? null : wire;
            searching = false;
        }

        private void guard(Runnable check) {
            try {
                check.run();
            } catch (AssertionError | RuntimeException e) {
                problem = problem == null ? e : problem;
            }
        }

        /** The confirmer holds no lock now, and others go on. */
        void meanwhile() {
            if (!settling && random.nextInt(20) == 0) {
                guard(() -> others(random.nextInt(16)));
            }
        }

        void confirm() {
            judged = null;
            boolean core = !journal.encoder().asksForAnswers();
            confirmer.step();
            assertFalse(Thread.interrupted(), "an interrupt that a receipt has left means nothing");
            if (problem != null) {
                throw new AssertionError(problem);
            }
            if (judged != null) {
                boolean sweeps = judged.sweeps;
                judged.sweeps = searching;
                if (!searching && !sweeps && core) {
                    judged.deniedBefore.forEach(number -> assertFalse(live.contains(number), "what is denied ends"));
                }
            }
        }

        // ---- what others do ----------------------------------------------------------------------------------------

        void others(int which) {
            switch (which) {
                case 0, 1, 2 -> offer();
                case 3, 4 -> write();
                case 5, 6 -> endWrite();
                case 7, 8 -> serve();
                case 9 -> cut();
                case 10 -> open();
                case 11, 12 -> answer(false);
                case 13 -> passTime();
                case 14 -> watch();
                default -> change();
            }
        }

        void offer() {
            for (int i = resting ? -1 : random.nextInt(8); i >= 0; i--) {
                int number = offered++;
                int vehicle = random.nextInt(VEHICLES);
                byte[] payload = new byte[size()];
                byte[] text = (number + ";").getBytes(US_ASCII);
                System.arraycopy(text, 0, payload, 0, Math.min(text.length, payload.length));
                TelemetryRecord record = TelemetryRecord.of(vins.get(vehicle), "V", "" + number, payload, Map.of());
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
            judged = judged != null && journal.knows(judged) ? judged : null;
            if (step.ping != null) {
                if (step.answerEach) {
                    ((MemoryWire) step.ping).answerEach();
                }
                ((MemoryWire) step.ping).ping(journal.barrierAnswered());
                step.ping = null;
            }
            if (step.kind == Step.Kind.WRITE) {
                writing = true;
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
                wire.told = true;
                judged = wire == judged ? null : judged;
                journal.failed(step);
            }
        }

        /** The server goes on for a while. */
        void serve() {
            if (onlyBatches && random.nextInt(10) == 0) {
                wires.stream()
                        .filter(old -> !old.up && old != current)
                        .findAny()
                        .ifPresent(old -> parse(old, old.written.size()));
            }
            if (current != null) {
                int left = current.written.size() - current.parsed;
                serve(current, current.parsed + (slow ? Math.min(left, random.nextInt(20_000)) : left));
                now += slow ? random.nextInt(1_000_000_000) : 0;
            }
        }

        private void serve(MemoryWire wire, int to) {
            if (wire.pingAt >= 0 && !wire.ponged && to >= wire.pingAt) {
                parse(wire, wire.pingAt);
                wire.pong();
            }
            parse(wire, to);
        }

        void cut() {
            if (current != null) {
                cut(current);
            }
        }

        void cut(MemoryWire wire) {
            // Any part of what was written may have arrived, but for what a barrier has proven.
            parse(wire, random.nextInt(wire.written.size() + 1));
            wire.up = false;
            lastWords = random.nextInt(5) == 0 ? "'Unknown Protocol Operation'" : null;
            if (random.nextBoolean()) {
                tell(wire); // else the journal learns of it when the next one opens
            }
            if (wire == current) {
                current = null;
            }
        }

        private void tell(MemoryWire wire) {
            wire.told = true;
            judged = null;
            journal.closed(wire);
        }

        void open() {
            if (current == null) {
                wires.stream().filter(old -> !old.up).forEach(old -> old.told = true);
                current = wire(random.nextInt(4) == 0 ? 1_500 : 1_000_000);
                judged = null;
                journal.opened(current);
            }
        }

        private MemoryWire wire(int maxPayload) {
            MemoryWire wire = new MemoryWire(this, maxPayload, lastWords);
            wires.add(wire);
            return wire;
        }

        void change() {
            if (random.nextInt(5) == 0 && !onlyBatches) {
                namespace = random.nextBoolean() ? "ns" : "other";
                stores = random.nextBoolean();
                batches = random.nextBoolean();
                stream.takes = random.nextInt(4) != 0;
                MemoryWire mine = wire(random.nextInt(4) == 0 ? 1_500 : 1_000_000);
                journal.prepare(mine, encoder(), settings(), () -> {
                    if (current != null) {
                        parse(current, random.nextInt(current.written.size() + 1));
                        current.up = false;
                    }
                    current = mine;
                });
            }
            if (random.nextInt(20) == 0) {
                journal.unusable(new Failure(Failure.Kind.ERROR, "by the test"));
            } else {
                journal.unusable(null);
            }
        }

        /** JetStream's answers: some get lost, and some come twice. */
        void answer(boolean all) {
            for (int i = all ? acks.size() : Math.min(acks.size(), random.nextInt(10)); i > 0; i--) {
                long number = random.nextBoolean() ? acks.pollFirst() : acks.pollLast();
                if (all || random.nextInt(20) > 0) {
                    journal.stored(number);
                }
                if (random.nextInt(10) == 0) {
                    acks.add(number);
                }
            }
            for (int i = all ? stream.replies.size() : random.nextInt(stream.replies.size() + 1); i > 0; i--) {
                BatchReply reply = stream.replies.poll();
                if (all || !stream.mayLose(reply)) {
                    journal.replied(reply);
                }
                if (random.nextInt(20) == 0) {
                    stream.replies.add(reply); // late, and twice
                }
            }
            while (!noResponders.isEmpty() && (all || random.nextBoolean())) {
                journal.postponed(noResponders.poll(), oneStream);
            }
            while (!refusals.isEmpty() && (all || random.nextBoolean())) {
                journal.refused(refusals.poll(), new Failure(Failure.Kind.ERROR, "by the test"));
            }
        }

        void passTime() {
            now += switch (random.nextInt(40)) {
                case 0 -> {
                    stream.forget();
                    yield 121_000_000_000L;
                }
                case 1, 2, 3, 4 -> 6_000_000_000L;
                default -> random.nextInt(1_000_000);
            };
        }

        /** As the watchdog does. */
        void watch() {
            if (journal.isSilentFor(SILENT_NANOS)) {
                cut();
            }
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
                if (reply != null && total == header) {
                    wire.parsed = frameEnd;
                    stream.arrives(reply, -1, none -> {});
                    continue;
                }
                int number = 0;
                for (int i = payload; bytes[i] != ';'; i++) {
                    number = number * 10 + bytes[i] - '0';
                }
                assertTrue(words[1].endsWith("." + vins.get(vehicleOf.get(number)) + ".data"), words[1]);
                Function<String, String> name = names.get(vehicleOf.get(number));
                boolean denied = name != null && (reply == null || random.nextInt(10) == 0);
                wire.answer(wire.parsed, denied ? name.apply(words[1]) : null);
                if (denied) {
                    wire.refused.merge(name.apply(words[1]), 1, Integer::sum);
                    wire.denied.add(number);
                    everDenied.add(number);
                    // If it is written again, and no longer denied, it comes late.
                    postponed |= reply == null || !FrameEncoder.isOfBatch(reply);
                } else if (reply != null && FrameEncoder.isOfBatch(reply)) {
                    stream.arrives(reply, number, this::arrives);
                } else if (reply != null && streamFails && random.nextInt(10) == 0) {
                    (random.nextInt(4) == 0 ? refusals : noResponders).add(FrameEncoder.numberOf(reply));
                    postponed = true;
                } else {
                    arrives(number);
                    if (reply != null && !(silent && vehicleOf.get(number) == 0)) {
                        acks.add(FrameEncoder.numberOf(reply));
                    }
                }
                wire.parsed = frameEnd;
            }
        }

        private void arrives(int number) {
            // What has failed may be on its way for as long as a link is half open.
            if (arrived.add(number) && (live.contains(number) || !onlyBatches)) {
                arrivals.add(number);
            }
        }

        // ---- invariants --------------------------------------------------------------------------------------------

        void check() {
            assertTrue(journal.records() <= 900);
            int longerFrames = 150 * 900; // what was accepted with less around it stays accepted
            assertTrue(journal.bytes() <= 300_000 + longerFrames || journal.records() == 1, "bounded");
            assertTrue(
                    journal.held() <= 300_000 * 9 / 8 + longerFrames + 5 * Block.SIZE || journal.records() == 1,
                    journal.held() + " bytes are held");
            assertEquals(live.size(), journal.records());
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
            journal.unusable(null);
            confirm();
            if (current == null || current.maxPayload < 1_000_000 || random.nextBoolean()) {
                cut();
                current = wire(1_000_000);
                journal.opened(current);
            }
            int late = random.nextInt(20);
            for (int i = 0; i < 5_000 && (i <= late || journal.records() > 0); i++) {
                write();
                endWrite();
                if (i <= late) {
                    offer(); // perhaps into a block that is on the wire
                }
                resting = i >= late;
                now += i == late ? 121_000_000_000L : 100_000_000;
                serve(current, current.written.size());
                answer(true);
                confirm();
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
    void the_invariants_hold_after_random_steps_in_any_order(long series) {
        for (int run = 0; run < RUNS; run++) {
            long seed = series * 1_000_003 + run;
            World world = new World(seed);
            try {
                for (int i = 0; i < STEPS; i++) {
                    int which = world.random.nextInt(20);
                    if (which >= 16) {
                        world.confirm();
                    } else {
                        world.others(which);
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
