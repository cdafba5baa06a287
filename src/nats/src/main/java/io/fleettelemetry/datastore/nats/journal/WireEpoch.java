package io.fleettelemetry.datastore.nats.journal;

/**
 * What is known of one wire, or of there being none: what was written on it, and what of that is proven. A new wire is a new
 * object; and so is the same wire once all is to be written on it again. Guarded by the journal's monitor.
 */
final class WireEpoch {

    /** Null if there is no wire. */
    final Wire wire;

    /** Blocks bear the number of the epoch in which they were written last. The first is 1. */
    final int number;

    /** Written so far: up to the record with this number; -1 if nothing was. */
    long lastNumber = -1;
    /** How many bytes of that no mark covers, and how many the last mark covers. */
    long unprovenBytes;

    long markedBytes;
    boolean wrote;
    /** Whether a barrier has passed, and when that was last; first when the epoch began. */
    boolean passed;

    long lastPassed;
    /** Nothing is written before the confirmer has looked at what is live: the wire may take less. */
    boolean inspected;
    /**
     * Frames of the epoch before are on this wire, and what the server says of them is none of this epoch's business: nothing
     * is written before a barrier has passed.
     */
    boolean sweeps;
    /** The server is to answer each frame, or was asked to and does not. */
    boolean asks;

    private WireEpoch(Wire wire, int number, long now) {
        this.wire = wire;
        this.number = number;
        this.lastPassed = now;
    }

    static WireEpoch first(long now) {
        return new WireEpoch(null, 1, now);
    }

    /** @param wire null if there is none now */
    WireEpoch next(Wire wire, long now) {
        return new WireEpoch(wire, number + 1, now);
    }

    /**
     * The same wire, on which all is written again.
     *
     * @param asking whether the server is to answer each frame then
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

    /** Bytes that may not have been parsed yet. */
    long underWay() {
        return unprovenBytes + markedBytes;
    }

    /** Whether something of the block was written in this epoch. */
    boolean has(Block block) {
        return block.epoch == number;
    }

    /** How many frames of a block were. */
    int written(Block block) {
        return has(block) ? block.written : 0;
    }

    /** The first live frame of a block that was not; as many as it has if there is none. */
    int firstUnwritten(Block block) {
        return block.firstLive(written(block));
    }

    /** Whether a block has live frames that were; if the oldest block has none, then none has. */
    boolean isUnderWay(Block block) {
        return block != null && block.firstLive(0) < written(block);
    }

    /** Whether a barrier up to this number has reached the whole block. */
    boolean hasReachedAll(Block block, long number) {
        return block != null && has(block) && block.lastNumber() <= number;
    }

    /** Whether a barrier up to this number has reached something of the block. */
    boolean hasReachedSome(Block block, long number) {
        return block != null && has(block) && block.number(0) <= number;
    }

    boolean hasReached(Block block, int frame, long number) {
        return has(block) && frame < block.written && block.number(frame) <= number;
    }

    /** Frames of a step have been written. */
    void wrote(Step step) {
        wrote = true;
        unprovenBytes += step.bytes();
        if (!step.again) {
            lastNumber = step.block.number(step.frames - 1);
            step.block.written = step.frames;
        }
    }

    /** A barrier begins, which covers all that was written. */
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
