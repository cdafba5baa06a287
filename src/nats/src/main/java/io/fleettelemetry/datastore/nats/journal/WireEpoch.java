package io.fleettelemetry.datastore.nats.journal;

/**
 * The state of one wire, or of the time without one: what was written on it, and what is proven. A new wire gets a new
 * object, and so does the same wire when all records are written on it again. Guarded by the journal's monitor.
 */
final class WireEpoch {

    /** The wire; null if there is none. */
    final Wire wire;

    /** The epoch's number. A block has the number of the epoch in which it was last written. The first is 1. */
    final int number;

    /** The number of the last record written so far; -1 if there is none. */
    long lastNumber = -1;
    /** Number of written bytes that no mark covers, and number of bytes that the last mark covers. */
    long unprovenBytes;

    long markedBytes;
    boolean wrote;
    /** Whether a barrier has passed, and when the last one did; initially the beginning of the epoch. */
    boolean passed;

    long lastPassed;
    /** Whether the confirmer has checked the live records, before which nothing is written: the wire may take less. */
    boolean inspected;
    /**
     * Whether frames of the previous epoch are on this wire. The server's words about them do not concern this epoch,
     * so nothing is written before a barrier has passed.
     */
    boolean sweeps;
    /** Whether the server will be or was asked to answer each frame. */
    boolean asks;

    private WireEpoch(Wire wire, int number, long now) {
        this.wire = wire;
        this.number = number;
        this.lastPassed = now;
    }

    static WireEpoch first(long now) {
        return new WireEpoch(null, 1, now);
    }

    /** @param wire the next wire; null if there is none */
    WireEpoch next(Wire wire, long now) {
        return new WireEpoch(wire, number + 1, now);
    }

    /**
     * Returns an epoch for the same wire, on which all records are written again.
     *
     * @param asking whether to ask the server to answer each frame
     */
    WireEpoch again(boolean asking, long now) {
        WireEpoch again = next(wire, now);
        again.sweeps = true;
        again.asks = asks || asking;
        return again;
    }

    boolean isConnected() {
        return wire != null;
    }

    /** Number of bytes that the server may not have parsed yet. */
    long underWay() {
        return unprovenBytes + markedBytes;
    }

    /** Whether frames of the block were written in this epoch. */
    boolean has(Block block) {
        return block.epoch == number;
    }

    /** Number of frames of a block that were written in this epoch. */
    int written(Block block) {
        return has(block) ? block.written : 0;
    }

    /** The first live frame of a block that was not written; the number of its frames if there is none. */
    int firstUnwritten(Block block) {
        return block.firstLive(written(block));
    }

    /** Whether a block has live frames that were written. If the oldest block has none, no block has. */
    boolean isUnderWay(Block block) {
        return block != null && block.firstLive(0) < written(block);
    }

    /** Whether a barrier up to this number covers the whole block. */
    boolean hasReachedAll(Block block, long number) {
        return block != null && has(block) && block.lastNumber() <= number;
    }

    /** Whether a barrier up to this number covers a part of the block. */
    boolean hasReachedSome(Block block, long number) {
        return block != null && has(block) && block.number(0) <= number;
    }

    boolean hasReached(Block block, int frame, long number) {
        return has(block) && frame < block.written && block.number(frame) <= number;
    }

    /** The frames of a step have been written. */
    void wrote(Step step) {
        wrote = true;
        unprovenBytes += step.bytes();
        if (!step.again) {
            lastNumber = step.block.number(step.frames - 1);
            step.block.written = step.frames;
        }
    }

    /** Begins a barrier, which covers everything written so far. */
    Mark mark(Confirmation confirmation) {
        Mark mark = new Mark(this, confirmation, lastNumber);
        markedBytes = unprovenBytes;
        unprovenBytes = 0;
        return mark;
    }

    /** The barrier has passed. */
    void passed(long now) {
        lastPassed = now;
        passed = true;
        markedBytes = 0;
        sweeps = false;
    }
}
