package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayDeque;

/**
 * The blocks of a journal, oldest first, the free blocks, and the bytes and records in them. The open block is the last
 * one: records are appended to it. The cursor is the first block with frames that were not written in this epoch.
 * Guarded by the journal's monitor.
 */
final class Blocks {

    /** Bytes that a record counts in addition to its frame. */
    static final int RECORD_OVERHEAD = 128;

    private final ArrayDeque<Block> free = new ArrayDeque<>();
    private Block head;
    private Block tail;
    /** Size (bytes) of all blocks in the list. */
    private long size;
    /** The last result of {@link #holding}, because answers mostly come in the order of the frames. */
    private Block found;

    private Block cursor;
    /** The block at which the scan for frames to write again continues; null if there is no scan. */
    private Block scan;

    private long usedBytes;
    private int usedRecords;
    private long nextNumber;
    private long nextBatch;
    /** Free blocks are kept as long as all blocks together have at most this many bytes. */
    private long keptBytes;

    /** @param bytes limit on the bytes of all blocks up to which free blocks are kept */
    void keepUpTo(long bytes) {
        keptBytes = bytes;
    }

    /** The oldest block; null if there is none. */
    Block head() {
        return head;
    }

    /** Size (bytes) of the blocks in the list, without the unused part of the last one. */
    long held() {
        return tail == null ? 0 : size - tail.bytes.length + tail.length();
    }

    /** Bytes of the frames in use, plus {@link #RECORD_OVERHEAD} for each. */
    long bytes() {
        return usedBytes;
    }

    /** Number of records that have not ended, or whose receipts have not been called. */
    int records() {
        return usedRecords;
    }

    /** The number of a new batch: none had it before. */
    long nextBatch() {
        return nextBatch++ & 0xFFFF_FFFFL;
    }

    // ---- new records -----------------------------------------------------------------------------------------------

    /** Encodes a record after all others. If that fails, nothing has changed. */
    void append(TelemetryRecord record, Receipt receipt, int length, long deadline, FrameEncoder encoder) {
        Block block = last(length, encoder);
        put(record, receipt, deadline, nextNumber++, block);
        usedBytes += length + RECORD_OVERHEAD;
        usedRecords++;
        if (cursor == null) {
            cursor = block;
        }
    }

    private void put(TelemetryRecord record, Receipt receipt, long deadline, long number, Block block) {
        boolean added = false;
        try {
            int end = block.encoder.encode(record, number, block.bytes, block.length());
            block.add(record, receipt, end, deadline, number);
            added = true;
        } finally {
            if (!added && block.count() == 0) { // an empty block would never be removed
                unlink(block);
            }
        }
    }

    /**
     * Makes the frames of the block at the cursor again with this encoder, in blocks before it, if another encoder made
     * them. It needs memory for at most one block more than it frees. A record is always in one place only: if there is
     * no memory, the rest is made later.
     */
    void reencode(FrameEncoder encoder) {
        while (cursor != null && cursor.encoder != encoder) {
            reencode(cursor, encoder);
        }
    }

    private void reencode(Block old, FrameEncoder encoder) {
        for (int i = old.firstLive(0); i < old.count(); i = old.firstLive(i)) {
            int length = (int) encoder.length(old.record(i));
            long charge = old.charge(i);
            Block block = before(old, length, encoder);
            put(old.record(i), old.receipt(i), old.deadline(i), old.number(i), block);
            old.finish(i);
            usedBytes += length + RECORD_OVERHEAD - charge;
            if (cursor == old) {
                cursor = block;
            }
        }
        unlink(old);
        recycle(old);
    }

    /** Limits the deadlines of all frames to this time. */
    void limitDeadlines(long latest) {
        for (Block block = head; block != null; block = block.next) {
            block.limitDeadlines(latest);
        }
    }

    /** The last block if a frame of this length and encoder fits in; otherwise a new block after it. */
    private Block last(int length, FrameEncoder encoder) {
        Block block = tail;
        if (!fits(block, length, encoder)) {
            block = link(fresh(length, encoder), null);
        }
        return block;
    }

    /** The block before this one if a frame of this length and encoder fits in; otherwise a new block between them. */
    private Block before(Block following, int length, FrameEncoder encoder) {
        Block block = following.previous;
        if (!fits(block, length, encoder)) {
            block = link(fresh(length, encoder), following);
        }
        return block;
    }

    private static boolean fits(Block block, int length, FrameEncoder encoder) {
        if (block == null || block.encoder != encoder || !block.hasRoomFor(length)) {
            return false;
        }
        block.reserve();
        return true;
    }

    private Block fresh(int length, FrameEncoder encoder) {
        Block block = length > Block.SIZE ? new Block(length) : free.poll();
        if (block == null) {
            block = new Block(Block.SIZE);
        }
        block.encoder = encoder;
        return block;
    }

    private Block link(Block block, Block following) {
        Block before = following == null ? tail : following.previous;
        block.linked = true;
        block.previous = before;
        block.next = following;
        if (before == null) {
            head = block;
        } else {
            before.next = block;
        }
        if (following == null) {
            tail = block;
        } else {
            following.previous = block;
        }
        size += block.bytes.length;
        return block;
    }

    // ---- the cursor, and the scan
    // ------------------------------------------------------------------------------------

    Block cursor() {
        return cursor;
    }

    /** Sets the cursor to the oldest block, because nothing is written in this epoch. */
    void rewind() {
        cursor = head;
    }

    /** Moves the cursor to the block after this one, which is written completely. */
    void goOnBehind(Block block) {
        cursor = block.next;
    }

    /** Number of live records that were not written in this epoch. */
    int unwritten(WireEpoch epoch) {
        int unwritten = 0;
        for (Block block = cursor; block != null; block = block.next) {
            for (int i = epoch.written(block); i < block.count(); i++) {
                unwritten += block.isLive(i) ? 1 : 0;
            }
        }
        return unwritten;
    }

    Block scan() {
        return scan;
    }

    void beginScan() {
        scan = head;
    }

    void scanOn() {
        scan = scan.next;
    }

    void endScan() {
        scan = null;
    }

    // ---- ended records ---------------------------------------------------------------------------------------------

    /** Removes a live frame. */
    void end(Block block, int frame, Failure failure, Ended ended) {
        ended.reserve(0, 1); // first, because it may throw
        ended.add(block, frame, failure);
        block.finish(frame);
        if (block.live() == 0) {
            unlink(block);
            if (!block.pinned) {
                recycle(block);
            }
        }
    }

    /** The writer no longer uses this block. */
    void letGo(Block block) {
        boolean held = block.pinned;
        block.pinned = false;
        if (held && !block.linked) {
            recycle(block);
        }
    }

    /**
     * The receipts of a block's records have been called, or, if no block is left, the receipts of the single records.
     * Their room is free now.
     *
     * @return whether there are more records whose receipts must be called
     */
    boolean release(Ended ended) {
        Block block = ended.takeBlock();
        if (block == null) {
            usedBytes -= ended.charge();
            usedRecords -= ended.records();
            ended.clear();
            return false;
        }
        usedBytes -= block.charge();
        usedRecords -= block.live();
        recycle(block);
        return true;
    }

    /** Joins the live frames of two neighbouring blocks in the first one. */
    void join(Block block, Block following) {
        block.compact();
        following.compact();
        block.take(following);
        if (cursor == following) {
            cursor = block;
        }
        unlink(following);
        recycle(following);
    }

    void unlink(Block block) {
        if (cursor == block) {
            cursor = block.next;
        }
        if (scan == block) {
            scan = block.next;
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
        size -= block.bytes.length;
    }

    /** Keeps a block that is no longer used for its next use. */
    private void recycle(Block block) {
        if (block.bytes.length == Block.SIZE && size + (free.size() + 1L) * Block.SIZE <= keptBytes) {
            block.clear();
            free.add(block);
        }
    }

    /** The block in which the record with this number is live; null if it has ended. */
    Block holding(long number) {
        Block block = around(number);
        int frame = block == null ? -1 : block.frameOf(number);
        return frame >= 0 && block.isLive(frame) ? block : null;
    }

    private Block around(long number) {
        Block block = found != null && found.linked ? found : head;
        while (block != null && number < block.number(0)) {
            block = block.previous;
        }
        while (block != null && number > block.lastNumber()) {
            block = block.next;
        }
        found = block;
        return block;
    }
}
