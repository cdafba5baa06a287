package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.List;

/**
 * Core NATS: a barrier confirms the records that were written before it and that the server has not refused. Records on
 * the wire do not expire: they wait for their barrier, or for the watchdog to cut the wire.
 */
final class BarrierConfirmation extends Confirmation {

    /** Whether a frame of this epoch ended without a barrier: then refusals cannot be matched to frames by counting. */
    private volatile boolean uncounted;

    BarrierConfirmation(FrameEncoder encoder, Blocks blocks) {
        super(encoder, blocks);
    }

    @Override
    void begin(WireEpoch epoch) {
        super.begin(epoch);
        uncounted = false;
    }

    @Override
    Judgement judge(Refusals refused, List<TelemetryRecord> reached) {
        return Denials.judge(refused, reached, !uncounted, encoder.subjects());
    }

    @Override
    boolean mayAskForAnswers() {
        return true;
    }

    @Override
    void passed(Mark mark, Judgement judgement, Ended ended) {
        ended.deny(judgement.denied()); // before any record ends
        endUpTo(mark.number(), ended);
    }

    /**
     * A late answer to a frame that was written for a stream, before this took over. A stored record is confirmed. A
     * refused record may still be accepted here.
     */
    @Override
    boolean answered(Block block, int frame, Failure failure, Ended ended, long now) {
        if (failure == null) {
            uncounted |= epoch.has(block);
            end(block, frame, null, ended);
        }
        return false;
    }

    @Override
    Block firstToExpire() {
        return epoch.isConnected() ? blocks.cursor() : blocks.head();
    }

    @Override
    int firstToExpire(Block block) {
        return epoch.firstUnwritten(block);
    }
}
