package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayList;
import java.util.Arrays;
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
final class Journal implements Inbox.Answers {

    /** What a record costs besides its frame, in bytes. */
    static final int RECORD_OVERHEAD = 128;

    /** While there is more to write, a barrier goes out behind every so many bytes. */
    private static final long BARRIER_BYTES = 1 << 20;

    /** After so many wires in a row that died without a barrier, the head goes out in small parts. */
    private static final int MAX_BARREN = 2;

    /** A write that takes so long was held up by a full socket. */
    private static final long HELD_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** What may be under way between here and the server's parser, in bytes: more than both ends' buffers hold. */
    private static final long SOCKET_BUFFERS = 16 << 20;

    /** How soon the writer looks again when it has something to write and may not. */
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** JetStream: frames without an answer are written again after this, or after less if no stream took them ... */
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final long POSTPONE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    /** ... and then after twice as long, and so on, up to this. */
    private static final long MAX_RETRY_NANOS = TimeUnit.SECONDS.toNanos(16);

    private static final int MAX_DOUBLINGS = 6;

    /** Frames that go out together at most while blocks go out in small parts; more than a block has. */
    private static final int MAX_CAUTIOUS = 1 << 20;

    /** JetStream: so many frames without an answer are enough: newer servers refuse what they could not store in time. */
    private static final int MAX_UNANSWERED = 8_192;

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
        /** How many of the block's frames are written with this step. */
        private int frames;
        /** Whether these have been written on this wire before. */
        private boolean again;

        private int epoch;

        private void range(int from, int to) {
            if (rangeCount > 0 && ranges[2 * rangeCount - 1] == from) {
                ranges[2 * rangeCount - 1] = to;
                return;
            }
            if (2 * rangeCount == ranges.length) {
                ranges = Arrays.copyOf(ranges, 2 * ranges.length);
            }
            ranges[2 * rangeCount] = from;
            ranges[2 * rangeCount + 1] = to;
            rangeCount++;
        }
    }

    /**
     * A barrier that begins, and what it proves in this epoch: all blocks before this one, and so many of its frames. That
     * is all that was written before it, and nothing else.
     *
     * @param encoder what made these frames
     */
    record Mark(Wire wire, int epoch, FrameEncoder encoder, long sequence, int frames) {}

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
    /** Written in this epoch: up to this block, and so many frames of it. */
    private long lastBlock;

    private int lastFrames;
    /** Whether no mark covers some of that, and how much. */
    private boolean unproven;

    private long unprovenBytes;
    private boolean wroteInEpoch;
    private boolean passedInEpoch;
    private long lastPassed;

    /** Wires in a row that died with frames and without a barrier. */
    private int barren;
    /** The oldest blocks go out in small parts, the first a single frame, a barrier behind each. */
    private boolean cautious;

    /** So far: this block is the last of them. */
    private long cautiousBlock;
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

    /** JetStream: frames that were written on this wire and are live, when the next block is due to be written again. */
    private int unanswered;

    private long nextRetry;
    /** JetStream: records that were answered, for the completer to take. */
    private Ended answered = new Ended();
    /** JetStream: answers for records that had ended already. */
    private long lateAnswers;

    /** Why nothing can be confirmed at present, and so nothing is accepted; null if something can. */
    private Failure unusable;

    private final LongSupplier nanoTime;
    /** As the writer or the completer has read it last: good enough to expire by. */
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

    private long barrierSince;
    /** Bytes written since then, and when the link last showed that it is slow but moves: by a write that it held up. */
    private long barrierBytes;

    private long heldUpAt;

    /** @param nanoTime the clock; {@link System#nanoTime}, but in tests */
    Journal(NatsSettings settings, FrameEncoder encoder, LongSupplier nanoTime) {
        this.settings = settings;
        this.encoder = encoder;
        this.nanoTime = nanoTime;
        this.clock = nanoTime.getAsLong();
        this.heldUpAt = clock - TimeUnit.DAYS.toNanos(1);
    }

    /** Names the two threads that serve this journal, before they start. */
    synchronized void servedBy(Thread writer, Thread completer) {
        this.writer = writer;
        this.completer = completer;
    }

    // ---- offering --------------------------------------------------------------------------------------------------

    /** Accepts a record without {@linkplain Subjects#flaw flaw}, or says why not. Never blocks, allocates nothing. */
    Failure offer(TelemetryRecord record, Receipt receipt) {
        boolean wake;
        synchronized (this) {
            int length = encoder.length(record);
            Failure refusal = refusal(record, length);
            if (refusal != null) {
                return refusal;
            }
            append(record, receipt, length, clock + settings.confirmTimeout().toNanos(), recordNumber++);
            wake = writerParked;
            writerParked = false;
        }
        if (wake) {
            LockSupport.unpark(writer);
        }
        return null;
    }

    private Failure refusal(TelemetryRecord record, int length) {
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
        if (usedRecords >= settings.inflightMaxRecords()) {
            return new Failure(
                    Failure.Kind.FULL,
                    "inflight.max.records = " + settings.inflightMaxRecords() + " records wait for confirmation");
        }
        if (usedBytes + length + RECORD_OVERHEAD > settings.inflightMaxBytes() && usedRecords > 0) {
            return new Failure(
                    Failure.Kind.FULL,
                    "inflight.max.bytes = " + settings.inflightMaxBytes() + " are used up: " + usedBytes
                            + " wait for confirmation");
        }
        return null;
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

    private void append(TelemetryRecord record, Receipt receipt, int length, long deadline, long number) {
        Block block = blocks.withRoomFor(length);
        boolean added = false;
        try {
            int end = encoder.encode(record, number, block.bytes, block.length());
            block.add(record, receipt, end, deadline, number);
            added = true;
        } finally {
            if (!added && block.count() == 0) { // nobody would ever take an empty block out
                blocks.unlink(block);
            }
        }
        usedBytes += length + RECORD_OVERHEAD;
        usedRecords++;
        if (cursor == null) {
            cursor = block;
        }
    }

    private void unlink(Block block) {
        if (cursor == block) {
            cursor = block.next;
        }
        blocks.unlink(block);
    }

    // ---- wires -----------------------------------------------------------------------------------------------------

    /** A wire is open for frames, and the one before it is not. Called by any thread. */
    void opened(Wire wire) {
        synchronized (this) {
            announced = wire;
        }
        wakeWriter();
    }

    /** A wire has gone; nothing if another has opened meanwhile. Called by any thread. */
    void closed(Wire wire) {
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
    void prepare(Wire wire, FrameEncoder encoder, NatsSettings settings, Runnable done) {
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
    boolean use(NatsSettings present, NatsSettings next) {
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
    void withdraw(Wire wire) {
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
    void unusable(Failure why) {
        synchronized (this) {
            unusable = why;
        }
        wakeCompleter();
    }

    private void leave() {
        if (wire == null) {
            return;
        }
        if (passedInEpoch) {
            barren = 0;
        } else if (wroteInEpoch) {
            barren++;
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
        lastBlock = 0;
        lastFrames = 0;
        cautiousFrames = 1;
        cautiousOut = false;
        cautiousFrame = -1;
        unproven = false;
        unprovenBytes = 0;
        unanswered = 0;
        wroteInEpoch = false;
        passedInEpoch = false;
        lastPassed = nanoTime.getAsLong();
        nextRetry = lastPassed + MAX_RETRY_NANOS;
        if (!cautious && barren >= MAX_BARREN && cursor != null) {
            cautious = true;
            cautiousBlock = cursor.sequence;
        }
        inspect = true;
        sweep = false;
    }

    private boolean isCautiousBlock(Block block) {
        return cautious && block != null && block.sequence <= cautiousBlock;
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
            reencode(now.encoder);
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

    /** Makes the frames of what is live anew, if they would look different. */
    private void reencode(FrameEncoder next) {
        boolean same = next.isLike(encoder);
        encoder = next;
        if (same) {
            return;
        }
        Block old = blocks.unlinkAll();
        cursor = null;
        while (old != null) {
            Block following = old.next;
            for (int i = 0; i < old.count(); i++) {
                if (old.isLive(i)) {
                    usedBytes -= old.charge(i);
                    usedRecords--;
                    TelemetryRecord record = old.record(i);
                    append(record, old.receipt(i), encoder.length(record), old.deadline(i), old.number(i));
                }
            }
            blocks.recycle(old, settings.inflightMaxBytes());
            old = following;
        }
    }

    // ---- the writer ------------------------------------------------------------------------------------------------

    /** Fills in what the writer is to do next. */
    void next(Step step) {
        boolean wake = false;
        Runnable after;
        synchronized (this) {
            adopt();
            after = switched;
            long now = nanoTime.getAsLong();
            clock = now;
            step.kind = stopped ? Step.Kind.STOP : Step.Kind.PARK;
            step.parkNanos = settings.heartbeat().toNanos();
            if (wire != null && !stopped) {
                if (inspect) {
                    wake = true;
                } else {
                    boolean begins = startBarrier(now);
                    step.ping = begins ? wire : step.ping;
                    wake = begins || hasExpired(now);
                    if (!sweep && (takeUnanswered(step) || waiting == null && takeFrames(step))) {
                        step.kind = Step.Kind.WRITE;
                    } else {
                        step.parkNanos = Math.max(untilNext(now), MIN_PARK_NANOS);
                    }
                }
            }
            writerParked = step.kind == Step.Kind.PARK;
            writingSince = step.kind == Step.Kind.WRITE ? now : 0;
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
        if (cursor != null && waiting == null) {
            return LOOK_AGAIN_NANOS;
        }
        long until = waiting == null ? lastPassed + settings.heartbeat().toNanos() - now : waiting.deadline - now;
        return encoder.asksForAnswers() ? Math.min(until, nextRetry - now) : until;
    }

    /** Starts a barrier if none is out and something is to be proven: at once when there is no more to write. */
    private boolean startBarrier(long now) {
        boolean idle = waiting != null || cursor == null || cautious;
        boolean due = sweep
                || unproven && (idle || unprovenBytes >= BARRIER_BYTES)
                || now - lastPassed >= settings.heartbeat().toNanos();
        if (barrierOut || !due) {
            return false;
        }
        mark = new Mark(wire, epoch, encoder, lastBlock, lastFrames);
        barrierOut = true;
        barrierSince = now;
        barrierBytes = 0;
        unproven = false;
        unprovenBytes = 0;
        return true;
    }

    /** JetStream: takes a block that has gone unanswered for too long, if there is one. */
    private boolean takeUnanswered(Step step) {
        if (!encoder.asksForAnswers() || cautious || nextRetry - clock > 0) {
            return false;
        }
        nextRetry = clock + MAX_RETRY_NANOS;
        for (Block block = blocks.head(); block != null && block.epoch == epoch; block = block.next) {
            boolean due = block.retryAt - clock <= 0;
            int frames = block.retryFrames;
            if (due) {
                scheduleRetry(block, RETRY_NANOS);
            }
            if (due && !isExpired(block, firstLive(block), clock) && take(step, block, 0, frames)) {
                block.retries++;
                step.again = true;
                nextRetry = clock; // the others are looked at after this one
                return true;
            }
            nextRetry = earlier(nextRetry, block.retryAt);
        }
        return false;
    }

    /** JetStream: what is written of a block by now is written again in a while, a longer one each time. */
    private void scheduleRetry(Block block, long nanos) {
        block.retryAt = clock + Math.min(nanos << Math.min(block.retries, MAX_DOUBLINGS), MAX_RETRY_NANOS);
        block.retryFrames = block.written;
        nextRetry = earlier(nextRetry, block.retryAt);
    }

    private static long earlier(long one, long other) {
        return one - other < 0 ? one : other;
    }

    private boolean takeFrames(Step step) {
        if (!isCautiousBlock(blocks.head())) {
            cautious = false; // it got through
        }
        if (cautious && !cautiousOut && !barrierOut && takeCautiously(step)) {
            return true;
        }
        Block block = cursor;
        if (cautious
                || block == null
                || unanswered >= MAX_UNANSWERED
                || isExpired(block, firstUnwritten(block), clock)) {
            return false; // what has expired must not go out: the completer is about to end it
        }
        boolean taken = take(step, block, written(block), block.count());
        cursor = block.next; // after that, which may throw
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
        if (!take(step, head, from, to)) {
            cautious = false;
            cursor = head.next;
            return false;
        }
        cautiousOut = true;
        cautiousFrame = cautiousFrames == 1 ? to - 1 : -1;
        return true;
    }

    /** Takes the live ones of some frames of a block; false if there are none. */
    private boolean take(Step step, Block block, int from, int to) {
        step.rangeCount = 0;
        for (int i = from; i < to; i++) {
            if (block.isLive(i)) {
                step.range(block.start(i), block.end(i));
            }
        }
        step.wire = wire;
        step.epoch = epoch;
        step.block = block;
        step.frames = to;
        step.again = false;
        block.pinned = step.rangeCount > 0;
        return block.pinned;
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
            barrierBytes += step.block.length();
            wroteInEpoch = true;
            unproven = true;
            unprovenBytes += step.block.length();
            if (!step.again) {
                wroteFirst(step.block, step.frames);
            }
        }
        letGo(step.block);
    }

    private void wroteFirst(Block block, int frames) {
        boolean first = block.epoch != epoch;
        int from = first ? 0 : block.written;
        lastBlock = block.sequence;
        lastFrames = frames;
        block.epoch = epoch;
        block.written = frames;
        if (encoder.asksForAnswers()) {
            for (int i = from; i < frames; i++) {
                unanswered += block.isLive(i) ? 1 : 0;
            }
            if (first) {
                block.retries = 0;
                scheduleRetry(block, RETRY_NANOS);
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
        for (Block block = blocks.head(); isProven(block, mark, 0); block = block.next) {
            whole++;
        }
        proven.ensureCapacity(proven.size() + whole);
        ended.reserve(mark.frames);
    }

    /** The records that a barrier has reached and that have not ended, in core NATS; none if the wire has changed. */
    synchronized List<TelemetryRecord> reached(Mark mark) {
        List<TelemetryRecord> reached = new ArrayList<>();
        for (Block block = blocks.head(); mark.epoch == epoch && isProven(block, mark, 0); block = block.next) {
            for (int i = 0; i < block.count() && isProven(block, mark, i + 1); i++) {
                if (block.isLive(i)) {
                    reached.add(block.record(i));
                }
            }
        }
        return reached;
    }

    private void takeProven(Mark mark, List<Block> proven, Ended ended) {
        Block head = blocks.head();
        while (isProven(head, mark, head == null ? 0 : head.count())) {
            proven.add(head);
            unlink(head);
            head = blocks.head();
        }
        for (int i = 0; head != null && i < mark.frames && isProven(head, mark, i + 1); i++) {
            if (head.isLive(i)) {
                end(head, i, null, ended);
            }
        }
    }

    private boolean isProven(Block block, Mark mark, int frames) {
        return block != null
                && block.epoch == epoch
                && (block.sequence < mark.sequence || block.sequence == mark.sequence && frames <= mark.frames);
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
                cautiousBlock = cautious ? Math.max(cautiousBlock, mark.sequence) : mark.sequence;
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
        for (Block block = blocks.head(); isProven(block, mark, 0); block = following) {
            following = block.next;
            for (int i = 0; i < block.count() && isProven(block, mark, i + 1); i++) {
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
        for (Block block = blocks.head(); block != null; block = blocks.head()) {
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
        block.finish(frame);
        if (encoder.asksForAnswers() && block.epoch == epoch && frame < block.written) {
            unanswered--;
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

    /** Says that the completer has nothing to do and will park; false if it has. */
    synchronized boolean mayPark() {
        clock = nanoTime.getAsLong();
        completerParked = mark == null && !(inspect && wire != null) && answered.records.isEmpty() && !stopped;
        return completerParked;
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
        boolean room;
        synchronized (this) {
            Block block = holding(number);
            if (block == null) {
                lateAnswers++;
                return;
            }
            end(block, block.frameOf(number), why, answered);
            room = unanswered == MAX_UNANSWERED - 1;
        }
        wakeCompleter();
        if (room) {
            wakeWriter();
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
            record = block.record(block.frameOf(number));
            long usual = block.retryAt;
            scheduleRetry(block, POSTPONE_NANOS);
            block.retryAt = earlier(usual, block.retryAt);
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

    // ---- life and looks --------------------------------------------------------------------------------------------

    /** Accepts nothing from now on; what is in flight goes on. */
    void close() {
        synchronized (this) {
            closed = true;
        }
        wakeCompleter();
    }

    /** The writer and the completer are to end. */
    void stop() {
        synchronized (this) {
            stopped = true;
        }
        wakeWriter();
        wakeCompleter();
    }

    synchronized boolean isStopped() {
        return stopped;
    }

    synchronized int records() {
        return usedRecords;
    }

    synchronized long bytes() {
        return usedBytes;
    }

    /** Live records that were not written on the wire in use. */
    synchronized int unsent() {
        int unsent = 0;
        for (Block block = cursor; block != null; block = block.next) {
            for (int i = written(block); i < block.count(); i++) {
                unsent += block.isLive(i) ? 1 : 0;
            }
        }
        return wire == null ? usedRecords : unsent;
    }

    /** JetStream: answers for records that had ended already, by another answer or because they had expired. */
    synchronized long lateAnswers() {
        return lateAnswers;
    }

    /** Why nothing can be confirmed at present; null if something can. */
    synchronized Failure whyUnusable() {
        return unusable;
    }

    /** Whether this wire was announced, or is to take over. */
    synchronized boolean knows(Wire one) {
        return one == announced || waiting != null && one == waiting.wire;
    }

    synchronized FrameEncoder encoder() {
        return encoder;
    }

    synchronized NatsSettings settings() {
        return settings;
    }

    /**
     * Whether one write or one barrier has taken this long; for the watchdog. A barrier on a slow link may take longer, as
     * long as the link holds writes up and lets them go again: its PING waits behind what is in the socket's buffers. But
     * more than these hold does not go before it.
     */
    synchronized boolean isSilentFor(long nanos) {
        long now = nanoTime.getAsLong();
        boolean moves = barrierBytes < SOCKET_BUFFERS && now - heldUpAt < nanos;
        return writingSince != 0 && now - writingSince >= nanos || barrierOut && now - barrierSince >= nanos && !moves;
    }
}
