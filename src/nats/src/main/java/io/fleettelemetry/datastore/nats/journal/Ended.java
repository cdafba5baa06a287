package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayList;
import java.util.Map;

/**
 * Records that have left the journal and whose receipts must be called in this order: whole blocks whose frames the
 * server has parsed, followed by single records. They count as in use until {@link Journal#release} returns them, block
 * by block. The journal fills it, and the confirmer goes through it once with {@link #next}.
 */
class Ended {

    private final ArrayList<Block> blocks = new ArrayList<>();
    private final ArrayList<TelemetryRecord> records = new ArrayList<>();
    private final ArrayList<Receipt> receipts = new ArrayList<>();
    /** The failures of the single records; null for a confirmed one, unless it was denied. */
    private final ArrayList<Failure> failures = new ArrayList<>();

    private Map<TelemetryRecord, Failure> denied = Map.of();
    /** Bytes that the single records count. */
    private long charge;

    /** Number of blocks that were released. */
    private int released;
    /** The frame of the block, or the single record, whose receipt is being called. */
    private int at = -1;

    /** Reserves memory for this many more, because a record must not end halfway when there is no memory. */
    void reserve(int moreBlocks, int moreRecords) {
        blocks.ensureCapacity(blocks.size() + moreBlocks);
        int size = records.size() + moreRecords;
        records.ensureCapacity(size);
        receipts.ensureCapacity(size);
        failures.ensureCapacity(size);
    }

    /** Sets the records that were denied among those that are confirmed here, with their failures. */
    void deny(Map<TelemetryRecord, Failure> denied) {
        this.denied = denied;
    }

    /** Adds all live frames of a block that is no longer in the journal. */
    void add(Block block) {
        blocks.add(block);
    }

    /** @param failure null for a confirmed record */
    void add(Block block, int frame, Failure failure) {
        charge += block.charge(frame);
        records.add(block.record(frame));
        receipts.add(block.receipt(frame));
        failures.add(failure);
    }

    boolean isEmpty() {
        return blocks.isEmpty() && records.isEmpty();
    }

    int records() {
        return records.size();
    }

    long charge() {
        return charge;
    }

    private Block block() {
        return released < blocks.size() ? blocks.get(released) : null;
    }

    /** Moves to the next record; false at the end of a block, or of all records, until that is released. */
    boolean next() {
        Block block = block();
        at++;
        if (block == null) {
            return at < records.size();
        }
        at = block.firstLive(at);
        return at < block.count();
    }

    TelemetryRecord record() {
        return block() == null ? records.get(at) : block().record(at);
    }

    Receipt receipt() {
        return block() == null ? receipts.get(at) : block().receipt(at);
    }

    /** The record's failure; null if it is confirmed. */
    Failure failure() {
        Failure failure = block() == null ? failures.get(at) : null;
        return failure == null ? denied.get(record()) : failure;
    }

    /** Takes the block whose receipts have all been called; null if only single records are left. */
    Block takeBlock() {
        Block block = block();
        if (block != null) {
            released++;
            at = -1;
        }
        return block;
    }

    void clear() {
        blocks.clear();
        records.clear();
        receipts.clear();
        failures.clear();
        denied = Map.of();
        charge = 0;
        released = 0;
        at = -1;
    }
}
