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
        long number = mark.number();
        reserve(number, ended); // before anything has changed: this may throw
        ended.deny(judgement.denied());
        Block head = blocks.head();
        while (epoch.hasReachedAll(head, number)) {
            blocks.unlink(head);
            ended.add(head);
            head = blocks.head();
        }
        for (int i = 0; head != null && i < head.count() && epoch.hasReached(head, i, number); i++) {
            if (head.isLive(i)) {
                end(head, i, null, ended);
            }
        }
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

    private void reserve(long number, Ended ended) {
        int whole = 0;
        Block block = blocks.head();
        while (epoch.hasReachedAll(block, number)) {
            whole++;
            block = block.next;
        }
        ended.reserve(whole, block == null ? 0 : block.count());
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
