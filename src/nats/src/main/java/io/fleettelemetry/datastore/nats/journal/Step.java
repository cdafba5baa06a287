package io.fleettelemetry.datastore.nats.journal;

/** What the writer is to do: its own object, filled in by {@link Journal#next}. */
final class Step {

    enum Kind {
        /** Write these ranges of this block to this wire, and say {@link Journal#wrote} or {@link Journal#failed}. */
        WRITE,
        /** Nothing, until unparked or {@link #parkNanos} have passed. */
        PARK,
        STOP
    }

    Kind kind;
    /** Begin a barrier on this wire, before anything else; null if none is to begin. Whoever has done so takes it away. */
    Wire ping;

    /** Before that, have the server answer each frame that follows. */
    boolean answerEach;

    long parkNanos;
    Wire wire;
    Block block;
    /** Pairs of offsets in the block's bytes, from and to. */
    int[] ranges = new int[64];

    int rangeCount;
    /** How much of what is written the system may keep to itself, in bytes. */
    int mayKeep;

    WireEpoch epoch;
    /** How many of the block's frames are written once this step is. */
    int frames;
    /** Whether these have been written on this wire before. */
    boolean again;

    private int bytes;

    /** Begins with no frame of this block. */
    void begin(WireEpoch epoch, Block block, boolean again) {
        if (2 * block.count() > ranges.length) {
            ranges = new int[2 * block.count()]; // before anything is taken: this may throw
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
     * Adds the live ones of these frames, so many at most, and no more bytes than that but for the first.
     *
     * @return the frame at which it goes on the next time
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
     * That is all: the writer has the block in its hands, unless there is nothing to write.
     *
     * @param frames how many of the block's frames are written once this step is
     * @return whether there is something
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
