package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

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
final class Journal {

    /** What a record costs besides its frame, in bytes. */
    static final int RECORD_OVERHEAD = 128;

    /** While there is more to write, a barrier goes out behind every so many bytes. */
    private static final long BARRIER_BYTES = 1 << 20;

    /** After so many wires in a row that died without a barrier, the head goes out frame by frame. */
    private static final int MAX_BARREN = 2;

    /** A write that takes so long was held up by a full socket. */
    private static final long HELD_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** What may be under way between here and the server's parser, in bytes: more than both ends' buffers hold. */
    private static final long SOCKET_BUFFERS = 16 << 20;

    /** How soon the writer looks again when it has something to write and may not. */
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

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
        long parkNanos;
        Wire wire;
        Block block;
        /** Pairs of offsets in the block's bytes, from and to. */
        int[] ranges = new int[64];

        int rangeCount;
        /** How many of the block's frames are written with this step. */
        private int frames;

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

    /** A barrier to ask for, and what it proves in this epoch: all blocks before this one, and so many of its frames. */
    record Mark(Wire wire, int epoch, long sequence, int frames) {}

    /** Records that have left the journal and are to be ended, in their order. The completer's own object. */
    static final class Ended {
        final List<TelemetryRecord> records = new ArrayList<>();
        final List<Receipt> receipts = new ArrayList<>();
        /** Null for a confirmed record. */
        final List<Failure> failures = new ArrayList<>();

        private void add(Block block, int frame, Failure failure) {
            records.add(block.record(frame));
            receipts.add(block.receipt(frame));
            failures.add(failure);
        }

        void clear() {
            records.clear();
            receipts.clear();
            failures.clear();
        }
    }

    /** A wire with other settings that is to take over. */
    private record Switch(Wire wire, FrameEncoder encoder, NatsSettings settings, long deadline, Runnable done) {}

    private FrameEncoder encoder;
    private NatsSettings settings;

    private Block head;
    private Block tail;
    private Block cursor;
    private final ArrayDeque<Block> pool = new ArrayDeque<>();
    private long usedBytes;
    private int usedRecords;
    private long blockSequence;
    private long recordSequence;

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
    /** The head goes out frame by frame, a barrier behind each. */
    private boolean cautious;

    private long cautiousBlock;
    /** The frame that is alone on the wire, -1 if none is. */
    private int cautiousFrame = -1;
    /** The record that was alone on the wire when it died, and the one that the server has ended a wire for before. */
    private TelemetryRecord suspect;

    private TelemetryRecord struck;

    /** Nothing is written before the completer has looked at what is live: the wire is new, and may take less. */
    private boolean inspect;

    /** {@link System#nanoTime}, as the writer or the completer has read it last: good enough to expire by. */
    private long clock = System.nanoTime();

    private boolean closed;
    private boolean stopped;

    private Thread writer;
    private Thread completer;
    private boolean writerParked;
    private boolean completerParked;

    /** When the writer began the write that it is in, {@link System#nanoTime}; 0 if it is in none. */
    private long writingSince;

    private long barrierSince;
    /** Bytes written since then, and when the link last showed that it is slow but moves: by a write that it held up. */
    private long barrierBytes;

    private long heldUpAt = System.nanoTime() - TimeUnit.DAYS.toNanos(1);

    Journal(NatsSettings settings, FrameEncoder encoder) {
        this.settings = settings;
        this.encoder = encoder;
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
            append(record, receipt, length, clock + settings.confirmTimeout().toNanos());
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
                    Failure.Kind.ERROR, "the server takes no headers; set message.ids = false, or allow them there");
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

    private void append(TelemetryRecord record, Receipt receipt, int length, long deadline) {
        Block block = tail;
        if (block == null || !block.hasRoomFor(length)) {
            block = link(length > Block.SIZE ? new Block(length) : pooled());
        }
        int end = encoder.encode(record, recordSequence++, block.bytes, block.length());
        block.add(record, receipt, end, deadline);
        usedBytes += length + RECORD_OVERHEAD;
        usedRecords++;
        if (cursor == null) {
            cursor = block;
        }
    }

    private Block pooled() {
        Block block = pool.poll();
        return block == null ? new Block(Block.SIZE) : block;
    }

    private Block link(Block block) {
        block.sequence = ++blockSequence;
        block.linked = true;
        block.previous = tail;
        if (tail == null) {
            head = block;
        } else {
            tail.next = block;
        }
        tail = block;
        return block;
    }

    private void unlink(Block block) {
        if (cursor == block) {
            cursor = block.next;
        }
        if (block.previous == null) {
            head = block.next;
        } else {
            block.previous.next = block.next;
        }
        if (block.next == null) {
            tail = block.previous;
        } else {
            block.next.previous = block.previous;
        }
        block.next = null;
        block.previous = null;
        block.linked = false;
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
            long deadline = System.nanoTime() + settings.drainTimeout().toNanos();
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
            settings = next;
        }
        wakeWriter();
        return true;
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

    private void leave() {
        if (wire == null) {
            return;
        }
        if (passedInEpoch) {
            barren = 0;
        } else if (wroteInEpoch) {
            barren++;
        }
        if (cautiousFrame >= 0 && isCautiousBlock(head) && head.isLive(cautiousFrame)) {
            suspect = head.record(cautiousFrame);
        }
        wire = null;
    }

    private void enter(Wire next) {
        wire = next;
        epoch++;
        cursor = head;
        lastBlock = 0;
        lastFrames = 0;
        cautiousFrame = -1;
        unproven = false;
        unprovenBytes = 0;
        wroteInEpoch = false;
        passedInEpoch = false;
        lastPassed = System.nanoTime();
        if (!cautious && barren >= MAX_BARREN && head != null) {
            cautious = true;
            cautiousBlock = head.sequence;
        }
        inspect = true;
    }

    private boolean isCautiousBlock(Block block) {
        return cautious && block != null && block.sequence == cautiousBlock;
    }

    private void adopt() {
        if (announced != wire) {
            leave();
            if (announced != null) {
                enter(announced);
            }
        }
        boolean drained = wire == null || !unproven && !barrierOut && (head == null || head.epoch != epoch);
        if (waiting != null && (drained || waiting.deadline - System.nanoTime() <= 0)) {
            Switch now = waiting;
            waiting = null;
            leave();
            settings = now.settings;
            reencode(now.encoder);
            announced = now.wire;
            enter(now.wire);
            switched = now.done;
        }
    }

    /** Makes the frames of what is live anew, if they would look different. */
    private void reencode(FrameEncoder next) {
        boolean same = next.subjects().equals(encoder.subjects()) && next.hasHeaders() == encoder.hasHeaders();
        encoder = next;
        if (same) {
            return;
        }
        Block old = head;
        head = null;
        tail = null;
        cursor = null;
        while (old != null) {
            Block following = old.next;
            for (int i = 0; i < old.count(); i++) {
                if (old.isLive(i)) {
                    usedBytes -= old.end(i) - old.start(i) + RECORD_OVERHEAD;
                    usedRecords--;
                    append(old.record(i), old.receipt(i), encoder.length(old.record(i)), old.deadline(i));
                }
            }
            old.linked = false;
            recycle(old);
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
            switched = null;
            long now = System.nanoTime();
            clock = now;
            step.kind = stopped ? Step.Kind.STOP : Step.Kind.PARK;
            step.parkNanos = settings.heartbeat().toNanos();
            if (wire != null && !stopped) {
                if (inspect) {
                    wake = true;
                } else {
                    wake = startBarrier(now) || head != null && isExpired(head, now);
                    if (waiting == null && takeFrames(step)) {
                        step.kind = Step.Kind.WRITE;
                    } else {
                        long until = waiting == null
                                ? lastPassed + settings.heartbeat().toNanos()
                                : waiting.deadline;
                        step.parkNanos = cursor != null && waiting == null
                                ? LOOK_AGAIN_NANOS
                                : Math.max(until - now, MIN_PARK_NANOS);
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
            after.run();
        }
    }

    /** Starts a barrier if none is out and something is to be proven: at once when there is no more to write. */
    private boolean startBarrier(long now) {
        boolean idle = waiting != null || cursor == null || cautious;
        boolean due = unproven && (idle || unprovenBytes >= BARRIER_BYTES)
                || now - lastPassed >= settings.heartbeat().toNanos();
        if (barrierOut || !due) {
            return false;
        }
        mark = new Mark(wire, epoch, lastBlock, lastFrames);
        barrierOut = true;
        barrierSince = now;
        barrierBytes = 0;
        unproven = false;
        unprovenBytes = 0;
        return true;
    }

    private boolean takeFrames(Step step) {
        if (!isCautiousBlock(head)) {
            cautious = false; // it got through
        }
        Block block = cautious ? head : cursor;
        if (block == null || cautiousFrame >= 0 || cautious && barrierOut) {
            return false;
        }
        if (isExpired(block, clock)) {
            return false; // the completer is about to end it, and it must not go out
        }
        step.wire = wire;
        step.epoch = epoch;
        step.block = block;
        step.rangeCount = 0;
        step.frames = block.count();
        int first = block.epoch == epoch ? block.written : 0;
        if (cautious) {
            first = firstLive(block);
            step.frames = first + 1;
            cautiousFrame = first;
        }
        for (int i = first; i < step.frames; i++) {
            if (block.isLive(i)) {
                step.range(block.start(i), block.end(i));
            }
        }
        block.pinned = true;
        cursor = block.next;
        return true;
    }

    private static int firstLive(Block block) {
        int frame = 0;
        while (!block.isLive(frame)) {
            frame++;
        }
        return frame;
    }

    /** The step's write has returned. */
    synchronized void wrote(Step step) {
        if (step.epoch == epoch) {
            long now = System.nanoTime();
            if (now - writingSince >= HELD_UP_NANOS) {
                heldUpAt = now;
            }
            barrierBytes += step.block.length();
            wroteInEpoch = true;
            unproven = true;
            unprovenBytes += step.block.length();
            lastBlock = step.block.sequence;
            lastFrames = step.frames;
            step.block.epoch = epoch;
            step.block.written = step.frames;
        }
        letGo(step.block);
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
        block.pinned = false;
        if (!block.linked) {
            recycle(block);
        }
    }

    private void recycle(Block block) {
        if (block.bytes.length == Block.SIZE && (pool.size() + 1L) * Block.SIZE <= settings.inflightMaxBytes()) {
            block.clear();
            pool.add(block);
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
     * Says what came of a barrier.
     *
     * @param proven is filled with blocks that have left the journal and whose live records the server has parsed; each is to
     *     be given back by {@link #release}
     * @param ended is filled with such records of a block that goes on
     * @return whether it proves anything: false if the wire has changed meanwhile
     */
    boolean settle(Mark mark, boolean passed, List<Block> proven, Ended ended) {
        boolean good;
        synchronized (this) {
            barrierOut = false;
            good = passed && mark.epoch == epoch && wire == mark.wire && announced == mark.wire;
            if (good) {
                lastPassed = System.nanoTime();
                passedInEpoch = true;
                while (isProven(head, mark, head == null ? 0 : head.count())) {
                    proven.add(head);
                    unlink(head);
                }
                Block last = head;
                for (int i = 0; last != null && i < mark.frames && isProven(last, mark, i + 1); i++) {
                    if (last.isLive(i)) {
                        end(last, i, null, ended);
                    }
                }
                cautiousFrame = -1;
            }
        }
        wakeWriter();
        return good;
    }

    private boolean isProven(Block block, Mark mark, int frames) {
        return block != null
                && block.epoch == epoch
                && (block.sequence < mark.sequence || block.sequence == mark.sequence && frames <= mark.frames);
    }

    /** The server refused something that nobody can tell: all that is live is written again, on the same wire. */
    void doubt(Mark mark) {
        synchronized (this) {
            if (mark.epoch == epoch && wire == mark.wire) {
                leave();
                if (announced == mark.wire) {
                    enter(mark.wire);
                }
            }
        }
        wakeWriter();
    }

    /** The blocks' records have ended, and nobody looks at them any more. */
    synchronized void release(Block block) {
        usedBytes -= block.charge();
        usedRecords -= block.live();
        recycle(block);
    }

    /** A wire that nothing may be written to before {@link #inspect}; null if there is none. */
    synchronized Wire uninspected() {
        return inspect ? wire : null;
    }

    /**
     * Looks at what is live before it goes to a new wire: fails what its server would not take, and a record that has now
     * brought down two connections.
     *
     * @param fatal the server's words if it ended the wire before because of a frame; else null
     */
    void inspect(String fatal, Ended ended) {
        synchronized (this) {
            boolean again = suspect != null && suspect == struck;
            if (suspect != null && fatal != null) {
                struck = suspect;
            }
            for (Block block = head; block != null; ) {
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
        return head != null && !isOnTheWire(head) && isExpired(head, now);
    }

    /** Deadlines are in the order of offering, so the first live frame tells for its block, and the head for all. */
    private static boolean isExpired(Block block, long now) {
        return block.deadline(firstLive(block)) - now <= 0;
    }

    /**
     * Whether a barrier will tell what became of a block on a wire that still lives: then it does not expire, but waits for
     * the answer, or for the watchdog to give the wire up. So what has expired is not on its way.
     */
    private boolean isOnTheWire(Block block) {
        return wire != null && (block.epoch == epoch || block.pinned);
    }

    /** Takes out what has expired by now. */
    synchronized void expire(long now, Failure why, Ended ended) {
        for (Block block = head; block != null && !isOnTheWire(block); ) {
            Block following = block.next;
            for (int i = 0; i < block.count(); i++) {
                if (block.isLive(i)) {
                    if (block.deadline(i) - now > 0) {
                        return;
                    }
                    end(block, i, why, ended);
                }
            }
            block = following;
        }
    }

    /** Takes out everything. */
    synchronized void fail(Failure why, Ended ended) {
        while (head != null) {
            Block block = head;
            for (int i = 0; i < block.count(); i++) {
                if (block.isLive(i)) {
                    end(block, i, why, ended);
                }
            }
        }
    }

    private void end(Block block, int frame, Failure failure, Ended ended) {
        ended.add(block, frame, failure);
        usedBytes -= block.charge(frame);
        usedRecords--;
        block.finish(frame);
        if (block.live() == 0) {
            unlink(block);
            if (!block.pinned) {
                recycle(block);
            }
        }
    }

    /** Says that the completer has nothing to do and will park; false if it has. */
    synchronized boolean mayPark() {
        clock = System.nanoTime();
        completerParked = mark == null && !(inspect && wire != null) && !stopped;
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
            for (int i = block.epoch == epoch ? block.written : 0; i < block.count(); i++) {
                unsent += block.isLive(i) ? 1 : 0;
            }
        }
        return wire == null ? usedRecords : unsent;
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
        long now = System.nanoTime();
        boolean moves = barrierBytes < SOCKET_BUFFERS && now - heldUpAt < nanos;
        return writingSince != 0 && now - writingSince >= nanos || barrierOut && now - barrierSince >= nanos && !moves;
    }
}
