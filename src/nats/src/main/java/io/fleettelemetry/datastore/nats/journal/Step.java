package io.fleettelemetry.datastore.nats.journal;

/** The writer's next step: an object of the writer, which {@link Journal#next} fills in. */
final class Step {

    enum Kind {
        /** Write these ranges of this block to this wire, then call {@link Journal#wrote} or {@link Journal#failed}. */
        WRITE,
        /** Nothing, until unparked or {@link #parkNanos} have passed. */
        PARK,
        STOP
    }

    Kind kind;
    /** The wire on which to begin a barrier first; null for no barrier. The writer resets it after that. */
    Wire ping;

    /** Whether to ask the server, before that, to answer each frame that follows. */
    boolean answerEach;

    long parkNanos;
    Wire wire;
    Block block;
    /** Pairs of indexes in the block's bytes: the beginning and the end of each range. */
    int[] ranges = new int[64];

    int rangeCount;
    /** Number of bytes that the operating system may buffer. */
    int mayKeep;

    WireEpoch epoch;
    /** Number of the block's frames that are written after this step. */
    int frames;
    /** Whether these frames were written on this wire before. */
    boolean again;

    private int bytes;

    /** Begins a step with no frame of this block yet. */
    void begin(WireEpoch epoch, Block block, boolean again) {
        if (2 * block.count() > ranges.length) {
            ranges = new int[2 * block.count()]; // first, because it may throw
        }
        rangeCount = 0;
        bytes = 0;
        this.epoch = epoch;
        this.wire = epoch.wire;
        this.block = block;
        this.again = again;
    }

    void add(int frame) {
        add(block.start(frame), block.end(frame));
    }

    /** Adds these bytes of the block. */
    void add(int from, int to) {
        bytes += to - from;
        if (rangeCount > 0 && ranges[2 * rangeCount - 1] == from) {
            ranges[2 * rangeCount - 1] = to;
            return;
        }
        ranges[2 * rangeCount] = from;
        ranges[2 * rangeCount + 1] = to;
        rangeCount++;
    }

    /**
     * Adds the live ones of these frames, within limits on their number and, after the first one, on their bytes.
     *
     * @return the frame at which to continue next time
     */
    int addLive(int from, int to, int most, long mostBytes) {
        int added = 0;
        int frame = from;
        for (; frame < to && added < most; frame++) {
            if (block.isLive(frame)) {
                if (added > 0 && block.end(frame) - block.start(frame) > mostBytes - bytes) {
                    break;
                }
                add(frame);
                added++;
            }
        }
        return frame;
    }

    /**
     * Ends the step. The writer uses the block from now on, unless there is nothing to write.
     *
     * @param frames number of the block's frames that are written after this step
     * @return whether there is anything to write
     */
    boolean end(int frames) {
        this.frames = frames;
        block.pinned = rangeCount > 0;
        return block.pinned;
    }

    /** Bytes of all ranges. */
    int bytes() {
        return bytes;
    }
}
