package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.Arrays;

/**
 * Ready frames, one after the other, and for each its record, its receipt and its deadline. Blocks are used again, so
 * that a record allocates nothing. Guarded by the journal's monitor. The bytes of a frame do not change after it is
 * added, while more frames are added after it, unless the block is {@linkplain #compact compacted}.
 */
final class Block {

    /** Size (bytes) of an ordinary block. A larger frame gets a block of its own. */
    static final int SIZE = 1 << 16;

    private static final int FIRST_FRAMES = 256;

    // The states of a frame.
    private static final byte WAITS = 0;
    /** JetStream: it was written a moment ago, and counts against the window. */
    private static final byte YOUNG = 1;
    /** JetStream: the server could not store it; it will be written again. */
    private static final byte POSTPONED = 2;

    private static final byte ENDED = 3;
    /** It had ended before it could be written, and so has no number in the batch. */
    private static final byte SKIPPED = 4;

    final byte[] bytes;
    private int[] ends = new int[FIRST_FRAMES];
    private TelemetryRecord[] records = new TelemetryRecord[FIRST_FRAMES];
    private Receipt[] receipts = new Receipt[FIRST_FRAMES];
    private long[] deadlines = new long[FIRST_FRAMES];
    private long[] numbers = new long[FIRST_FRAMES];
    private byte[] states = new byte[FIRST_FRAMES];
    private int count;
    private int live;
    /** Number of bytes of the live frames. */
    private int liveBytes;

    private int young;
    private int postponed;

    /** The encoder of its frames. */
    FrameEncoder encoder;
    /** The last epoch in which it was written, 0 if none, and the number of its frames that were written. */
    int epoch;

    int written;
    /**
     * JetStream: when its first frames are written again unless they are answered, how many these are, and how often
     * that has happened in this epoch.
     */
    long retryAt;

    int retryFrames;
    int retries;
    /**
     * JetStream: when the frames that the server could not store are written again, and how often that has happened.
     */
    long postponedUntil;

    int postponements;
    /** JetStream: the number of the last frame that was written again, if there was no room for all; otherwise -1. */
    long lastRetried = -1;
    /** JetStream: when its frames were last written for the first time. */
    long youngSince;
    /** Batches: the last one that frames of it are in, from which frame on, the number of that frame, and how many. */
    long batch = -1;

    int batchFrom;
    long batchFirst;
    int batchFrames;
    /** Whether the writer is using it. */
    boolean pinned;
    /** Whether it is in the journal's list. Otherwise its records are being ended, or it is free. */
    boolean linked;

    Block next;
    Block previous;

    Block(int size) {
        bytes = new byte[size];
    }

    int count() {
        return count;
    }

    /** Number of frames whose records have not ended. */
    int live() {
        return live;
    }

    int liveBytes() {
        return liveBytes;
    }

    /** The bytes that its live frames count. */
    long charge() {
        return liveBytes + (long) live * Blocks.RECORD_OVERHEAD;
    }

    /** The bytes that one frame counts. */
    long charge(int frame) {
        return end(frame) - start(frame) + Blocks.RECORD_OVERHEAD;
    }

    int length() {
        return count == 0 ? 0 : ends[count - 1];
    }

    int start(int frame) {
        return frame == 0 ? 0 : ends[frame - 1];
    }

    int end(int frame) {
        return ends[frame];
    }

    /** The record of a live frame. */
    TelemetryRecord record(int frame) {
        return records[frame];
    }

    /** The receipt of a live frame. */
    Receipt receipt(int frame) {
        return receipts[frame];
    }

    long deadline(int frame) {
        return deadlines[frame];
    }

    /** Limits the deadlines of all frames to this time. */
    void limitDeadlines(long latest) {
        for (int i = 0; i < count; i++) {
            if (deadlines[i] - latest > 0) {
                deadlines[i] = latest;
            }
        }
    }

    /** The number of a frame's record. Numbers ascend. */
    long number(int frame) {
        return numbers[frame];
    }

    /** The number of the last frame's record. */
    long lastNumber() {
        return numbers[count - 1];
    }

    /** The index of the first live frame from this one on; the number of frames if there is none. */
    int firstLive(int from) {
        int frame = from;
        while (frame < count && !isLive(frame)) {
            frame++;
        }
        return frame;
    }

    /** Whether a frame has expired. Deadlines are in the order of the offers, so later frames expire later. */
    boolean isExpired(int frame, long now) {
        return frame < count && deadlines[frame] - now <= 0;
    }

    /** The index of the frame of the record with this number; negative if there is none. */
    int frameOf(long number) {
        return Arrays.binarySearch(numbers, 0, count, number);
    }

    boolean isLive(int frame) {
        return states[frame] < ENDED;
    }

    /** Batches: frames from this one on are in a batch, where the first of them has this number. */
    void enterBatch(long batch, int from, long first) {
        this.batch = batch;
        batchFrom = from;
        batchFirst = first;
        batchFrames = 0;
    }

    /** Batches: the number of the last frame that is in the batch. */
    long lastInBatch() {
        return batchFirst + batchFrames - 1;
    }

    /** Batches: a frame that has ended takes no number of the batch. */
    void skip(int frame) {
        states[frame] = SKIPPED;
    }

    /** Batches: the frame with this number in the batch; it has one. */
    int frameInBatch(long sequence) {
        int frame = batchFrom;
        for (long left = sequence - batchFirst; left > 0 || states[frame] == SKIPPED; frame++) {
            left -= states[frame] == SKIPPED ? 0 : 1;
        }
        return frame;
    }

    boolean isWaitingYoung(int frame) {
        return states[frame] == YOUNG;
    }

    boolean isPostponed(int frame) {
        return states[frame] == POSTPONED;
    }

    /** Number of frames that count against the window. */
    int young() {
        return young;
    }

    /** Number of frames that must be written again. */
    int postponed() {
        return postponed;
    }

    boolean hasRoomFor(int length) {
        return length() + length <= bytes.length;
    }

    /** Reserves room, so that {@link #add} needs no memory. */
    void reserve() {
        if (count == ends.length) {
            records = Arrays.copyOf(records, count * 2);
            receipts = Arrays.copyOf(receipts, count * 2);
            deadlines = Arrays.copyOf(deadlines, count * 2);
            numbers = Arrays.copyOf(numbers, count * 2);
            states = Arrays.copyOf(states, count * 2);
            ends = Arrays.copyOf(ends, count * 2); // last, because its length shows that all have grown
        }
    }

    /** Adds a frame that was encoded after the last one. There must be {@linkplain #reserve room} for it. */
    void add(TelemetryRecord record, Receipt receipt, int end, long deadline, long number) {
        liveBytes += end - length();
        live++;
        ends[count] = end;
        records[count] = record;
        receipts[count] = receipt;
        deadlines[count] = deadline;
        numbers[count] = number;
        states[count] = WAITS;
        count++;
    }

    /** The record of a live frame has ended. The block releases it, because the block may stay for long. */
    void finish(int frame) {
        leave(states[frame]);
        states[frame] = ENDED;
        records[frame] = null;
        receipts[frame] = null;
        live--;
        liveBytes -= end(frame) - start(frame);
    }

    private void leave(byte state) {
        young -= state == YOUNG ? 1 : 0;
        postponed -= state == POSTPONED ? 1 : 0;
    }

    private void enter(int frame, byte state) {
        leave(states[frame]);
        states[frame] = state;
        young += state == YOUNG ? 1 : 0;
        postponed += state == POSTPONED ? 1 : 0;
    }

    void isYoung(int frame) {
        enter(frame, YOUNG);
    }

    /** Marks the live ones of these frames as young. */
    void areYoung(int from, int to) {
        for (int i = from; i < to; i++) {
            if (isLive(i)) {
                enter(i, YOUNG);
            }
        }
    }

    void isPostponed(int frame, long until) {
        if (postponed == 0) {
            postponedUntil = until;
        }
        enter(frame, POSTPONED);
    }

    /** The young frames have waited too long, so they are no longer young. */
    void age() {
        for (int i = 0; young > 0 && i < count; i++) {
            if (states[i] == YOUNG) {
                enter(i, WAITS);
            }
        }
    }

    /** Begins an epoch, in which no frame has been written yet. */
    void begin(int epoch) {
        this.epoch = epoch;
        written = 0;
        retryAt = 0;
        retryFrames = 0;
        retries = 0;
        postponements = 0;
        lastRetried = -1;
        for (int i = 0; i < count; i++) {
            states[i] = isLive(i) ? WAITS : ENDED;
        }
        young = 0;
        postponed = 0;
    }

    /** Whether the live frames of the next block fit into this one, with some room left. The move needs no memory. */
    boolean couldTake(Block other) {
        return bytes.length == SIZE
                && other.bytes.length == SIZE
                && liveBytes + other.liveBytes <= SIZE / 4 * 3
                && live + other.live <= ends.length;
    }

    /** Moves the live frames together at the front. */
    void compact() {
        int kept = 0;
        int keptWritten = 0;
        int keptRetry = 0;
        int at = 0;
        int start = 0;
        for (int i = 0; i < count; i++) {
            int end = ends[i];
            if (isLive(i)) {
                System.arraycopy(bytes, start, bytes, at, end - start);
                at += end - start;
                ends[kept] = at;
                records[kept] = records[i];
                receipts[kept] = receipts[i];
                deadlines[kept] = deadlines[i];
                numbers[kept] = numbers[i];
                states[kept] = states[i];
                kept++;
                keptWritten += i < written ? 1 : 0;
                keptRetry += i < retryFrames ? 1 : 0;
            }
            start = end;
        }
        Arrays.fill(records, kept, count, null);
        Arrays.fill(receipts, kept, count, null);
        count = kept;
        written = keptWritten;
        retryFrames = keptRetry;
    }

    /** Takes all frames of the next block. Both blocks must be compact, and there must be room. */
    void take(Block other) {
        int from = length();
        System.arraycopy(other.bytes, 0, bytes, from, other.length());
        System.arraycopy(other.records, 0, records, count, other.count);
        System.arraycopy(other.receipts, 0, receipts, count, other.count);
        System.arraycopy(other.deadlines, 0, deadlines, count, other.count);
        System.arraycopy(other.numbers, 0, numbers, count, other.count);
        System.arraycopy(other.states, 0, states, count, other.count);
        for (int i = 0; i < other.count; i++) {
            ends[count + i] = from + other.ends[i];
        }
        if (other.postponed > 0 && (postponed == 0 || other.postponedUntil - postponedUntil < 0)) {
            postponedUntil = other.postponedUntil;
        }
        if (other.young > 0 && (young == 0 || other.youngSince - youngSince > 0)) {
            youngSince = other.youngSince;
        }
        count += other.count;
        written += other.written;
        retryFrames += other.retryFrames;
        live += other.live;
        liveBytes += other.liveBytes;
        young += other.young;
        postponed += other.postponed;
        postponements = Math.max(postponements, other.postponements);
        lastRetried = -1;
    }

    /** Clears the block for its next use. */
    void clear() {
        Arrays.fill(records, 0, count, null);
        Arrays.fill(receipts, 0, count, null);
        count = 0;
        live = 0;
        liveBytes = 0;
        begin(0);
        encoder = null;
        batch = -1;
        pinned = false;
        linked = false;
        next = null;
        previous = null;
    }
}
