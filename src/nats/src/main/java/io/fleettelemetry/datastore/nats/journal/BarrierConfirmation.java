package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.List;

/**
 * Core NATS: a barrier confirms what it has reached and what the server has not refused. What is on the wire does not expire,
 * but waits for its barrier, or for the watchdog to give the wire up.
 */
final class BarrierConfirmation extends Confirmation {

    /** Whether a frame of this epoch has ended without a barrier: then frames and what the server says cannot be counted off. */
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
        ended.deny(judgement.denied()); // before anything has ended
        endUpTo(mark.number(), ended);
    }

    /**
     * What was written for a stream, before this took over, is answered late. What is stored is confirmed. What was refused there
     * may be taken here.
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
