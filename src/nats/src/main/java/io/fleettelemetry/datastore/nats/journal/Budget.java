package io.fleettelemetry.datastore.nats.journal;

/**
 * The limit on the bytes between here and the server's parser. It adapts: a new link, or one that has died, gets a
 * small limit, which grows with each barrier that passes soon. So a slow link has passed on its bytes before it counts
 * as silent. Guarded by the journal's monitor.
 */
final class Budget {

    private static final int MIN = 16 << 10;
    private static final int FIRST = 128 << 10;
    /** More than the buffers of both ends hold. */
    private static final int MAX = 16 << 20;

    /** Limits on the bytes that the operating system buffers, where their progress is invisible. */
    private static final int MIN_KEPT = 64 << 10;

    private static final int MAX_KEPT = 2 << 20;

    /** While there is more to write, a barrier goes out after this many bytes. */
    private static final int BARRIER_BYTES = 1 << 20;

    private int bytes = FIRST;

    /** The link has died. */
    void left(WireEpoch epoch) {
        bytes = Math.min(bytes, FIRST);
        if (!epoch.passed && epoch.wrote) {
            bytes = Math.max(MIN, bytes / 2);
        }
    }

    /**
     * A barrier has passed.
     *
     * @param nanos the time that it took
     * @param silent time (ns) after which a link counts as silent
     * @param covered bytes that the barrier covers
     */
    void passed(long nanos, long silent, long covered) {
        if (nanos >= silent / 2) {
            bytes = Math.max(MIN, bytes / 2);
        } else if (nanos <= silent / 4 && covered >= bytes / 4) {
            bytes = Math.min(MAX, bytes * 2);
        }
    }

    /** Number of bytes that may still be written now. */
    long left(long underWay) {
        return bytes - underWay;
    }

    /** Whether enough bytes may be written to be worth a write. */
    boolean allows(long underWay) {
        return left(underWay) >= Math.min(bytes / 4, Block.SIZE);
    }

    /** Whether there are enough unproven bytes for a barrier although there is more to write. */
    boolean wantsBarrier(long unproven) {
        return unproven >= Math.min(BARRIER_BYTES, bytes / 2);
    }

    /** Number of bytes that the operating system may buffer. */
    int mayKeep() {
        return Math.min(MAX_KEPT, Math.max(MIN_KEPT, bytes));
    }
}
