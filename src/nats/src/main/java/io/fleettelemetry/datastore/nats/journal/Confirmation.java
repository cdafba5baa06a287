package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * The way in which records are confirmed, as {@code delivery} chooses it. It decides how frames on the wire end, how
 * many may be there, and whether they are written again. It lasts until other settings take over. Guarded by the
 * journal's monitor.
 */
abstract sealed class Confirmation permits BarrierConfirmation, AnswerConfirmation, BatchConfirmation {

    final FrameEncoder encoder;
    final Blocks blocks;
    WireEpoch epoch;

    Confirmation(FrameEncoder encoder, Blocks blocks) {
        this.encoder = encoder;
        this.blocks = blocks;
    }

    /** The confirmation for the frames of an encoder. */
    static Confirmation of(FrameEncoder encoder, Blocks blocks, long now) {
        if (encoder.makesBatches()) {
            return new BatchConfirmation(encoder, blocks, now);
        }
        return encoder.asksForAnswers()
                ? new AnswerConfirmation(encoder, blocks, now)
                : new BarrierConfirmation(encoder, blocks);
    }

    /** Whether one answer confirms many records. */
    boolean isInBatches() {
        return false;
    }

    /** Begins an epoch, in which nothing is written yet. */
    void begin(WireEpoch epoch) {
        this.epoch = epoch;
    }

    // ---- writing ---------------------------------------------------------------------------------------------------

    /** Whether all live records must be written again in their order, from now on, on this wire. */
    boolean isToBeginAgain(long now) {
        return false;
    }

    /** Takes frames that must be written again, if there are any. */
    boolean takeAgain(Step step, long now) {
        return false;
    }

    /**
     * Takes a question to the stream, if there is one.
     *
     * @param idle whether there is nothing else to write
     */
    boolean takeQuestion(Step step, long now, boolean idle) {
        return false;
    }

    /** Whether frames of this block may be written now, from this one on. */
    boolean mayWrite(Block block, int from) {
        return true;
    }

    /** Whether nothing more can be written until there is an answer. */
    boolean isHeldUp() {
        return false;
    }

    /** Number of frames of this block, from this one on, that may be written now; -1 if too few to be worth a write. */
    int room(Block block, int from, long now) {
        return Integer.MAX_VALUE;
    }

    /** Frames of this block are about to be written for the first time in this epoch. */
    void begin(Block block, long now) {
        block.begin(epoch.number);
    }

    /** The live ones of these frames are about to be written. */
    void takes(Block block, int from, int to, long now) {}

    /** Frames have been written for the first time in this epoch. */
    void wrote(Block block, long now) {}

    /** Time (ns) until {@link #takeAgain} must be called again. */
    long nanosUntilNext(long now) {
        return Long.MAX_VALUE;
    }

    // ---- endings ---------------------------------------------------------------------------------------------------

    /**
     * Judges the server's refusals of the frames before a barrier. By then the server has reported all of them. Needs
     * no monitor.
     *
     * @param refused the refusals
     * @param reached the records written between this barrier and the one before that have not ended
     */
    abstract Judgement judge(Refusals refused, List<TelemetryRecord> reached);

    /**
     * Whether a barrier is to follow.
     *
     * @param idle whether there is nothing more to write
     */
    boolean wantsBarrier(boolean idle, long now) {
        return idle;
    }

    /** Whether the server may be asked to answer each frame: only if frames are in order and not written twice. */
    boolean mayAskForAnswers() {
        return false;
    }

    /**
     * A barrier has passed.
     *
     * @param judgement the denied records among those before the barrier
     * @throws OutOfMemoryError the records that have ended by then have ended correctly
     */
    abstract void passed(Mark mark, Judgement judgement, Ended ended);

    /** The first block with a record that may expire. */
    abstract Block firstToExpire();

    abstract int firstToExpire(Block block);

    /** Removes a frame. */
    void end(Block block, int frame, Failure failure, Ended ended) {
        blocks.end(block, frame, failure, ended);
    }

    /** JetStream's answer for a frame, perhaps one written before this took over. Returns whether there is now room. */
    abstract boolean answered(Block block, int frame, Failure failure, Ended ended, long now);

    /**
     * JetStream's answer for a frame: it could not be stored now.
     *
     * @param away whether the reason is that the one stream for all records is away
     */
    void postponed(Block block, int frame, boolean away, long now) {}

    /**
     * A stream's answer to a batch.
     *
     * @return the record of the answer, if it is not stored; otherwise null
     */
    TelemetryRecord replied(BatchReply reply, Ended ended, long now) {
        return null;
    }

    /** Whether there are records for {@link #endProven}. */
    boolean hasProven() {
        return false;
    }

    /** Removes the records that answers to batches have proven. */
    void endProven(Ended ended) {}

    /** Whether the stream takes no batches. */
    boolean isUnable() {
        return false;
    }

    /** Whether a frame that was written in this epoch has had no answer for a long time. */
    boolean areAnswersMissing() {
        return false;
    }

    /** The records without an answer for ten seconds or more; null if there are none. */
    Unanswered unanswered() {
        return null;
    }

    /** The current limit on frames without an answer. */
    int window() {
        return Integer.MAX_VALUE;
    }

    /** The records before a barrier that have not ended; none if the wire has changed. */
    final List<TelemetryRecord> reached(Mark mark) {
        List<TelemetryRecord> reached = new ArrayList<>();
        Block block = mark.epoch() == epoch ? blocks.head() : null;
        for (; epoch.hasReachedSome(block, mark.number()); block = block.next) {
            for (int i = 0; i < block.count() && epoch.hasReached(block, i, mark.number()); i++) {
                if (block.isLive(i)) {
                    reached.add(block.record(i));
                }
            }
        }
        return reached;
    }

    /**
     * Removes all records up to this number.
     *
     * @throws OutOfMemoryError nothing has changed then
     */
    final void endUpTo(long number, Ended ended) {
        reserve(number, ended);
        Block head = blocks.head();
        while (head != null && !head.pinned && head.lastNumber() <= number) {
            blocks.unlink(head);
            ended.add(head);
            head = blocks.head();
        }
        for (int i = 0; head != null && i < head.count() && head.number(i) <= number; i++) {
            if (head.isLive(i)) {
                end(head, i, null, ended);
            }
        }
    }

    private void reserve(long number, Ended ended) {
        int whole = 0;
        Block block = blocks.head();
        while (block != null && block.lastNumber() <= number) {
            whole++;
            block = block.next;
        }
        ended.reserve(whole, block == null ? 0 : block.count());
    }

    /** Removes the records that the server has denied. */
    final void endDenied(Mark mark, Judgement judgement, Ended ended) {
        Block following;
        Block block = judgement.denied().isEmpty() ? null : blocks.head();
        for (; epoch.hasReachedSome(block, mark.number()); block = following) {
            following = block.next;
            for (int i = 0; i < block.count() && epoch.hasReached(block, i, mark.number()); i++) {
                endIf(judgement.denied()::get, block, i, ended);
            }
        }
    }

    /** Removes all records for which the function returns a failure. */
    final void endAll(Function<TelemetryRecord, Failure> why, Ended ended) {
        Block following;
        for (Block block = blocks.head(); block != null; block = following) {
            following = block.next;
            for (int i = 0; i < block.count(); i++) {
                endIf(why, block, i, ended);
            }
        }
    }

    final void endIf(Function<TelemetryRecord, Failure> why, Block block, int frame, Ended ended) {
        Failure failure = block.isLive(frame) ? why.apply(block.record(frame)) : null;
        if (failure != null) {
            end(block, frame, failure, ended);
        }
    }

    /** Whether there are records for {@link #expire}. */
    final boolean hasExpired(long now) {
        Block oldest = firstToExpire();
        return oldest != null && !isBeingWritten(oldest) && oldest.isExpired(firstToExpire(oldest), now);
    }

    /** Removes the records that have expired by now. */
    final void expire(long now, Failure why, Ended ended) {
        Block following;
        for (Block block = firstToExpire(); block != null && !isBeingWritten(block); block = following) {
            following = block.next;
            for (int i = firstToExpire(block); i < block.count(); i++) {
                if (block.isLive(i)) {
                    if (!block.isExpired(i, now)) {
                        return;
                    }
                    end(block, i, why, ended);
                }
            }
        }
    }

    private boolean isBeingWritten(Block block) {
        return epoch.isConnected() && block.pinned;
    }
}
