package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * Everything that was accepted and has not ended, as ready frames in blocks, in the order of offering and bounded. What is
 * in flight, what is written again after a broken link, what keeps the order and what goes to the socket are the same
 * bytes.
 *
 * <p>Many threads {@link #offer}. One, the {@link Writer}, asks for the next thing to write and says when it is written. One,
 * the {@link Completer}, asks for barriers and ends records: no other thread ends a record that was accepted. All state is
 * guarded by this object's monitor; nothing is written, waited for or called back under it. The two threads sleep by
 * parking, so that an offer wakes the writer without allocating anything.
 *
 * <p>The list of blocks, oldest first, has the open one at its end, to which offers append. The
 * cursor is the first block with frames that were not written on the current wire: a new wire, a new epoch, sets it back to
 * the head, and all that is live is written again, ahead of anything newer.
 */
public final class Journal implements Answers {

    /** What a record costs besides its frame, in bytes. */
    static final int RECORD_OVERHEAD = 128;

    /** While there is more to write, a barrier goes out behind every so many bytes. */
    private static final long BARRIER_BYTES = 1 << 20;

    /** After so many wires in a row that died without a barrier, the head goes out in small parts. */
    private static final int MAX_BARREN = 2;

    /** A write that takes so long was held up by a full socket. */
    private static final long HELD_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /**
     * What may be under way between here and the server's parser, in bytes, is found out: a link that is new, or has died, gets
     * little, and more with each barrier that passes soon. What a slow link gets it has passed on before it counts as silent.
     * The most is more than both ends' buffers hold.
     */
    private static final int MIN_BUDGET = 16 << 10;

    private static final int FIRST_BUDGET = 128 << 10;
    private static final int MAX_BUDGET = 16 << 20;

    /** What the system keeps of it, where we do not see it move. */
    private static final int MIN_KEPT = 64 << 10;

    private static final int MAX_KEPT = 2 << 20;

    /** How soon the writer looks again when it has something to write and may not. */
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** JetStream: frames without an answer are written again after this, or after less if no stream took them ... */
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final long POSTPONE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    /** What could not be stored while other records are being stored is written again after this: a queue was full. */
    private static final long QUEUED_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    /** ... and then after twice as long, and so on, up to this. */
    private static final long MAX_RETRY_NANOS = TimeUnit.SECONDS.toNanos(16);

    private static final int MAX_DOUBLINGS = 6;

    /** Frames that go out together at most while blocks go out in small parts; more than a block has. */
    private static final int MAX_CAUTIOUS = 1 << 20;

    /**
     * JetStream: the window, how many young frames may be without an answer. Servers refuse (429) what they could not store in
     * time: then it is halved, and grows again by so much for as many answers as it is wide.
     */
    private static final int MAX_WINDOW = 8_192;

    private static final int MIN_WINDOW = 32;
    private static final int WINDOW_GROWTH = 8;

    /** JetStream: a frame that has had no answer for so long does not hold up others: its stream may be silent. */
    private static final long YOUNG_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long AGE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** JetStream: what was written again so often, the last time after ten seconds, is told to be without an answer. */
    private static final int SILENT_RETRIES = 2;

    /**
     * JetStream: while answers keep coming, the completer takes those of so long at once, or earlier those of a good part of
     * all records in flight: waking it for every few answers costs more than all the rest of a record.
     */
    private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final int GATHERED_PART = 8;

    /** How soon the completer looks again if nobody wakes it. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** Arrays can be no longer. */
    private static final int MAX_FRAME = Integer.MAX_VALUE - 8;

    private static final long MIN_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    /** What the writer is to do: its own object, filled in by {@link #next}. */
    static final class Step {
        enum Kind {
            /** Write these ranges of this block to this wire, and say {@link #wrote} or {@link #failed}. */
            WRITE,
            /** Nothing, until unparked or {@link #parkNanos} have passed. */
            PARK,
            STOP
        }

        Kind kind;
        /** Begin a barrier on this wire, before anything else; null if none is to begin. Whoever has done so takes it away. */
        Wire ping;

        long parkNanos;
        Wire wire;
        Block block;
        /** Pairs of offsets in the block's bytes, from and to. */
        int[] ranges = new int[64];

        int rangeCount;
        /** Bytes of all ranges. */
        private int bytes;
        /** How many of the block's frames are written once this step is. */
        private int frames;
        /** Whether these have been written on this wire before. */
        private boolean again;

        private int epoch;
        /** How much of what is written the system may keep to itself, in bytes. */
        int mayKeep;

        /** @param most ranges that may come, for which no memory is needed then */
        private void clear(int most) {
            if (2 * most > ranges.length) {
                ranges = new int[2 * most];
            }
            rangeCount = 0;
            bytes = 0;
        }

        private void range(int from, int to) {
            bytes += to - from;
            if (rangeCount > 0 && ranges[2 * rangeCount - 1] == from) {
                ranges[2 * rangeCount - 1] = to;
                return;
            }
            ranges[2 * rangeCount] = from;
            ranges[2 * rangeCount + 1] = to;
            rangeCount++;
        }
    }

    /**
     * A barrier that begins, and what it proves: what was written in this epoch up to the record with this number. That is all
     * that was written before it, and nothing else.
     *
     * @param encoder what made these frames
     */
    record Mark(Wire wire, int epoch, FrameEncoder encoder, long number) {}

    /**
     * Records whose receipts are to be called, in this order; then they are to be given back by {@link #release(Ended)},
     * until when they count as in use.
     */
    static class Ended {
        final ArrayList<TelemetryRecord> records = new ArrayList<>();
        final ArrayList<Receipt> receipts = new ArrayList<>();
        /** Null for a confirmed record. */
        final ArrayList<Failure> failures = new ArrayList<>();
        /** How many of them were told. */
        int told;

        private long charge;

        /** Makes sure that this many more need no memory: what there is no memory for must not have half ended. */
        void reserve(int more) {
            int size = records.size() + more;
            records.ensureCapacity(size);
            receipts.ensureCapacity(size);
            failures.ensureCapacity(size);
        }

        private void add(Block block, int frame, Failure failure) {
            charge += block.charge(frame);
            records.add(block.record(frame));
            receipts.add(block.receipt(frame));
            failures.add(failure);
        }

        private void clear() {
            records.clear();
            receipts.clear();
            failures.clear();
            told = 0;
            charge = 0;
        }
    }

    /** How many records a stream has not answered to, and the oldest of them. */
    public record Unanswered(int records, TelemetryRecord oldest) {

        public String inWords(Subjects subjects) {
            return "no stream has answered for 10 s or more: " + records
                    + (records == 1 ? " record waits" : " records wait") + ", the oldest for " + subjects.of(oldest)
                    + "; they are published again";
        }
    }

    /** A wire with other settings that is to take over. */
    private record Switch(Wire wire, FrameEncoder encoder, NatsSettings settings, long deadline, Runnable done) {}

    private FrameEncoder encoder;
    private NatsSettings settings;

    private final Blocks blocks = new Blocks();
    private Block cursor;
    private long usedBytes;
    private int usedRecords;
    private long recordNumber;

    /** The wire in use, and the one that was announced last; the writer takes it over between two writes. */
    private Wire wire;

    private Wire announced;
    private int epoch;
    private Switch waiting;
    private Runnable switched;

    private boolean barrierOut;
    private Mark mark;
    /** Written in this epoch: up to the record with this number; -1 if nothing was. */
    private long lastNumber;
    /** Whether no mark covers some of that, and how much; and how much the barrier that is out covers. */
    private boolean unproven;

    private long unprovenBytes;
    private long markedBytes;
    /** How much both may be. */
    private int budget = FIRST_BUDGET;

    private boolean wroteInEpoch;
    private boolean passedInEpoch;
    private long lastPassed;

    /** Wires in a row that died with frames and without a barrier. */
    private int barren;
    /** The oldest blocks go out in small parts, the first a single frame, a barrier behind each. */
    private boolean cautious;

    /** So far: the blocks that begin before this number. */
    private long cautiousEnd;
    /** How many of its frames go out together, and whether some are out: once that went well, twice as many. */
    private int cautiousFrames;

    private boolean cautiousOut;
    /** The frame that is alone on the wire, -1 if none is. */
    private int cautiousFrame = -1;
    /** The record that was alone on the wire when it died, and the one that the server has ended a wire for before. */
    private TelemetryRecord suspect;

    private TelemetryRecord struck;

    /**
     * Frames of the epoch before are on this wire, and what the server says of them is none of this epoch's business: nothing
     * is written before a barrier has passed.
     */
    private boolean sweep;

    /** Nothing is written before the completer has looked at what is live: the wire is new, and may take less. */
    private boolean inspect;

    /** JetStream: young frames on this wire, how many there may be, and the answers since that has grown. */
    private int unanswered;

    private int window = MAX_WINDOW;
    private int answersToGrow;
    /** JetStream: when a stream has stored something last. */
    private long storedAt;

    private long shrunkAt;
    private long lastAging;

    /** JetStream: when the next block is due to be written again, and where a look for such blocks goes on. */
    private long nextRetry;

    private Block retryScan;
    /** JetStream: records that were answered, for the completer to take. */
    private Ended answered = new Ended();
    /** JetStream: the completer has just taken some, and waits for more to come. */
    private boolean gathering;
    /** JetStream: answers for records that had ended already. */
    private long lateAnswers;

    /** Why nothing can be confirmed at present, and so nothing is accepted; null if something can. */
    private Failure unusable;

    private final LongSupplier nanoTime;
    /** As any thread has read it last. */
    private long clock;

    private boolean closed;
    private boolean stopped;

    private Thread writer;
    private Thread completer;
    private boolean writerParked;
    private boolean completerParked;
    private final Runnable barrierAnswered = this::unparkCompleter;

    /** When the writer began the write that it is in; 0 if it is in none. */
    private long writingSince;

    private Wire writingTo;

    private long barrierSince;
    /** When the link last showed that it is slow but moves: by a write that it held up. */
    private long heldUpAt;
    /** What the watchdog has seen last: how much a wire had taken, and since when the write was under way. */
    private long seenTaken;

    private long seenWriting;

    /** @param nanoTime the clock; {@link System#nanoTime}, but in tests */
    public Journal(NatsSettings settings, FrameEncoder encoder, LongSupplier nanoTime) {
        this.settings = settings;
        this.encoder = encoder;
        this.nanoTime = nanoTime;
        this.clock = nanoTime.getAsLong();
        this.heldUpAt = clock - TimeUnit.DAYS.toNanos(1);
        this.shrunkAt = heldUpAt;
        this.storedAt = heldUpAt;
        this.lastAging = heldUpAt;
    }

    /** Names the two threads that serve this journal, before they start. */
    public synchronized void servedBy(Thread writer, Thread completer) {
        this.writer = writer;
        this.completer = completer;
    }

    // ---- offering --------------------------------------------------------------------------------------------------

    /** Accepts a record without {@linkplain Subjects#flaw flaw}, or says why not. Never blocks, allocates nothing. */
    public Failure offer(TelemetryRecord record, Receipt receipt) {
        boolean wake;
        long now = nanoTime.getAsLong(); // nobody else reads it while both threads are held up
        synchronized (this) {
            clock = later(clock, now); // for deadlines are in the order of offering
            long length = encoder.length(record);
            Failure refusal = refusal(record, length);
            if (refusal != null) {
                return refusal;
            }
            append(
                    record,
                    receipt,
                    (int) length,
                    clock + settings.confirmTimeout().toNanos(),
                    recordNumber++);
            wake = writerParked;
            writerParked = false;
        }
        if (wake) {
            LockSupport.unpark(writer);
        }
        return null;
    }

    private Failure refusal(TelemetryRecord record, long length) {
        if (closed) {
            return new Failure(Failure.Kind.CLOSED, "the datastore is closed");
        }
        if (unusable != null) {
            return unusable;
        }
        Failure unfit = unfit(record, wire);
        if (unfit != null) {
            return unfit;
        }
        if (length > MAX_FRAME) {
            return tooLarge(length);
        }
        if (usedRecords >= settings.inflightMaxRecords()) {
            return new Failure(
                    Failure.Kind.FULL,
                    "inflight.max.records = " + settings.inflightMaxRecords()
                            + " is used up: so many records wait for confirmation");
        }
        if (usedRecords > 0 && areBytesUsedUp(length)) {
            return new Failure(
                    Failure.Kind.FULL,
                    "inflight.max.bytes = " + settings.inflightMaxBytes() + " is used up: " + usedBytes
                            + " bytes wait for confirmation, in buffers of " + blocks.held() + " bytes");
        }
        return null;
    }

    /**
     * What counts is what is held: a block in which little is left to confirm is as large as ever. What blocks hold beyond
     * that is free as long as it is little.
     */
    private boolean areBytesUsedUp(long length) {
        long most = settings.inflightMaxBytes();
        long held = blocks.held() + (long) usedRecords * RECORD_OVERHEAD - most / 8 - 2 * Block.SIZE;
        return Math.max(usedBytes, held) + length + RECORD_OVERHEAD > most;
    }

    /** Whether the wire's server would refuse the record; null if it would not, or there is no wire to ask. */
    private Failure unfit(TelemetryRecord record, Wire asked) {
        if (asked == null) {
            return null;
        }
        if (encoder.hasHeaders() && !asked.takesHeaders()) {
            return new Failure(
                    Failure.Kind.ERROR,
                    "the server takes no headers, which "
                            + (encoder.asksForAnswers() ? "delivery = jetstream" : "message.ids = true")
                            + " needs; allow them there, or set it otherwise");
        }
        long size = (long) record.payload().length + encoder.headerLength();
        if (size > asked.maxPayload()) {
            return new Failure(
                    Failure.Kind.TOO_LARGE,
                    "the payload has " + record.payload().length + " bytes"
                            + (encoder.hasHeaders() ? ", with its header " + size : "") + ", and the server takes "
                            + asked.maxPayload() + " (its max_payload)");
        }
        return null;
    }

    private static Failure tooLarge(long length) {
        return new Failure(
                Failure.Kind.TOO_LARGE, "its frame would have " + length + " bytes, and the most is " + MAX_FRAME);
    }

    private void append(TelemetryRecord record, Receipt receipt, int length, long deadline, long number) {
        Block block = blocks.last(length, encoder);
        put(record, receipt, deadline, number, block);
        usedBytes += length + RECORD_OVERHEAD;
        usedRecords++;
        if (cursor == null) {
            cursor = block;
        }
    }

    /** Encodes a record into a block that has room for it; if that fails nothing has changed. */
    private void put(TelemetryRecord record, Receipt receipt, long deadline, long number, Block block) {
        boolean added = false;
        try {
            int end = encoder.encode(record, number, block.bytes, block.length());
            block.add(record, receipt, end, deadline, number);
            added = true;
        } finally {
            if (!added && block.count() == 0) { // nobody would ever take an empty block out
                unlink(block);
            }
        }
    }

    private void unlink(Block block) {
        if (cursor == block) {
            cursor = block.next;
        }
        if (retryScan == block) {
            retryScan = block.next;
        }
        blocks.unlink(block);
    }

    // ---- wires -----------------------------------------------------------------------------------------------------

    /** A wire is open for frames, and the one before it is not. Called by any thread. */
    public void opened(Wire wire) {
        synchronized (this) {
            announced = wire;
        }
        wakeWriter();
    }

    /** A wire has gone; nothing if another has opened meanwhile. Called by any thread. */
    public void closed(Wire wire) {
        synchronized (this) {
            if (announced == wire) {
                announced = null;
            }
        }
        wakeWriter();
    }

    /**
     * A wire with other settings is open, and is to take over: when all that was written on the old one is proven, or
     * after {@code drain.timeout.ms}. Until then records are accepted and not written; what is not proven goes first on the
     * new wire. Does nothing if it has taken over, or is to, already.
     *
     * @param done is run by the writer when it has happened
     */
    public void prepare(Wire wire, FrameEncoder encoder, NatsSettings settings, Runnable done) {
        synchronized (this) {
            if (wire == announced || waiting != null && waiting.wire == wire) {
                return;
            }
            long deadline = nanoTime.getAsLong() + settings.drainTimeout().toNanos();
            waiting = new Switch(wire, encoder, settings, deadline, done);
        }
        wakeWriter();
    }

    /**
     * Puts settings in force that need no other wire.
     *
     * @param present those that should be in force now
     * @return false if others are, or are about to be: then nothing has changed
     */
    public boolean use(NatsSettings present, NatsSettings next) {
        synchronized (this) {
            if (waiting != null || !settings.equals(present)) {
                return false;
            }
            inForce(next);
        }
        wakeWriter();
        return true;
    }

    /** A shorter time to confirm holds for what is in flight, too, from now on; so deadlines stay in the order of offering. */
    private void inForce(NatsSettings next) {
        settings = next;
        long latest = clock + next.confirmTimeout().toNanos();
        for (Block block = blocks.head(); block != null; block = block.next) {
            block.limitDeadlines(latest);
        }
    }

    /** The wire that was to take over has gone. */
    public void withdraw(Wire wire) {
        synchronized (this) {
            if (waiting != null && waiting.wire == wire) {
                waiting = null;
            }
        }
        wakeWriter();
    }

    /**
     * Nothing can be confirmed from now on: everything in flight fails, and so does what is offered.
     *
     * @param why null once something can be again
     */
    public void unusable(Failure why) {
        synchronized (this) {
            unusable = why;
        }
        wakeCompleter();
    }

    private void leave() {
        if (wire == null) {
            return;
        }
        budget = Math.min(budget, FIRST_BUDGET);
        if (passedInEpoch) {
            barren = 0;
        } else if (wroteInEpoch) {
            barren++;
            budget = Math.max(MIN_BUDGET, budget / 2);
        }
        Block head = blocks.head();
        if (cautiousFrame >= 0 && isCautiousBlock(head) && head.isLive(cautiousFrame)) {
            suspect = head.record(cautiousFrame);
        }
        wire = null;
    }

    private void enter(Wire next) {
        wire = next;
        epoch++;
        cursor = blocks.head();
        lastNumber = -1;
        cautiousFrames = 1;
        cautiousOut = false;
        cautiousFrame = -1;
        unproven = false;
        unprovenBytes = 0;
        markedBytes = 0;
        unanswered = 0;
        wroteInEpoch = false;
        passedInEpoch = false;
        lastPassed = nanoTime.getAsLong();
        nextRetry = lastPassed + MAX_RETRY_NANOS;
        retryScan = null;
        if (!cautious && barren >= MAX_BARREN && cursor != null) {
            cautious = true;
            cautiousEnd = cursor.lastNumber() + 1;
        }
        inspect = true;
        sweep = false;
    }

    private boolean isCautiousBlock(Block block) {
        return cautious && block != null && block.number(0) < cautiousEnd;
    }

    private void adopt() {
        if (announced != wire) {
            leave();
            if (announced != null) {
                enter(announced);
            }
        }
        boolean drained = wire == null || !unproven && !barrierOut && !isUnderWay(blocks.head());
        if (waiting != null && (drained || waiting.deadline - nanoTime.getAsLong() <= 0)) {
            Switch now = waiting;
            waiting = null;
            leave();
            inForce(now.settings);
            if (!now.encoder.isLike(encoder)) {
                encoder =
                        now.encoder; // blocks that were made with another one are made anew when they are to be written
            }
            window = MAX_WINDOW;
            announced = now.wire;
            enter(now.wire);
            barrierSince = lastPassed; // one that is out on the old wire is none of this one's silence
            switched = now.done;
        }
    }

    /** Whether a block has live frames that were written on this wire; if the head has none, then none has. */
    private boolean isUnderWay(Block block) {
        return block != null && block.epoch == epoch && firstLive(block) < block.written;
    }

    /**
     * Makes the frames of the block at the cursor anew, in blocks before it. Takes memory for one block at most beyond what
     * it gives back, and a record is always in one place only: should there be no memory, what is left is made later.
     */
    private void reencode(Block old) {
        for (int i = firstLive(old); i < old.count(); i = firstLive(old, i)) {
            int length = (int) encoder.length(old.record(i));
            long charge = old.charge(i);
            Block block = blocks.before(old, length, encoder);
            put(old.record(i), old.receipt(i), old.deadline(i), old.number(i), block);
            old.finish(i);
            usedBytes += length + RECORD_OVERHEAD - charge;
            if (cursor == old) {
                cursor = block;
            }
        }
        unlink(old);
        blocks.recycle(old, settings.inflightMaxBytes());
    }

    // ---- the writer ------------------------------------------------------------------------------------------------

    /** Fills in what the writer is to do next. What it was to write before, and has not said a word of, has failed. */
    void next(Step step) {
        boolean wake = false;
        Runnable after;
        synchronized (this) {
            if (step.kind == Step.Kind.WRITE && step.block.pinned) {
                failed(step); // something was thrown before it was written
            }
            adopt();
            after = switched;
            long now = nanoTime.getAsLong();
            clock = now;
            step.kind = stopped ? Step.Kind.STOP : Step.Kind.PARK;
            step.parkNanos = after == null ? settings.heartbeat().toNanos() : MIN_PARK_NANOS;
            if (wire != null && !stopped && after == null) { // if that throws, nothing must have been taken
                if (inspect) {
                    wake = true;
                } else {
                    boolean begins = startBarrier(now);
                    step.ping = begins ? wire : step.ping;
                    wake = hasExpired(now); // a barrier wakes the completer when it is answered
                    if (!sweep && (takeAgain(step) || waiting == null && takeFrames(step))) {
                        step.kind = Step.Kind.WRITE;
                    } else {
                        step.parkNanos = Math.max(untilNext(now), MIN_PARK_NANOS);
                    }
                }
            }
            writerParked = step.kind == Step.Kind.PARK;
            writingSince = step.kind == Step.Kind.WRITE ? now : 0;
            writingTo = step.wire;
            step.mayKeep = Math.min(MAX_KEPT, Math.max(MIN_KEPT, budget));
        }
        if (wake) {
            wakeCompleter();
        }
        if (after != null) {
            after.run(); // if it throws it is run again
            synchronized (this) {
                switched = null;
            }
        }
    }

    private long untilNext(long now) {
        if (cursor != null && waiting == null || retryScan != null) {
            return LOOK_AGAIN_NANOS;
        }
        long until = waiting == null ? lastPassed + settings.heartbeat().toNanos() - now : waiting.deadline - now;
        return encoder.asksForAnswers() ? Math.min(until, nextRetry - now) : until;
    }

    /** Starts a barrier if none is out and something is to be proven: at once when there is no more to write. */
    private boolean startBarrier(long now) {
        boolean idle = waiting != null || cursor == null || cautious;
        boolean due = sweep
                || unproven && (idle || unprovenBytes >= Math.min(BARRIER_BYTES, budget / 2))
                || now - lastPassed >= settings.heartbeat().toNanos();
        if (barrierOut || !due) {
            return false;
        }
        mark = new Mark(wire, epoch, encoder, lastNumber);
        barrierOut = true;
        barrierSince = now;
        unproven = false;
        markedBytes = unprovenBytes;
        unprovenBytes = 0;
        return true;
    }

    /** JetStream: takes what has gone unanswered for too long, or could not be stored, if there is something. */
    private boolean takeAgain(Step step) {
        if (!encoder.asksForAnswers() || cautious || retryScan == null && nextRetry - clock > 0 || !hasBudget()) {
            return false;
        }
        if (retryScan == null) {
            retryScan = blocks.head();
            nextRetry = clock + MAX_RETRY_NANOS;
        }
        while (retryScan != null && retryScan.epoch == epoch) {
            Block block = retryScan;
            if (isDue(block) && !hasWindowFor(block.postponed())) {
                return false; // it goes on here
            }
            if (isDue(block) && takePostponed(step, block) || takeUnanswered(step, block)) {
                return true;
            }
            nextRetry = earlier(nextRetry, block.retryAt);
            if (block.postponed() > 0) {
                nextRetry = earlier(nextRetry, block.postponedUntil);
            }
            retryScan = block.next;
            join(block.previous, block);
        }
        retryScan = null;
        return false;
    }

    private boolean isDue(Block block) {
        return block.postponed() > 0 && block.postponedUntil - clock <= 0 && !isExpired(block, firstLive(block), clock);
    }

    private boolean takePostponed(Step step, Block block) {
        begin(step, block);
        int before = unanswered;
        for (int i = 0; i < block.count() && unanswered < window; i++) {
            if (block.isPostponed(i)) {
                step.range(block.start(i), block.end(i));
                block.isYoung(i);
                unanswered++;
            }
        }
        block.youngSince = clock;
        if (block.postponed() == 0) {
            block.postponements++;
        }
        return finish(step, block.written, unanswered > before);
    }

    private boolean takeUnanswered(Step step, Block block) {
        if (block.retryAt - clock > 0) {
            return false;
        }
        int frames = block.retryFrames;
        scheduleRetry(block);
        if (isExpired(block, firstLive(block), clock)) {
            return false;
        }
        begin(step, block);
        for (int i = 0; i < frames; i++) {
            if (block.isLive(i) && !block.isPostponed(i)) {
                step.range(block.start(i), block.end(i));
            }
        }
        if (step.rangeCount > 0) {
            block.retries = Math.min(block.retries + 1, MAX_DOUBLINGS);
            age(block);
        }
        return finish(step, block.written, step.rangeCount > 0);
    }

    private void begin(Step step, Block block) {
        step.clear(block.count());
        step.wire = wire;
        step.epoch = epoch;
        step.block = block;
        step.again = true;
    }

    private boolean finish(Step step, int frames, boolean taken) {
        step.frames = frames;
        step.block.pinned = taken;
        return taken;
    }

    /** JetStream: what is written of a block by now is written again in a while, a longer one each time. */
    private void scheduleRetry(Block block) {
        block.retryAt = clock + delay(RETRY_NANOS, block.retries);
        block.retryFrames = block.written;
        nextRetry = earlier(nextRetry, block.retryAt);
    }

    private static long delay(long nanos, int times) {
        return Math.min(nanos << Math.min(times, MAX_DOUBLINGS), MAX_RETRY_NANOS);
    }

    private static long earlier(long one, long other) {
        return one - other < 0 ? one : other;
    }

    /** JetStream: whether so many frames may go out, or a good part of what may; few at a time would cost too much. */
    private boolean hasWindowFor(int frames) {
        if (window - unanswered < enough(frames) && clock - lastAging >= AGE_NANOS) {
            lastAging = clock;
            for (Block block = blocks.head(); block != null && block.epoch == epoch; block = block.next) {
                if (clock - block.youngSince >= YOUNG_NANOS) {
                    age(block);
                }
            }
        }
        return window - unanswered >= enough(frames);
    }

    private int enough(int frames) {
        return Math.min(frames, window / 4);
    }

    private void age(Block block) {
        unanswered -= block.young();
        block.age();
    }

    /** JetStream: what is left in two blocks is brought together in the first, if it has waited for about as long. */
    private void join(Block block, Block following) {
        if (block != null
                && following != null
                && !cautious
                && encoder.asksForAnswers()
                && block.couldTake(following)
                && !block.pinned
                && !following.pinned
                && block.encoder == following.encoder
                && haveSameFate(block, following)) {
            block.compact();
            following.compact();
            block.take(following);
            block.retryAt = earlier(block.retryAt, following.retryAt);
            nextRetry = earlier(nextRetry, block.retryAt);
            if (block.postponed() > 0) {
                nextRetry = earlier(nextRetry, block.postponedUntil);
            }
            if (cursor == following) {
                cursor = block;
            }
            unlink(following);
            blocks.recycle(following, settings.inflightMaxBytes());
        }
    }

    private boolean haveSameFate(Block block, Block following) {
        if (block.epoch != epoch || following.epoch != epoch) {
            return block.epoch != epoch && following.epoch != epoch;
        }
        return block.written == block.count()
                && block.retryFrames == block.written
                && block.retries == following.retries
                && (block.retries > 0 || following.retryAt - block.retryAt < YOUNG_NANOS);
    }

    private static long later(long one, long other) {
        return one - other < 0 ? other : one;
    }

    private boolean takeFrames(Step step) {
        while (cursor != null && cursor.encoder != encoder) {
            reencode(cursor);
        }
        if (!isCautiousBlock(blocks.head())) {
            cautious = false; // it got through
        }
        if (cautious && !cautiousOut && !barrierOut && takeCautiously(step)) {
            return true;
        }
        Block block = cursor;
        if (cautious || block == null || !hasBudget() || isExpired(block, firstUnwritten(block), clock)) {
            return false; // what has expired must not go out: the completer is about to end it
        }
        int from = written(block);
        int most = Integer.MAX_VALUE;
        if (encoder.asksForAnswers()) {
            if (!hasWindowFor(block.count() - from)) {
                return false;
            }
            most = window - unanswered;
        }
        boolean taken = take(step, block, from, block.count(), most);
        if (step.frames == block.count()) {
            cursor = block.next;
        }
        return taken;
    }

    /** Takes a few frames of the head; none if all of them have been written. */
    private boolean takeCautiously(Step step) {
        Block head = blocks.head();
        if (isExpired(head, firstUnwritten(head), clock)) {
            return false;
        }
        int from = written(head);
        int to = from;
        for (int live = 0; live < cautiousFrames && to < head.count(); to++) {
            live += head.isLive(to) ? 1 : 0;
        }
        if (!take(step, head, from, to, Integer.MAX_VALUE)) {
            cautious = false;
            cursor = head.next;
            return false;
        }
        cautiousOut = true;
        cautiousFrame = cautiousFrames == 1 ? to - 1 : -1;
        return true;
    }

    /** Takes the live ones of some frames of a block that are new to this wire, so many at most; false if there are none. */
    private boolean take(Step step, Block block, int from, int to, int most) {
        begin(step, block);
        step.again = false;
        boolean answers = encoder.asksForAnswers();
        if (block.epoch != epoch) {
            block.begin(epoch);
            if (answers) {
                scheduleRetry(block);
            }
        }
        int taken = 0;
        int frame = from;
        long bytes = budgetLeft();
        for (; frame < to && taken < most; frame++) {
            if (block.isLive(frame)) {
                if (taken > 0 && block.end(frame) - block.start(frame) > bytes - step.bytes) {
                    break;
                }
                step.range(block.start(frame), block.end(frame));
                taken++;
                if (answers) {
                    block.isYoung(frame);
                }
            }
        }
        if (answers) {
            unanswered += taken;
            block.youngSince = clock;
        }
        return finish(step, frame, taken > 0);
    }

    /** How many frames of a block were written on this wire. */
    private int written(Block block) {
        return block.epoch == epoch ? block.written : 0;
    }

    /** The first live frame of a block that was not written on this wire; as many as it has if there is none. */
    private int firstUnwritten(Block block) {
        return firstLive(block, written(block));
    }

    private static int firstLive(Block block) {
        return firstLive(block, 0);
    }

    private static int firstLive(Block block, int from) {
        int frame = from;
        while (frame < block.count() && !block.isLive(frame)) {
            frame++;
        }
        return frame;
    }

    /** The step's write has returned. */
    synchronized void wrote(Step step) {
        if (step.epoch == epoch) {
            long now = nanoTime.getAsLong();
            clock = now;
            if (now - writingSince >= HELD_UP_NANOS) {
                heldUpAt = now;
            }
            wroteInEpoch = true;
            unproven = true;
            unprovenBytes += step.bytes;
            if (!step.again) {
                wroteFirst(step.block, step.frames);
            }
        }
        letGo(step.block);
    }

    private void wroteFirst(Block block, int frames) {
        boolean first = block.retryFrames == 0;
        lastNumber = block.number(frames - 1);
        block.written = frames;
        if (encoder.asksForAnswers()) {
            if (first) {
                scheduleRetry(block);
            } else if (block.retries == 0 && block.retryAt - clock > RETRY_NANOS - YOUNG_NANOS) {
                block.retryFrames = frames; // a moment later: they may share the time
            }
        }
    }

    /** The step's write has failed: the wire is gone, whether somebody has said so or not. */
    synchronized void failed(Step step) {
        if (step.epoch == epoch) {
            wroteInEpoch = true;
        }
        if (announced == step.wire) {
            announced = null;
        }
        letGo(step.block);
    }

    private void letGo(Block block) {
        writingSince = 0;
        boolean held = block.pinned;
        block.pinned = false;
        if (held && !block.linked) {
            blocks.recycle(block, settings.inflightMaxBytes());
        }
    }

    private void wakeWriter() {
        boolean wake;
        synchronized (this) {
            wake = writerParked;
            writerParked = false;
        }
        if (wake) {
            LockSupport.unpark(writer);
        }
    }

    // ---- the completer ---------------------------------------------------------------------------------------------

    /** Whether frames go out on this wire at present. */
    synchronized boolean isInUse(Wire asked) {
        return wire == asked;
    }

    /** The barrier that the writer has started; null if there is none to ask for. */
    synchronized Mark takeMark() {
        Mark taken = mark;
        mark = null;
        return taken;
    }

    /**
     * Says what came of a barrier. In JetStream it proves nothing but that the server is there, and has told what it denies.
     *
     * @param proven is filled with blocks that have left the journal and whose live records the server has parsed; each is to
     *     be given back by {@link #release}
     * @param ended is filled with such records of a block that goes on
     * @return whether it proves anything: false if the wire has changed meanwhile
     * @throws OutOfMemoryError and then it has proven nothing, and is in {@link #doubt}
     */
    boolean settle(Mark mark, boolean passed, ArrayList<Block> proven, Ended ended) {
        boolean good;
        synchronized (this) {
            barrierOut = false;
            good = passed && mark.epoch == epoch && wire == mark.wire && announced == mark.wire;
            if (good) {
                if (!encoder.asksForAnswers()) {
                    reserve(mark, proven, ended); // before anything has changed: this may throw
                }
                lastPassed = nanoTime.getAsLong();
                passedInEpoch = true;
                adapt(lastPassed - barrierSince);
                if (cautiousOut) {
                    cautiousFrames = Math.min(2 * cautiousFrames, MAX_CAUTIOUS);
                }
                sweep = false;
                cautiousOut = false;
                cautiousFrame = -1;
                if (!encoder.asksForAnswers()) {
                    takeProven(mark, proven, ended);
                }
            }
        }
        wakeWriter();
        return good;
    }

    private void reserve(Mark mark, ArrayList<Block> proven, Ended ended) {
        int whole = 0;
        Block block = blocks.head();
        while (isWholeProven(block, mark)) {
            whole++;
            block = block.next;
        }
        proven.ensureCapacity(proven.size() + whole);
        ended.reserve(block == null ? 0 : block.count());
    }

    /** The records that a barrier has reached and that have not ended, in core NATS; none if the wire has changed. */
    synchronized List<TelemetryRecord> reached(Mark mark) {
        List<TelemetryRecord> reached = new ArrayList<>();
        for (Block block = blocks.head(); mark.epoch == epoch && isBegun(block, mark); block = block.next) {
            for (int i = 0; i < block.count() && isProven(block, i, mark); i++) {
                if (block.isLive(i)) {
                    reached.add(block.record(i));
                }
            }
        }
        return reached;
    }

    /** A barrier has passed in this time. */
    private void adapt(long nanos) {
        long silent = settings.silent().toNanos();
        if (nanos >= silent / 2) {
            budget = Math.max(MIN_BUDGET, budget / 2);
        } else if (nanos <= silent / 4 && markedBytes >= budget / 4) {
            budget = Math.min(MAX_BUDGET, budget * 2);
        }
        markedBytes = 0;
    }

    /** How much more may be written before a barrier passes, in bytes. A frame that is larger goes alone. */
    private long budgetLeft() {
        return budget - unprovenBytes - markedBytes;
    }

    private boolean hasBudget() {
        return budgetLeft() >= Math.min(budget / 4, Block.SIZE);
    }

    private void takeProven(Mark mark, List<Block> proven, Ended ended) {
        Block head = blocks.head();
        while (isWholeProven(head, mark)) {
            proven.add(head);
            unlink(head);
            head = blocks.head();
        }
        for (int i = 0; head != null && i < head.count() && isProven(head, i, mark); i++) {
            if (head.isLive(i)) {
                end(head, i, null, ended);
            }
        }
    }

    private boolean isWholeProven(Block block, Mark mark) {
        return block != null && block.epoch == epoch && block.lastNumber() <= mark.number;
    }

    private boolean isBegun(Block block, Mark mark) {
        return block != null && block.epoch == epoch && block.number(0) <= mark.number;
    }

    private boolean isProven(Block block, int frame, Mark mark) {
        return block.epoch == epoch && frame < block.written && block.number(frame) <= mark.number;
    }

    /**
     * The server has refused something of what a barrier has reached, and nobody can tell what: all that is live is written
     * again on the same wire, what the barrier has reached in small parts, until a part that is refused is a single frame.
     */
    void doubt(Mark mark) {
        synchronized (this) {
            if (mark.epoch == epoch && wire == mark.wire && announced == mark.wire) {
                enter(wire);
                sweep = true;
                cautiousEnd = cautious ? Math.max(cautiousEnd, mark.number + 1) : mark.number + 1;
                cautious = true;
            }
        }
        wakeWriter();
    }

    /**
     * JetStream: takes out what the server has denied, of all that a barrier has reached. There is no other answer to it.
     *
     * @param denial says why a record is denied; null if it is not
     */
    synchronized void deny(Mark mark, Function<TelemetryRecord, Failure> denial, Ended ended) {
        Block following;
        for (Block block = blocks.head(); isBegun(block, mark); block = following) {
            following = block.next;
            for (int i = 0; i < block.count() && isProven(block, i, mark); i++) {
                Failure why = block.isLive(i) ? denial.apply(block.record(i)) : null;
                if (why != null) {
                    end(block, i, why, ended);
                }
            }
        }
    }

    /** The block's records have ended, and nobody looks at it any more. */
    synchronized void release(Block block) {
        usedBytes -= block.charge();
        usedRecords -= block.live();
        blocks.recycle(block, settings.inflightMaxBytes());
    }

    /** These records have ended; forgets them. */
    synchronized void release(Ended ended) {
        usedBytes -= ended.charge;
        usedRecords -= ended.records.size();
        ended.clear();
    }

    /** JetStream: what was answered since the last time, in exchange for an empty one. */
    synchronized Ended takeAnswered(Ended empty) {
        Ended taken = answered;
        answered = empty;
        gathering = !taken.records.isEmpty();
        return taken;
    }

    /** A wire that nothing may be written to before {@link #inspect}; null if there is none. */
    synchronized Wire uninspected() {
        return inspect ? wire : null;
    }

    /**
     * Looks at what is live before it goes to a new wire: fails what its server would not take, and a record that has now
     * brought down two connections.
     *
     * @param fresh the wire; if it is no longer the one in use nothing happens
     */
    void inspect(Wire fresh, Ended ended) {
        String fatal = fresh.fatalBefore();
        synchronized (this) {
            if (wire != fresh) {
                return; // another one has come, and what it takes is looked at next
            }
            boolean again = suspect != null && suspect == struck;
            if (suspect != null && fatal != null) {
                struck = suspect;
            }
            for (Block block = blocks.head(); block != null; ) {
                Block following = block.next;
                for (int i = 0; i < block.count(); i++) {
                    if (block.isLive(i)) {
                        Failure failure = again && fatal != null && block.record(i) == suspect
                                ? new Failure(Failure.Kind.ERROR, "the server ended the connection twice: " + fatal)
                                : unfit(block.record(i), wire);
                        if (failure != null) {
                            end(block, i, failure, ended);
                        }
                    }
                }
                block = following;
            }
            suspect = null;
            inspect = false;
        }
        wakeWriter();
    }

    /** Whether there is anything for {@link #expire} to do. */
    synchronized boolean hasExpired(long now) {
        Block oldest = firstToExpire();
        return oldest != null && !isBeingWritten(oldest) && isExpired(oldest, firstToExpire(oldest), now);
    }

    /** Deadlines are in the order of offering, so one frame tells for all behind it. */
    private static boolean isExpired(Block block, int frame, long now) {
        return frame < block.count() && block.deadline(frame) - now <= 0;
    }

    /**
     * Whether a barrier will tell what became of the frames that are on the wire: then these do not expire, but wait for the
     * answer, or for the watchdog to give the wire up. In JetStream, where a barrier does not tell, they do.
     */
    private boolean doesBarrierTell() {
        return wire != null && !encoder.asksForAnswers();
    }

    private Block firstToExpire() {
        return doesBarrierTell() ? cursor : blocks.head();
    }

    private int firstToExpire(Block block) {
        return doesBarrierTell() ? firstUnwritten(block) : firstLive(block);
    }

    private boolean isBeingWritten(Block block) {
        return wire != null && block.pinned;
    }

    /** Takes out what has expired by now. */
    synchronized void expire(long now, Failure why, Ended ended) {
        Block following;
        for (Block block = firstToExpire(); block != null && !isBeingWritten(block); block = following) {
            following = block.next;
            for (int i = firstToExpire(block); i < block.count(); i++) {
                if (block.isLive(i)) {
                    if (block.deadline(i) - now > 0) {
                        return;
                    }
                    end(block, i, why, ended);
                }
            }
        }
    }

    /** Takes out everything. */
    synchronized void fail(Failure why, Ended ended) {
        Block following;
        for (Block block = blocks.head(); block != null; block = following) {
            following = block.next;
            for (int i = 0; i < block.count(); i++) {
                if (block.isLive(i)) {
                    end(block, i, why, ended);
                }
            }
        }
    }

    private void end(Block block, int frame, Failure failure, Ended ended) {
        ended.reserve(1); // before anything has changed: this may throw
        ended.add(block, frame, failure);
        int young = block.young();
        block.finish(frame);
        if (block.epoch == epoch) {
            unanswered += block.young() - young;
        }
        if (block.live() == 0) {
            unlink(block);
            if (!block.pinned) {
                blocks.recycle(block, settings.inflightMaxBytes());
            }
        }
    }

    /** What a wire is to run when a barrier is answered. */
    Runnable barrierAnswered() {
        return barrierAnswered;
    }

    /** Without asking whether it is parked: it may be about to. */
    private void unparkCompleter() {
        Thread now;
        synchronized (this) {
            now = completer;
        }
        LockSupport.unpark(now);
    }

    /**
     * Says that the completer has nothing to do, and will park unless it is woken.
     *
     * @return for how long, in nanoseconds; 0 if it has something to do
     */
    synchronized long mayPark() {
        clock = nanoTime.getAsLong();
        completerParked = mark == null && !(inspect && wire != null) && !hasEnoughAnswers() && !stopped;
        return !completerParked ? 0 : gathering ? GATHER_NANOS : LOOK_NANOS;
    }

    private boolean hasEnoughAnswers() {
        int answers = answered.records.size();
        return answers > 0 && (!gathering || answers >= usedRecords / GATHERED_PART);
    }

    private void wakeCompleter() {
        boolean wake;
        synchronized (this) {
            wake = completerParked;
            completerParked = false;
        }
        if (wake) {
            LockSupport.unpark(completer);
        }
    }

    // ---- the answers of JetStream ----------------------------------------------------------------------------------

    @Override
    public void stored(long number) {
        answer(number, null);
    }

    @Override
    public void refused(long number, Failure why) {
        answer(number, why);
    }

    private void answer(long number, Failure why) {
        boolean wakesCompleter;
        boolean wakesWriter;
        synchronized (this) {
            Block block = holding(number);
            if (block == null) {
                lateAnswers++;
                return;
            }
            end(block, block.frameOf(number), why, answered);
            if (block.linked) {
                join(block, block.next);
                join(block.previous, block);
            }
            storedAt = why == null ? clock : storedAt;
            if (why == null && window < MAX_WINDOW && ++answersToGrow >= window / WINDOW_GROWTH) {
                answersToGrow = 0;
                window++;
            }
            wakesCompleter = completerParked && hasEnoughAnswers();
            completerParked &= !wakesCompleter;
            wakesWriter = writerParked && window - unanswered == Math.max(1, window / 4);
            writerParked &= !wakesWriter;
        }
        if (wakesCompleter) {
            LockSupport.unpark(completer);
        }
        if (wakesWriter) {
            LockSupport.unpark(writer);
        }
    }

    /** The block in which the record with this number is live; null if it has ended. */
    private Block holding(long number) {
        Block block = blocks.holding(number);
        int frame = block == null ? -1 : block.frameOf(number);
        return frame >= 0 && block.isLive(frame) ? block : null;
    }

    @Override
    public TelemetryRecord postponed(long number) {
        TelemetryRecord record;
        synchronized (this) {
            Block block = holding(number);
            if (block == null) {
                return null;
            }
            int frame = block.frameOf(number);
            record = block.record(frame);
            if (block.epoch == epoch && (frame < block.written || block.isWaitingYoung(frame))) {
                postpone(block, frame);
            }
        }
        wakeWriter();
        return record;
    }

    /** Looks at the oldest block only: what is behind it was written later, or again. */
    @Override
    public synchronized boolean areMissing() {
        Block head = blocks.head();
        return encoder.asksForAnswers() && isUnderWay(head) && head.retries > 0;
    }

    private void postpone(Block block, int frame) {
        clock = nanoTime.getAsLong();
        int young = block.young();
        long nanos = clock - storedAt < POSTPONE_NANOS ? QUEUED_NANOS : POSTPONE_NANOS;
        block.isPostponed(frame, clock + delay(nanos, block.postponements));
        unanswered += block.young() - young;
        nextRetry = earlier(nextRetry, block.postponedUntil);
        if (block.youngSince - shrunkAt > 0) { // once for all that was on its way then
            shrunkAt = clock;
            window = Math.max(MIN_WINDOW, window / 2);
        }
    }

    // ---- life and looks --------------------------------------------------------------------------------------------

    /** Accepts nothing from now on; what is in flight goes on. */
    public void close() {
        synchronized (this) {
            closed = true;
        }
        wakeCompleter();
    }

    /** The writer and the completer are to end. */
    public void stop() {
        synchronized (this) {
            stopped = true;
        }
        wakeWriter();
        wakeCompleter();
    }

    synchronized boolean isStopped() {
        return stopped;
    }

    public synchronized int records() {
        return usedRecords;
    }

    public synchronized long bytes() {
        return usedBytes;
    }

    /** Bytes of the blocks in which {@link #bytes} are. */
    synchronized long held() {
        return blocks.held();
    }

    /** JetStream: how many young frames may be without an answer at present. */
    synchronized int window() {
        return window;
    }

    /** JetStream: what was written again and has had no answer for ten seconds or more; null if there is nothing such. */
    public synchronized Unanswered unanswered() {
        int records = 0;
        TelemetryRecord oldest = null;
        if (wire != null && encoder.asksForAnswers()) {
            for (Block block = blocks.head(); block != null && block.epoch == epoch; block = block.next) {
                for (int i = 0; block.retries >= SILENT_RETRIES && i < block.retryFrames; i++) {
                    if (block.isLive(i) && !block.isPostponed(i)) {
                        oldest = records == 0 ? block.record(i) : oldest;
                        records++;
                    }
                }
            }
        }
        return oldest == null ? null : new Unanswered(records, oldest);
    }

    /** Live records that were not written on the wire in use. */
    public synchronized int unsent() {
        int unsent = 0;
        for (Block block = cursor; block != null; block = block.next) {
            for (int i = written(block); i < block.count(); i++) {
                unsent += block.isLive(i) ? 1 : 0;
            }
        }
        return wire == null ? usedRecords : unsent;
    }

    /** JetStream: answers for records that had ended already, by another answer or because they had expired. */
    public synchronized long lateAnswers() {
        return lateAnswers;
    }

    /** Why nothing can be confirmed at present; null if something can. */
    synchronized Failure whyUnusable() {
        return unusable;
    }

    /** Whether this wire was announced, or is to take over. */
    public synchronized boolean knows(Wire one) {
        return one == announced || waiting != null && one == waiting.wire;
    }

    public synchronized FrameEncoder encoder() {
        return encoder;
    }

    public synchronized NatsSettings settings() {
        return settings;
    }

    /**
     * Whether one write or one barrier has taken this long, and the link has not moved meanwhile; for the watchdog. A barrier's
     * PING waits behind what is in the socket's buffers. That a slow link moves is seen by writes that it holds up and lets go
     * on; no more than the budget goes before a barrier.
     */
    public synchronized boolean isSilentFor(long nanos) {
        long now = nanoTime.getAsLong();
        if (writingSince != 0) {
            long taken = writingTo.taken();
            if (taken != seenTaken && writingSince == seenWriting) {
                heldUpAt = now;
            }
            seenTaken = taken;
            seenWriting = writingSince;
        }
        return now - heldUpAt >= nanos
                && (writingSince != 0 && now - writingSince >= nanos || barrierOut && now - barrierSince >= nanos);
    }
}
