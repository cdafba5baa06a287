package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;

/**
 * Searches for a frame that ends connections or is denied. If wires died before a barrier had passed, one of the oldest
 * frames may be the reason. If the server has refused an unknown frame, it is one of those before the barrier. So these
 * frames go out in small parts: 1 frame, 2, 4 and so on, with a barrier after each part, until the wanted frame is
 * alone on the wire. Guarded by the journal's monitor.
 */
final class SlowStart {

    private static final int MAX_UNPROVEN_WIRES = 2;

    /** Limit on the frames of a part; more than a block has. */
    private static final int MAX_TOGETHER = 1 << 20;

    /** Number of wires in a row that died with frames and without a passed barrier. */
    private int unprovenWires;

    private boolean on;
    /** The search covers the blocks that begin before this number. */
    private long end;
    /** Number of frames of a part, which doubles when a part got through; and whether a part is on the wire. */
    private int together;

    private boolean out;
    /** The number of the record that is alone on the wire; -1 if there is none. */
    private long alone = -1;
    /** The record that was alone on the wire when it died; and the one for which the server ended a wire before. */
    private TelemetryRecord suspect;

    private TelemetryRecord blamedOnce;

    /** This wire has gone. */
    void left(WireEpoch epoch, Block head) {
        if (epoch.passed) {
            unprovenWires = 0;
        } else if (epoch.wrote) {
            unprovenWires++;
        }
        int frame = alone >= 0 && covers(head) ? head.frameOf(alone) : -1;
        if (frame >= 0 && head.isLive(frame)) {
            suspect = head.record(frame);
        }
    }

    /** Nothing is on the wire yet. */
    void begin(Block head) {
        together = 1;
        out = false;
        alone = -1;
        if (!on && unprovenWires >= MAX_UNPROVEN_WIRES && head != null) {
            on = true;
            end = head.lastNumber() + 1;
        }
    }

    /** One of the frames up to this number was refused, and it is unknown which. */
    void search(long number) {
        end = on ? Math.max(end, number + 1) : number + 1;
        on = true;
    }

    /** Whether frames go out in small parts, with the oldest block as it is now. */
    boolean isOn(Block head) {
        if (!covers(head)) {
            on = false; // all of these frames got through
        }
        return on;
    }

    boolean isOn() {
        return on;
    }

    private boolean covers(Block block) {
        return on && block != null && block.number(0) < end;
    }

    /** Whether the last part has got through, if there was one. */
    boolean mayGoOn() {
        return !out;
    }

    /** The end of the next part of the oldest block, which begins with this frame. */
    int end(Block head, int from) {
        int to = from;
        for (int live = 0; live < together && to < head.count(); to++) {
            live += head.isLive(to) ? 1 : 0;
        }
        return to;
    }

    /** The part that ends here is about to be written. */
    void took(Block head, int to) {
        out = true;
        alone = together == 1 ? head.number(to - 1) : -1;
    }

    /** Ends the search. */
    void stop() {
        on = false;
    }

    /** A barrier has passed. */
    void passed() {
        if (out) {
            together = Math.min(2 * together, MAX_TOGETHER);
        }
        out = false;
        alone = -1;
    }

    /**
     * Returns the record that has now ended two connections in a row, alone on the wire each time; null if there is
     * none.
     *
     * @param fatal the server's words if it ended the last connection because of a frame; otherwise null
     */
    TelemetryRecord culprit(String fatal) {
        TelemetryRecord culprit = null;
        if (suspect != null && fatal != null) {
            culprit = suspect == blamedOnce ? suspect : null;
            blamedOnce = suspect;
        }
        suspect = null;
        return culprit;
    }

    static Failure failure(String fatal) {
        return new Failure(
                Failure.Kind.ERROR, "the server ended the connection twice when it got this record: " + fatal);
    }
}
