package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;

/**
 * After wires that died before a barrier had passed, one of the oldest frames may be what kills them; and if the server has
 * refused something that nobody can tell, one of the frames that a barrier has reached is denied. So these go out in small
 * parts: 1 frame, 2, 4 and so on, a barrier behind each, until the culprit is alone on the wire. Guarded by the journal's
 * monitor.
 */
final class SlowStart {

    private static final int MAX_UNPROVEN_WIRES = 2;

    /** Frames that go out together at most; more than a block has. */
    private static final int MAX_TOGETHER = 1 << 20;

    /** Wires in a row that died with frames and without a barrier. */
    private int unprovenWires;

    private boolean on;
    /** So far: the blocks that begin before this number. */
    private long end;
    /** How many frames go out together, and whether some are out: once that went well, twice as many. */
    private int together;

    private boolean out;
    /** The number of the record that is alone on the wire; -1 if none is. */
    private long alone = -1;
    /** The record that was alone on the wire when it died, and the one that the server has ended a wire for before. */
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

    /** One of the frames up to this number was refused, and nobody can tell which. */
    void search(long number) {
        end = on ? Math.max(end, number + 1) : number + 1;
        on = true;
    }

    /** Whether frames go out in small parts, with the oldest block as it is now. */
    boolean isOn(Block head) {
        if (!covers(head)) {
            on = false; // all of it got through
        }
        return on;
    }

    boolean isOn() {
        return on;
    }

    private boolean covers(Block block) {
        return on && block != null && block.number(0) < end;
    }

    /** Whether the part before has got through, if there was one. */
    boolean mayGoOn() {
        return !out;
    }

    /** Where the next part of the oldest block ends, which begins with this frame. */
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

    /** There is nothing left to be written in small parts. */
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
     * The record that has now ended two connections in a row, alone on the wire each time; null if there is none.
     *
     * @param fatal the server's words when it ended the connection before because of a frame; null if it did not
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
