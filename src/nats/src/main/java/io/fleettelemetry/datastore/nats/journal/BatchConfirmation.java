package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.BatchReply.End;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Flow;
import io.fleettelemetry.datastore.nats.journal.BatchReply.NotNow;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Refused;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Unable;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Unknown;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.journal.FrameEncoder.Operation;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * JetStream with fast ingest (nats-server 2.14 and later): frames go out in batches, numbered from 1 on, and one answer
 * confirms all frames up to a number. The server stores no message of a batch after a missing one, so the order always
 * holds. But it would store messages of another batch, so a batch begins only when the end of the last one is known.
 *
 * <p>A batch ends with the last frame to write. The answer to its end gives the exact number of stored messages. While
 * there is more to write, the batch continues, and the stream answers in between. If a batch ends too early, the frames
 * after its end go out again in the next batch.
 */
final class BatchConfirmation extends Confirmation {

    private enum State {
        /** There is no batch; the next one may begin. */
        NONE,
        /** It takes frames. */
        OPEN,
        /** It takes no more frames; its end was written, or will be. */
        ENDING,
        /** It has ended too early, and the rest must be written again. */
        CUT_SHORT
    }

    /**
     * After a batch of several records, the next batch begins after this time at the earliest, or when this many
     * records wait. A single record need not wait.
     */
    private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private static final int PLENTY = 100;
    /** A batch is ended when nothing was written for this time. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /**
     * A stream that is silent for this time may not have got the batch, because the server denies its records. A barrier then
     * brings the refusals.
     */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** A stream that does not answer is asked after this time, then after twice as long, and so on, up to a limit. */
    private static final long SILENT_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final int MAX_DOUBLINGS = 2;
    /** After this many questions, which takes more than ten seconds, the server has forgotten the batch. */
    private static final int MAX_QUESTIONS = 4;

    /**
     * If the server maps subjects, it may be unknown which record it denies, and that record would delay all records
     * after it. After this many times, each record asks for an answer of its own.
     */
    private static final int MAX_UNEXPLAINED = 3;

    /**
     * Frames that could not be stored are written again after this time; after the second, if the stream stores others.
     */
    private static final long POSTPONE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private static final long QUEUED_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private State state = State.NONE;
    private final BatchFrames frames;
    private final BatchWindow window = new BatchWindow();

    /** The number in the batch of the last frame that was taken, and of the last frame that is known to be stored. */
    private long sent;

    private long acked;
    /** All records up to the first number are stored; all records up to the second one have ended. */
    private long proven = -1;

    private long taken = -1;

    /** Whether a batch was cut short, and the server has not been asked yet what it denies. */
    private boolean doubtful;
    /** Whether the server has refused frames since, so that the batch has a gap. */
    private boolean refused;
    /** How often in a row the server has denied an unknown record. */
    private int unexplained;
    /** Whether the stream takes no batches. */
    private boolean unable;

    /** When the last batch began, whether it had several records, and whether the next one waits for more. */
    private long beganAt;

    private boolean several;
    private boolean gathers;
    private long wroteAt;
    private long storedAt;
    /** When the stream is asked for the state of the batch, unless it answers. */
    private long askAt;
    /** Number of unanswered questions: in this batch, and since the stream has stored something, for a frozen one answers, too. */
    private int asked;

    private int unanswered;
    private Block question = new Block(512);

    BatchConfirmation(FrameEncoder encoder, Blocks blocks, long now) {
        super(encoder, blocks);
        frames = new BatchFrames(blocks);
        beganAt = now;
        storedAt = now - TimeUnit.DAYS.toNanos(1);
    }

    /**
     * All records are written again, except the stored ones. The stream is asked for these first, even on another wire.
     */
    @Override
    void begin(WireEpoch next) {
        if (epoch == null || epoch.wire != next.wire) {
            window.forget();
            unexplained = 0;
        }
        super.begin(next);
        boolean asks = (state == State.OPEN || state == State.ENDING) && acked < sent;
        if (asks) {
            asksAt(next.lastPassed);
            asked = 0;
        } else {
            isOver();
        }
    }

    // ---- writing ---------------------------------------------------------------------------------------------------

    /** Records that are known to be stored are not written again: the confirmer will end them. */
    @Override
    boolean mayWrite(Block block, int from) {
        int frame = block.firstLive(from);
        return !unable
                && (state == State.OPEN
                        || state == State.NONE && (frame == block.count() || block.number(frame) > proven));
    }

    @Override
    boolean isHeldUp() {
        return state == State.ENDING
                || state == State.CUT_SHORT
                || gathers && state == State.NONE && !isPlenty(blocks.cursor());
    }

    private boolean isPlenty(Block block) {
        return block == null || block.next != null || block.count() - epoch.written(block) >= PLENTY;
    }

    @Override
    int room(Block block, int from, long now) {
        gathers = several && state == State.NONE && now - beganAt < GATHER_NANOS && !isPlenty(block);
        if (gathers) {
            return -1;
        }
        long unanswered = sent - acked;
        int room = window.size() - (int) unanswered;
        boolean worth = room >= block.count() - from || !window.isFull(unanswered);
        return worth && mayWrite(block, from) ? room : -1;
    }

    @Override
    void takes(Block block, int from, int to, long now) {
        int last = to - 1;
        while (last >= from && !block.isLive(last)) {
            block.skip(last--);
        }
        if (last >= from) {
            takesLive(block, from, last, block.next == null && to == block.count(), now);
        }
    }

    /** @param ends whether there is no more to write */
    private void takesLive(Block block, int from, int last, boolean ends, long now) {
        if (state == State.NONE) {
            frames.begin();
            beganAt = now;
            state = State.OPEN;
            asked = 0;
        }
        frames.enter(block, from, sent + 1);
        if (ends || sent == acked) {
            askAt = now + silence();
        }
        for (int i = from; i <= last; i++) {
            if (block.isLive(i)) {
                sent++;
                Operation operation = ends && i == last ? Operation.END : sent == 1 ? Operation.BEGIN : Operation.GO_ON;
                encoder.number(block.record(i), frames.batch(), sent, operation, block.bytes, block.start(i));
                block.batchFrames++;
            } else {
                block.skip(i);
            }
        }
        state = ends ? State.ENDING : state;
        wroteAt = now;
    }

    private long silence() {
        return SILENT_NANOS << Math.min(unanswered, MAX_DOUBLINGS);
    }

    @Override
    boolean takeQuestion(Step step, long now, boolean idle) {
        if (unable) {
            return false;
        }
        boolean silent = isUnanswered() && askAt - now <= 0;
        if (silent && asked >= MAX_QUESTIONS) {
            isForgotten();
        }
        if (state == State.CUT_SHORT && !hasProven()) {
            rewind();
        }
        if (state == State.OPEN && (window.isStuck(sent - acked) || idle && now - wroteAt >= PAUSE_NANOS)) {
            state = State.ENDING;
            return ask(step, Operation.END_ONLY, now);
        }
        if (refused && isUnanswered()) {
            refused = false;
            doubtful = true;
            state = State.ENDING;
            return ask(step, Operation.END_ONLY, now);
        }
        if (!silent || state != State.OPEN && state != State.ENDING) {
            return false;
        }
        asked++;
        unanswered++;
        doubtful = true;
        return ask(step, state == State.OPEN ? Operation.PING : Operation.END_ONLY, now);
    }

    private boolean isUnanswered() {
        return state == State.ENDING || state == State.OPEN && acked < sent;
    }

    private boolean ask(Step step, Operation operation, long now) {
        TelemetryRecord record = subjectOfQuestion();
        if (record == null) { // all records have ended, so the answer is not needed
            isOver();
            return false;
        }
        askAt = now + silence();
        int length = encoder.controlLength(record);
        if (length > question.bytes.length) {
            question = new Block(length);
        }
        encoder.encodeControl(record, question.bytes);
        encoder.numberControl(
                record, frames.batch(), operation == Operation.PING ? sent : sent + 1, operation, question.bytes);
        step.begin(epoch, question, true);
        step.add(0, length);
        return step.end(0);
    }

    /**
     * Returns a record of the batch that has not ended: the oldest or the newest one in turn, because the server may
     * deny the subject of one. Null if there is none.
     */
    private TelemetryRecord subjectOfQuestion() {
        return frames.behind(proven, asked % 2 == 0);
    }

    private void rewind() {
        for (Block block = blocks.head(); block != null && epoch.has(block); block = block.next) {
            block.begin(0);
        }
        blocks.rewind();
        isOver();
    }

    private void isOver() {
        state = State.NONE;
        window.end();
        several = sent > 1;
        refused = false;
        sent = 0;
        acked = 0;
    }

    @Override
    long nanosUntilNext(long now) {
        return switch (state) {
            case OPEN -> Math.min(wroteAt + PAUSE_NANOS - now, acked < sent ? askAt - now : Long.MAX_VALUE);
            case ENDING -> Math.min(askAt - now, nanosUntilLate(now));
            case NONE -> gathers ? beganAt + GATHER_NANOS - now : Long.MAX_VALUE;
            default -> Long.MAX_VALUE;
        };
    }

    private long nanosUntilLate(long now) {
        return epoch.unprovenBytes > 0 ? Math.max(wroteAt + LATE_NANOS - now, PAUSE_NANOS) : Long.MAX_VALUE;
    }

    // ---- replies of the stream --------------------------------------------------------------------------------------

    @Override
    TelemetryRecord replied(BatchReply reply, Ended ended, long now) {
        if (reply.batch() != frames.batch() || state == State.NONE || state == State.CUT_SHORT || unable) {
            return null; // it is about frames that were written again since
        }
        window.begin();
        asked = 0;
        if (reply instanceof Flow going) {
            isStored(Math.min(going.sequence(), sent), now);
            window.flow(going.messages());
            askAt = state == State.OPEN ? now + SILENT_NANOS : askAt;
        } else if (reply instanceof End end) {
            isStored(Math.min(end.stored(), sent), now);
            if (end.stored() < sent) {
                isCutShort();
            } else {
                unexplained = 0;
                isOver();
            }
        } else if (reply instanceof Refused refused) {
            asksAt(now);
            return end(refused.sequence(), refused.why(), ended);
        } else if (reply instanceof NotNow notNow) {
            asksAt(now + (now - storedAt < POSTPONE_NANOS ? QUEUED_NANOS : POSTPONE_NANOS));
            window.postponed();
            TelemetryRecord record = frames.record(notNow.sequence());
            return record == null ? subjectOfQuestion() : record; // it may have been a question
        } else if (reply instanceof Unknown) {
            isForgotten();
        } else if (reply instanceof Unable none) {
            unable = true;
            return none.stored() ? end(none.sequence(), null, ended) : frames.record(none.sequence());
        }
        return null;
    }

    private TelemetryRecord end(long sequence, Failure failure, Ended ended) {
        TelemetryRecord record = frames.record(sequence);
        if (record != null) {
            Block block = frames.holding(sequence);
            end(block, block.frameInBatch(sequence), failure, ended);
        }
        return record;
    }

    private void asksAt(long time) {
        state = State.ENDING;
        askAt = time;
    }

    private void isForgotten() {
        window.forget();
        isCutShort();
    }

    private void isCutShort() {
        state = State.CUT_SHORT;
        doubtful = true;
    }

    private void isStored(long sequence, long now) {
        window.stored(Math.max(0, sequence - acked));
        if (sequence > acked) {
            acked = sequence;
            unanswered = 0;
            storedAt = now;
            proven = Math.max(proven, frames.number(sequence));
        }
    }

    /** Answers to frames that were written before this took over, when each asked for an answer of its own. */
    @Override
    boolean answered(Block block, int frame, Failure failure, Ended ended, long now) {
        if (failure == null) {
            end(block, frame, null, ended);
        }
        return false;
    }

    // ---- endings ---------------------------------------------------------------------------------------------------

    @Override
    boolean hasProven() {
        return proven > taken;
    }

    @Override
    void endProven(Ended ended) {
        endUpTo(proven, ended);
        taken = proven;
    }

    @Override
    boolean isUnable() {
        return unable;
    }

    @Override
    Judgement judge(Refusals refused, List<TelemetryRecord> reached) {
        return Denials.judgeByName(refused, reached, encoder.subjects());
    }

    @Override
    void passed(Mark mark, Judgement judgement, Ended ended) {
        endDenied(mark, judgement, ended);
        doubtful = false;
        refused |= !judgement.words().isEmpty();
        if (!judgement.denied().isEmpty()) {
            unexplained = 0;
        } else if (!judgement.words().isEmpty() && ++unexplained >= MAX_UNEXPLAINED) {
            unable = true;
        }
    }

    /**
     * Answers prove more than a barrier. But a denied record only leaves a gap, and a barrier shows which one it was.
     */
    @Override
    boolean wantsBarrier(boolean idle, long now) {
        return doubtful || idle && !epoch.passed || isUnanswered() && now - wroteAt >= LATE_NANOS;
    }

    @Override
    Block firstToExpire() {
        return blocks.head();
    }

    @Override
    int firstToExpire(Block block) {
        return block.firstLive(0);
    }

    @Override
    boolean isInBatches() {
        return true;
    }

    // ---- looks -----------------------------------------------------------------------------------------------------

    @Override
    int window() {
        return window.size();
    }

    @Override
    boolean areAnswersMissing() {
        return unanswered >= MAX_DOUBLINGS;
    }

    @Override
    Unanswered unanswered() {
        if (unanswered <= MAX_QUESTIONS) {
            return null;
        }
        int records = 0;
        TelemetryRecord oldest = null;
        for (Block block = blocks.head(); block != null && epoch.has(block); block = block.next) {
            for (int i = block.firstLive(0); i < block.written; i = block.firstLive(i + 1)) {
                oldest = oldest == null ? block.record(i) : oldest;
                records++;
            }
        }
        return oldest == null ? null : new Unanswered(records, oldest);
    }
}
