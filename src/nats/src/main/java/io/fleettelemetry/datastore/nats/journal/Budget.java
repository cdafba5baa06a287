package io.fleettelemetry.datastore.nats.journal;

/**
 * What may be under way between here and the server's parser, in bytes. It is found out: a link that is new, or has died,
 * gets little, and more with each barrier that passes soon. What a slow link gets it has passed on before it counts as
 * silent. Guarded by the journal's monitor.
 */
final class Budget {

    private static final int MIN = 16 << 10;
    private static final int FIRST = 128 << 10;
    /** More than both ends' buffers hold. */
    private static final int MAX = 16 << 20;

    /** What the system keeps of it, where we do not see it move. */
    private static final int MIN_KEPT = 64 << 10;

    private static final int MAX_KEPT = 2 << 20;

    /** While there is more to write, a barrier goes out behind every so many bytes. */
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
     * A barrier has passed in this time.
     *
     * @param silent after so long a link counts as silent
     * @param covered bytes that the barrier covers
     */
    void passed(long nanos, long silent, long covered) {
        if (nanos >= silent / 2) {
            bytes = Math.max(MIN, bytes / 2);
        } else if (nanos <= silent / 4 && covered >= bytes / 4) {
            bytes = Math.min(MAX, bytes * 2);
        }
    }

    /** How much more may be written now. */
    long left(long underWay) {
        return bytes - underWay;
    }

    /** Whether so much may be written that it is worth a write. */
    boolean allows(long underWay) {
        return left(underWay) >= Math.min(bytes / 4, Block.SIZE);
    }

    /** Whether so much is to be proven that a barrier goes out though there is more to write. */
    boolean wantsBarrier(long unproven) {
        return unproven >= Math.min(BARRIER_BYTES, bytes / 2);
    }

    /** How much of what is written the system may keep to itself. */
    int mayKeep() {
        return Math.min(MAX_KEPT, Math.max(MIN_KEPT, bytes));
    }
}
