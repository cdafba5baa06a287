package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.Arrays;

/**
 * Ready frames, one behind the other, and for each the record, its receipt and when it expires. Used again and again, so
 * that a record allocates nothing. Guarded by its journal's lock; the bytes of a frame do not
 * change once it is added, while more are added behind it.
 */
final class Block {

    /** Bytes of an ordinary block. A larger frame gets a block of its own. */
    static final int SIZE = 1 << 16;

    private static final int FIRST_FRAMES = 256;

    final byte[] bytes;
    private int[] ends = new int[FIRST_FRAMES];
    private TelemetryRecord[] records = new TelemetryRecord[FIRST_FRAMES];
    private Receipt[] receipts = new Receipt[FIRST_FRAMES];
    private long[] deadlines = new long[FIRST_FRAMES];
    private long[] numbers = new long[FIRST_FRAMES];
    private boolean[] ended = new boolean[FIRST_FRAMES];
    private int count;
    private int live;
    private long charge;

    /** Its place among all blocks of the journal. */
    long sequence;
    /** The last epoch in which it was written, and how many of its frames were; 0 if in none. */
    int epoch;

    int written;
    /**
     * JetStream: when the first frames of it, so many, are written again unless they are answered, and how often that has
     * happened in this epoch.
     */
    long retryAt;

    int retryFrames;
    int retries;
    /** The writer has it in its hands. */
    boolean pinned;
    /** Whether it is in the journal's list; one that is not is being ended, or is free. */
    boolean linked;

    Block next;
    Block previous;

    Block(int size) {
        bytes = new byte[size];
    }

    int count() {
        return count;
    }

    /** Frames whose records have not ended. */
    int live() {
        return live;
    }

    /** What its live frames cost, in bytes. */
    long charge() {
        return charge;
    }

    /** What one frame costs, in bytes. */
    long charge(int frame) {
        return end(frame) - start(frame) + Journal.RECORD_OVERHEAD;
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

    TelemetryRecord record(int frame) {
        return records[frame];
    }

    Receipt receipt(int frame) {
        return receipts[frame];
    }

    long deadline(int frame) {
        return deadlines[frame];
    }

    /** Has no frame wait longer than until then. */
    void limitDeadlines(long latest) {
        for (int i = 0; i < count; i++) {
            if (deadlines[i] - latest > 0) {
                deadlines[i] = latest;
            }
        }
    }

    /** The number of a frame's record; they ascend. */
    long number(int frame) {
        return numbers[frame];
    }

    /** The frame of the record with this number; negative if there is none. */
    int frameOf(long number) {
        return Arrays.binarySearch(numbers, 0, count, number);
    }

    boolean isLive(int frame) {
        return !ended[frame];
    }

    boolean hasRoomFor(int length) {
        return length() + length <= bytes.length;
    }

    /** Notes a frame that has been encoded behind the last one. */
    void add(TelemetryRecord record, Receipt receipt, int end, long deadline, long number) {
        if (count == ends.length) {
            records = Arrays.copyOf(records, count * 2);
            receipts = Arrays.copyOf(receipts, count * 2);
            deadlines = Arrays.copyOf(deadlines, count * 2);
            numbers = Arrays.copyOf(numbers, count * 2);
            ended = Arrays.copyOf(ended, count * 2);
            ends = Arrays.copyOf(ends, count * 2); // last: its length says that all have grown
        }
        ends[count] = end;
        records[count] = record;
        receipts[count] = receipt;
        deadlines[count] = deadline;
        numbers[count] = number;
        ended[count] = false;
        count++;
        live++;
        charge += charge(count - 1);
    }

    /** The record of a live frame has ended. */
    void finish(int frame) {
        ended[frame] = true;
        live--;
        charge -= charge(frame);
    }

    /** Forgets everything, for the next use. */
    void clear() {
        Arrays.fill(records, 0, count, null);
        Arrays.fill(receipts, 0, count, null);
        count = 0;
        live = 0;
        charge = 0;
        epoch = 0;
        written = 0;
        retryAt = 0;
        retryFrames = 0;
        retries = 0;
        pinned = false;
        linked = false;
        next = null;
        previous = null;
    }
}
