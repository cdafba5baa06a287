package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.TelemetryRecord;

/** JetStream: the numbers of frames in the batch. Guarded by the journal's monitor. */
final class BatchFrames {

    private final Blocks blocks;
    private long batch = -1;

    BatchFrames(Blocks blocks) {
        this.blocks = blocks;
    }

    /** The number of the batch. */
    long batch() {
        return batch;
    }

    /** Another batch begins. */
    void begin() {
        batch = blocks.nextBatch();
    }

    /** Frames of the block enter the batch, from this one on, which gets this number. */
    void enter(Block block, int from, long first) {
        if (block.batch != batch) {
            block.enterBatch(batch, from, first);
        }
    }

    /** The number of the record with this number in the batch, or of the last live record before it. */
    long number(long sequence) {
        long number = -1;
        for (Block block = blocks.head(); block != null; block = block.next) {
            if (block.batch == batch && block.batchFirst <= sequence) {
                number = block.number(block.frameInBatch(Math.min(sequence, block.lastInBatch())));
            } else if (number >= 0) {
                break;
            }
        }
        return number;
    }

    /** The block in which the record with this number in the batch is live; null if it has ended. */
    Block holding(long sequence) {
        for (Block block = blocks.head(); block != null; block = block.next) {
            if (block.batch == batch && block.batchFirst <= sequence && sequence <= block.lastInBatch()) {
                return block.isLive(block.frameInBatch(sequence)) ? block : null;
            }
        }
        return null;
    }

    /** The record with this number in the batch; null if it has ended. */
    TelemetryRecord record(long sequence) {
        Block block = holding(sequence);
        return block == null ? null : block.record(block.frameInBatch(sequence));
    }

    /**
     * The newest or the oldest record of the batch that has not ended and comes after this one; null if there is none.
     *
     * @param proven its number
     */
    TelemetryRecord behind(long proven, boolean newest) {
        TelemetryRecord record = null;
        for (Block block = blocks.head(); block != null; block = block.next) {
            int end = block.batch == batch ? block.frameInBatch(block.lastInBatch()) + 1 : 0;
            for (int i = block.firstLive(block.batchFrom); i < end; i = block.firstLive(i + 1)) {
                if (block.number(i) > proven && (record == null || newest)) {
                    record = block.record(i);
                }
            }
        }
        return record;
    }
}
