package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * JetStream: a stream's answer confirms a frame. Frames that are not answered, or could not be stored, are written
 * again after a while; in the meantime, the rests of neighbouring blocks are joined. A barrier proves only that the
 * server is there and has reported the frames that it denies.
 */
final class AnswerConfirmation extends Confirmation {

    /** Frames without an answer are written again after this time, or earlier if no stream took them ... */
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final long POSTPONE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    /** Frames that could not be stored while others were are written again after this time: a queue was full. */
    private static final long QUEUED_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    /** ... and then after twice as long, and so on, up to this time. */
    private static final long MAX_RETRY_NANOS = TimeUnit.SECONDS.toNanos(16);

    private static final int MAX_DOUBLINGS = 6;

    /** Frames that were written again this often, the last time after ten seconds, are reported as unanswered. */
    private static final int SILENT_RETRIES = 2;

    /** Pause before a scan for due frames continues after it had no room. */
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final AnswerWindow window;
    private final Absence absence = new Absence();
    /** When the next block must be written again. */
    private long nextRetry;

    AnswerConfirmation(FrameEncoder encoder, Blocks blocks, long now) {
        super(encoder, blocks);
        this.window = new AnswerWindow(now);
    }

    @Override
    void begin(WireEpoch epoch) {
        if (this.epoch == null || this.epoch.wire != epoch.wire) {
            absence.begin();
        }
        super.begin(epoch);
        window.begin();
        nextRetry = epoch.lastPassed + MAX_RETRY_NANOS;
        blocks.endScan();
    }

    // ---- writing ---------------------------------------------------------------------------------------------------

    @Override
    boolean isToBeginAgain(long now) {
        if (absence.isDoubted() && window.isToAge(now)) {
            ageAll(now);
        }
        return absence.ends(window.young());
    }

    @Override
    boolean takeAgain(Step step, long now) {
        if (absence.isDoubted()) {
            return false;
        }
        if (blocks.scan() == null) {
            if (nextRetry - now > 0) {
                return false;
            }
            blocks.beginScan();
            nextRetry = now + MAX_RETRY_NANOS;
        }
        for (Block block = blocks.scan(); block != null && epoch.has(block); block = blocks.scan()) {
            boolean due = isDue(block, now);
            if (due && !hasRoomFor(block.postponed(), now)) {
                return false; // the scan continues here
            }
            if (due && takePostponed(step, block, now) || takeUnanswered(step, block, now)) {
                return true;
            }
            nextRetry = earlier(nextRetry, block.retryAt);
            if (block.postponed() > 0) {
                nextRetry = earlier(nextRetry, block.postponedUntil);
            }
            blocks.scanOn();
            join(block.previous, block);
        }
        blocks.endScan();
        return false;
    }

    private static boolean isDue(Block block, long now) {
        return block.postponed() > 0 && block.postponedUntil - now <= 0 && !block.isExpired(block.firstLive(0), now);
    }

    private boolean takePostponed(Step step, Block block, long now) {
        step.begin(epoch, block, true);
        int room = room(now);
        int taken = 0;
        int frame = 0;
        for (; frame < block.count() && taken < room; frame++) {
            if (block.isPostponed(frame) && block.number(frame) > block.lastRetried) {
                step.add(frame);
                block.isYoung(frame);
                block.lastRetried = block.number(frame);
                taken++;
            }
        }
        window.add(taken);
        block.youngSince = now;
        if (frame == block.count()) { // each had its turn; frames postponed again in the meantime wait
            block.postponements++;
            block.lastRetried = -1;
            block.postponedUntil = now + postponement(block, now);
        }
        return step.end(block.written);
    }

    private boolean takeUnanswered(Step step, Block block, long now) {
        if (block.retryAt - now > 0) {
            return false;
        }
        int frames = block.retryFrames;
        scheduleRetry(block, now);
        if (block.isExpired(block.firstLive(0), now)) {
            return false;
        }
        step.begin(epoch, block, true);
        for (int i = 0; i < frames; i++) {
            if (block.isLive(i) && !block.isPostponed(i)) {
                step.add(i);
            }
        }
        if (step.rangeCount > 0) {
            block.retries = Math.min(block.retries + 1, MAX_DOUBLINGS);
            age(block);
        }
        return step.end(block.written);
    }

    /** Schedules the frames of a block that are written by now to be written again, after a longer time each time. */
    private void scheduleRetry(Block block, long now) {
        block.retryAt = now + delay(RETRY_NANOS, block.retries);
        block.retryFrames = block.written;
        nextRetry = earlier(nextRetry, block.retryAt);
    }

    private static long delay(long nanos, int times) {
        return Math.min(nanos << Math.min(times, MAX_DOUBLINGS), MAX_RETRY_NANOS);
    }

    private static long earlier(long one, long other) {
        return one - other < 0 ? one : other;
    }

    @Override
    int room(Block block, int from, long now) {
        return hasRoomFor(block.count() - from, now) ? room(now) : -1;
    }

    private int room(long now) {
        return absence.room(window.room(), window.young(), now);
    }

    private boolean hasRoomFor(int frames, long now) {
        if (!window.hasRoomFor(frames) && window.isToAge(now)) {
            ageAll(now);
        }
        return absence.isPresent() ? window.hasRoomFor(frames) : room(now) > 0;
    }

    private void ageAll(long now) {
        for (Block block = blocks.head(); block != null && epoch.has(block); block = block.next) {
            if (now - block.youngSince >= AnswerWindow.YOUNG_NANOS) {
                age(block);
            }
        }
    }

    private void age(Block block) {
        window.add(-block.young());
        block.age();
    }

    @Override
    void begin(Block block, long now) {
        super.begin(block, now);
        scheduleRetry(block, now);
    }

    @Override
    void takes(Block block, int from, int to, long now) {
        int young = block.young();
        block.areYoung(from, to);
        window.add(block.young() - young);
        block.youngSince = now;
    }

    @Override
    void wrote(Block block, long now) {
        if (block.retryFrames == 0) {
            scheduleRetry(block, now);
        } else if (block.retries == 0 && block.retryAt - now > RETRY_NANOS - AnswerWindow.YOUNG_NANOS) {
            block.retryFrames = block.written; // a moment later, so they may share the time
        }
    }

    @Override
    long nanosUntilNext(long now) {
        return blocks.scan() != null || !absence.isPresent() ? LOOK_AGAIN_NANOS : nextRetry - now;
    }

    // ---- endings ---------------------------------------------------------------------------------------------------

    @Override
    Judgement judge(Refusals refused, List<TelemetryRecord> reached) {
        return Denials.judgeByName(refused, reached, encoder.subjects());
    }

    /** Removes the records that the server has denied, because there is no other answer for them. */
    @Override
    void passed(Mark mark, Judgement judgement, Ended ended) {
        endDenied(mark, judgement, ended);
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
    void end(Block block, int frame, Failure failure, Ended ended) {
        boolean young = epoch.has(block) && block.isWaitingYoung(frame);
        super.end(block, frame, failure, ended); // after this the block may be used for others
        if (young) {
            window.add(-1);
        }
    }

    @Override
    boolean answered(Block block, int frame, Failure failure, Ended ended, long now) {
        if (failure == null) {
            absence.stored(block.number(frame));
        }
        end(block, frame, failure, ended);
        if (block.linked) {
            join(block, block.next);
            join(block.previous, block);
        }
        if (failure == null) {
            window.stored(now);
        }
        return window.opens();
    }

    @Override
    void postponed(Block block, int frame, boolean away, long now) {
        if (!epoch.has(block) || frame >= block.written && !block.isWaitingYoung(frame)) {
            return; // it will be written anyway
        }
        int young = block.young();
        block.isPostponed(frame, now + postponement(block, now));
        window.add(block.young() - young);
        nextRetry = earlier(nextRetry, block.postponedUntil);
        if (away) {
            absence.missed(block.number(frame), now);
        } else {
            window.refused(block.youngSince, now);
        }
    }

    private long postponement(Block block, long now) {
        long nanos = window.nanosSinceStored(now) < POSTPONE_NANOS ? QUEUED_NANOS : POSTPONE_NANOS;
        return delay(nanos, block.postponements);
    }

    /** Joins the rests of two blocks in the first one, if they have waited about equally long. */
    private void join(Block block, Block following) {
        if (block != null
                && following != null
                && block.couldTake(following)
                && !block.pinned
                && !following.pinned
                && block.encoder == following.encoder
                && haveSameFate(block, following)) {
            block.retryAt = earlier(block.retryAt, following.retryAt);
            blocks.join(block, following); // after this the second one may be used for others
            nextRetry = earlier(nextRetry, block.retryAt);
            if (block.postponed() > 0) {
                nextRetry = earlier(nextRetry, block.postponedUntil);
            }
        }
    }

    private boolean haveSameFate(Block block, Block following) {
        if (!epoch.has(block) || !epoch.has(following)) {
            return !epoch.has(block) && !epoch.has(following);
        }
        return block.written == block.count()
                && block.retryFrames == block.written
                && block.retries == following.retries
                && (block.retries > 0 || following.retryAt - block.retryAt < AnswerWindow.YOUNG_NANOS);
    }

    // ---- looks -----------------------------------------------------------------------------------------------------

    /** Checks only the oldest block, because later blocks were written later, or again. */
    @Override
    boolean areAnswersMissing() {
        Block head = blocks.head();
        return epoch.isUnderWay(head) && head.retries > 0;
    }

    @Override
    Unanswered unanswered() {
        int records = 0;
        TelemetryRecord oldest = null;
        for (Block block = blocks.head(); block != null && epoch.has(block); block = block.next) {
            for (int i = 0; block.retries >= SILENT_RETRIES && i < block.retryFrames; i++) {
                if (block.isLive(i) && !block.isPostponed(i)) {
                    oldest = records == 0 ? block.record(i) : oldest;
                    records++;
                }
            }
        }
        return oldest == null ? null : new Unanswered(records, oldest);
    }

    @Override
    int window() {
        return window.size();
    }
}
