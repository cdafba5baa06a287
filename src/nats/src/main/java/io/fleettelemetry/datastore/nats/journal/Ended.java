package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.ArrayList;
import java.util.Map;

/**
 * Records that have left the journal, and whose receipts are to be called in this order: whole blocks whose frames the server
 * has parsed, and behind them single records. Until they are given back by {@link Journal#release}, block after block, they
 * count as in use. It is the confirmer's, who goes through it once with {@link #next}; the journal fills it.
 */
class Ended {

    private final ArrayList<Block> blocks = new ArrayList<>();
    private final ArrayList<TelemetryRecord> records = new ArrayList<>();
    private final ArrayList<Receipt> receipts = new ArrayList<>();
    /** Null for a confirmed record, unless it was denied. */
    private final ArrayList<Failure> failures = new ArrayList<>();

    private Map<TelemetryRecord, Failure> denied = Map.of();
    /** What the single records cost, in bytes. */
    private long charge;

    /** How many blocks have been given back. */
    private int released;
    /** The frame of the block, or the single record, that is being told. */
    private int at = -1;

    /** Makes sure that this many more need no memory: what there is no memory for must not have half ended. */
    void reserve(int moreBlocks, int moreRecords) {
        blocks.ensureCapacity(blocks.size() + moreBlocks);
        int size = records.size() + moreRecords;
        records.ensureCapacity(size);
        receipts.ensureCapacity(size);
        failures.ensureCapacity(size);
    }

    /** Of what is confirmed here this was denied, for these reasons. */
    void deny(Map<TelemetryRecord, Failure> denied) {
        this.denied = denied;
    }

    /** All live frames of a block that is in the journal no more. */
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

    /** Goes on to the next record; false at the end of a block, or of all, until that is given back. */
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

    /** Why it failed; null if it is confirmed. */
    Failure failure() {
        Failure failure = block() == null ? failures.get(at) : null;
        return failure == null ? denied.get(record()) : failure;
    }

    /** Takes the block whose records have all been told; null if only single records are left. */
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
