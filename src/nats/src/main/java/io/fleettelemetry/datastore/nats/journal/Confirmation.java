package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * What confirms a record, which is what {@code delivery} chooses: and so how frames end that are on the wire, how many may be
 * there, and whether they are written again. Lasts until other settings take over. Guarded by the journal's monitor.
 */
abstract sealed class Confirmation permits BarrierConfirmation, AnswerConfirmation, BatchConfirmation {

    final FrameEncoder encoder;
    final Blocks blocks;
    WireEpoch epoch;

    Confirmation(FrameEncoder encoder, Blocks blocks) {
        this.encoder = encoder;
        this.blocks = blocks;
    }

    /** The one for frames that are made so. */
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

    /** Nothing is written in this epoch yet. */
    void begin(WireEpoch epoch) {
        this.epoch = epoch;
    }

    // ---- what is written -------------------------------------------------------------------------------------------

    /** Whether all that is live is to be written again in its order, from now on and on this wire. */
    boolean isToBeginAgain(long now) {
        return false;
    }

    /** Takes frames that are to be written again, if there are such. */
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

    /** Whether it makes no sense to look for more to write until there is an answer. */
    boolean isHeldUp() {
        return false;
    }

    /** How many frames of this block may be written now, from this one on; -1 if too few for it to be worth a write. */
    int room(Block block, int from, long now) {
        return Integer.MAX_VALUE;
    }

    /** Frames of the block are about to be written for the first time in this epoch. */
    void begin(Block block, long now) {
        block.begin(epoch.number);
    }

    /** The live ones of these frames are about to be written. */
    void takes(Block block, int from, int to, long now) {}

    /** Frames have been written for the first time in this epoch. */
    void wrote(Block block, long now) {}

    /** When {@link #takeAgain} is to be asked again. */
    long nanosUntilNext(long now) {
        return Long.MAX_VALUE;
    }

    // ---- what ends -------------------------------------------------------------------------------------------------

    /**
     * What the server has said of that which a barrier has reached: by then it has said all. Needs no monitor.
     *
     * @param reached the records that have not ended of all that was written between the barrier and the one before
     */
    abstract Judgement judge(Refusals refused, List<TelemetryRecord> reached);

    /** Whether a barrier is to follow when there is nothing more to write. */
    boolean needsBarrier() {
        return true;
    }

    /** Whether the server may be asked to answer each frame: if what was written once is in its order, and not written again. */
    boolean mayAskForAnswers() {
        return false;
    }

    /**
     * A barrier has passed, and of what it has reached this was denied.
     *
     * @throws OutOfMemoryError and what has ended by then has ended well
     */
    abstract void passed(Mark mark, Judgement judgement, Ended ended);

    /** The first block of which something may expire, and its first frame that may. */
    abstract Block firstToExpire();

    abstract int firstToExpire(Block block);

    /** Takes a frame out. */
    void end(Block block, int frame, Failure failure, Ended ended) {
        blocks.end(block, frame, failure, ended);
    }

    /** JetStream's answer for a frame, which may come from before this took over. Returns whether there is room for more now. */
    abstract boolean answered(Block block, int frame, Failure failure, Ended ended, long now);

    /**
     * JetStream's answer for a frame: not at present.
     *
     * @param away whether that is because the stream that stores all records is away
     */
    void postponed(Block block, int frame, boolean away, long now) {}

    /**
     * A stream's answer to a batch.
     *
     * @return the record that it is about, and which it has not stored; null if there is none
     */
    TelemetryRecord replied(BatchReply reply, Ended ended, long now) {
        return null;
    }

    /** Whether {@link #endProven} has something to do. */
    boolean hasProven() {
        return false;
    }

    /** Takes out what answers to batches have proven. */
    void endProven(Ended ended) {}

    /** Whether the stream takes no batches. */
    boolean isUnable() {
        return false;
    }

    /** Whether something that was written in this epoch has had no answer for a long time. */
    boolean areAnswersMissing() {
        return false;
    }

    /** What has had no answer for ten seconds or more; null if there is nothing such. */
    Unanswered unanswered() {
        return null;
    }

    /** How many frames may be without an answer at present. */
    int window() {
        return Integer.MAX_VALUE;
    }

    /** The records that a barrier has reached and that have not ended; none if the wire has changed. */
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
     * Takes out everything up to the record with this number.
     *
     * @throws OutOfMemoryError and then nothing has changed
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

    /** Takes out what the server has denied. */
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

    /** Takes out everything for which this gives a reason. */
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

    /** Whether there is anything for {@link #expire} to do. */
    final boolean hasExpired(long now) {
        Block oldest = firstToExpire();
        return oldest != null && !isBeingWritten(oldest) && oldest.isExpired(firstToExpire(oldest), now);
    }

    /** Takes out what has expired by now. */
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
