package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.concurrent.TimeUnit;

/**
 * Decides what is written: on which wire, with which settings, and in which order; and handles the results. Writing
 * continues at the {@link Blocks#cursor cursor}. A new wire begins a new {@link WireEpoch epoch} and sets the cursor
 * back to the oldest block, so that all live records are written again, ahead of newer ones. Guarded by the journal's
 * monitor.
 */
final class Sending {

    /** Time after which the writer checks again if it may not write now. */
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long MIN_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    /**
     * After this many wires in a row that ended because the server was asked to answer each frame, it is not asked
     * again.
     */
    private static final int MAX_ENDED_WHEN_ASKED = 2;

    private final Blocks blocks;
    private final SlowStart slowStart = new SlowStart();
    private final Changeover changeover = new Changeover();
    private final Budget budget = new Budget();
    private final LinkWatch link;
    private NatsSettings settings;
    private Confirmation confirmation;
    /** The epoch in use; and the last announced wire, which the writer takes over between two writes. */
    private WireEpoch epoch;

    private Wire announced;
    private int endedWhenAsked;

    /** The barrier that the writer has begun and the confirmer has not taken yet. */
    private Mark mark;

    Sending(NatsSettings settings, FrameEncoder encoder, Blocks blocks, long now) {
        this.blocks = blocks;
        this.link = new LinkWatch(now);
        this.confirmation = Confirmation.of(encoder, blocks, now);
        enter(WireEpoch.first(now));
        inForce(settings, now);
    }

    NatsSettings settings() {
        return settings;
    }

    Confirmation confirmation() {
        return confirmation;
    }

    /** The wire in use; null if there is none. */
    Wire wire() {
        return epoch.wire;
    }

    // ---- wires -----------------------------------------------------------------------------------------------------

    void opened(Wire wire) {
        announced = wire;
    }

    void closed(Wire wire) {
        if (announced == wire) {
            announced = null;
        }
    }

    void prepare(Changeover.Next next) {
        changeover.prepare(next);
    }

    void withdraw(Wire wire) {
        changeover.withdraw(wire);
    }

    /** Whether this wire was announced, or will take over. */
    boolean knows(Wire wire) {
        return wire == announced || changeover.isFor(wire);
    }

    /** Puts settings in force that need no other wire, unless other settings are in force or will be. */
    boolean use(NatsSettings present, NatsSettings next, long now) {
        boolean good = !changeover.isWaiting() && settings.equals(present);
        if (good) {
            inForce(next, now);
        }
        return good;
    }

    /** A shorter time limit also applies to records in flight, so deadlines stay in the order of the offers. */
    private void inForce(NatsSettings next, long now) {
        settings = next;
        blocks.keepUpTo(next.inflightMaxBytes());
        blocks.limitDeadlines(now + next.confirmTimeout().toNanos());
    }

    /** Takes over the announced wire, or the wire that waits for the changeover. */
    void adopt(long now) {
        if (announced != epoch.wire) {
            leave();
            enter(epoch.next(announced, now));
        }
        boolean drained = !epoch.isConnected()
                || epoch.unprovenBytes == 0 && !link.isBarrierOut() && !epoch.isUnderWay(blocks.head());
        Changeover.Next next = changeover.take(drained, now);
        if (next != null) {
            leave();
            inForce(next.settings(), now);
            // Blocks of another encoder are encoded again before they are written.
            boolean alike = next.encoder().isLike(confirmation.encoder);
            FrameEncoder encoder = alike ? confirmation.encoder : next.encoder();
            confirmation = Confirmation.of(encoder, blocks, now);
            announced = next.wire();
            link.changesOver(now);
            enter(epoch.next(announced, now));
        }
    }

    private void leave() {
        if (epoch.isConnected()) {
            budget.left(epoch);
            endedWhenAsked += epoch.asks && !epoch.passed ? 1 : 0;
            slowStart.left(epoch, blocks.head());
        }
    }

    private void enter(WireEpoch next) {
        epoch = next;
        confirmation.begin(next);
        if (next.isConnected()) {
            blocks.rewind();
            slowStart.begin(blocks.head());
        }
    }

    /** The callback that the writer must run after a changeover; null if there is none. */
    Runnable toTell() {
        return changeover.toTell();
    }

    void told() {
        changeover.told();
    }

    // ---- the writer ------------------------------------------------------------------------------------------------

    /**
     * Fills in the next step of the writer.
     *
     * @return whether the confirmer has work
     */
    boolean next(Step step, long now) {
        if (!link.isBarrierOut() && confirmation.isToBeginAgain(now)) { // else the barrier would be in doubt
            enter(epoch.again(false, now));
        }
        if (!epoch.inspected) {
            return true;
        }
        fallBack(now);
        boolean begins = beginBarrier(now);
        step.ping = begins ? epoch.wire : step.ping;
        step.answerEach = epoch.asks;
        boolean wake = confirmation.hasExpired(now); // a barrier wakes the confirmer when it is answered
        if (!epoch.sweeps
                && (confirmation.takeQuestion(step, now, isIdle())
                        || takeAgain(step, now)
                        || !changeover.isWaiting() && takeFrames(step, now))) {
            step.kind = Step.Kind.WRITE;
        } else {
            step.parkNanos = Math.max(untilNext(now), MIN_PARK_NANOS);
        }
        return wake;
    }

    private long untilNext(long now) {
        if (blocks.cursor() != null && !changeover.isWaiting()) {
            return Math.min(LOOK_AGAIN_NANOS, confirmation.nanosUntilNext(now));
        }
        long until = changeover.isWaiting()
                ? changeover.nanosLeft(now)
                : epoch.lastPassed + settings.heartbeat().toNanos() - now;
        return Math.min(until, confirmation.nanosUntilNext(now));
    }

    /** Begins a barrier if there is none and there are unproven bytes: at once if there is no more to write. */
    private boolean beginBarrier(long now) {
        boolean idle = changeover.isWaiting() || slowStart.isOn() || confirmation.wantsBarrier(isIdle(), now);
        boolean due = epoch.sweeps
                || epoch.unprovenBytes > 0 && (idle || budget.wantsBarrier(epoch.unprovenBytes))
                || now - epoch.lastPassed >= settings.heartbeat().toNanos();
        if (link.isBarrierOut() || !due) {
            return false;
        }
        mark = epoch.mark(confirmation);
        link.barrierBegins(now);
        return true;
    }

    /** Whether there is no more to write on this wire. */
    private boolean isIdle() {
        return changeover.isWaiting() || blocks.cursor() == null;
    }

    /** Whether the writer must be woken for a new record. */
    boolean wantsMore() {
        return !confirmation.isHeldUp();
    }

    /**
     * If the stream takes no batches after all, each record asks for an answer from now on, and all records are written
     * again. There must be no barrier then, because it would prove nothing of the frames written next.
     */
    private void fallBack(long now) {
        if (confirmation.isUnable() && !link.isBarrierOut()) {
            confirmation = Confirmation.of(confirmation.encoder.withoutBatches(), blocks, now);
            enter(epoch.again(false, now));
        }
    }

    private boolean takeAgain(Step step, long now) {
        return !slowStart.isOn() && budget.allows(epoch.underWay()) && confirmation.takeAgain(step, now);
    }

    private boolean takeFrames(Step step, long now) {
        blocks.reencode(confirmation.encoder);
        if (slowStart.isOn(blocks.head())
                && slowStart.mayGoOn()
                && confirmation.mayWrite(blocks.head(), epoch.written(blocks.head()))
                && !link.isBarrierOut()
                && takeSmallPart(step, blocks.head(), now)) {
            return true;
        }
        blocks.reencode(confirmation.encoder); // the cursor may have moved
        Block block = blocks.cursor();
        if (slowStart.isOn()
                || block == null
                || !budget.allows(epoch.underWay())
                || block.isExpired(epoch.firstUnwritten(block), now)) {
            return false; // expired records must not go out: the confirmer will end them
        }
        int from = epoch.written(block);
        int most = confirmation.room(block, from, now);
        if (most < 0) {
            return false;
        }
        boolean taken = take(step, block, from, block.count(), most, now);
        if (step.frames == block.count()) {
            blocks.goOnBehind(block);
        }
        return taken;
    }

    /** Takes a small part of the oldest block; none if all of it has been written. */
    private boolean takeSmallPart(Step step, Block head, long now) {
        if (head.isExpired(epoch.firstUnwritten(head), now)) {
            return false;
        }
        int from = epoch.written(head);
        int to = slowStart.end(head, from);
        if (!take(step, head, from, to, Integer.MAX_VALUE, now)) {
            slowStart.stop();
            blocks.goOnBehind(head);
            return false;
        }
        slowStart.took(head, to);
        return true;
    }

    /** Takes at most this many live frames of a block that are new to this wire; false if there are none. */
    private boolean take(Step step, Block block, int from, int to, int most, long now) {
        step.begin(epoch, block, false);
        if (!epoch.has(block)) {
            confirmation.begin(block, now);
        }
        int end = step.addLive(from, to, most, budget.left(epoch.underWay()));
        confirmation.takes(block, from, end, now);
        return step.end(end);
    }

    /** Sets how much the operating system may buffer, and begins the step's write, if there is one. */
    void begins(Step step, long now) {
        step.mayKeep = budget.mayKeep();
        if (step.kind == Step.Kind.WRITE) {
            link.writeBegins(step.wire, now);
        }
    }

    /** The step's write has returned. */
    void wrote(Step step, long now) {
        if (step.epoch == epoch) {
            link.wrote(now);
            epoch.wrote(step);
            if (!step.again) {
                confirmation.wrote(step.block, now);
            }
        }
        letGo(step);
    }

    /** The step's write has failed: the wire is gone, whether that was reported or not. */
    void failed(Step step) {
        step.epoch.wrote = true;
        closed(step.wire);
        letGo(step);
    }

    private void letGo(Step step) {
        link.writeEnds();
        blocks.letGo(step.block);
    }

    // ---- the confirmer ---------------------------------------------------------------------------------------------

    /** Whether there is a barrier for {@link #takeMark}. */
    boolean hasMark() {
        return mark != null;
    }

    Mark takeMark() {
        Mark taken = mark;
        mark = null;
        return taken;
    }

    /** Whether a barrier belongs to the wire in use and is still valid. */
    boolean isInForce(Mark mark) {
        return mark.epoch() == epoch;
    }

    /** A barrier has passed; the judgement has the server's refusals. */
    void passed(Mark mark, Judgement judgement, Ended ended, long now) {
        long took = link.barrierEnds(now);
        if (!isInForce(mark) || mark.wire() != announced) {
            return;
        }
        boolean settled = false;
        try {
            if (!judgement.doubtful()) {
                confirmation.passed(mark, judgement, ended);
                settled = true;
            }
        } finally {
            if (!settled) {
                searchAll(mark, now);
            }
        }
        if (settled) {
            budget.passed(took, settings.silent().toNanos(), epoch.markedBytes);
            epoch.passed(now);
            endedWhenAsked = epoch.asks ? 0 : endedWhenAsked;
            slowStart.passed();
        }
    }

    /** Writes all records again: the server answers each frame then, or, if it cannot, they go out in small parts. */
    private void searchAll(Mark mark, long now) {
        boolean asking = confirmation.mayAskForAnswers() && !epoch.asks && endedWhenAsked < MAX_ENDED_WHEN_ASKED;
        enter(epoch.again(asking, now));
        if (!asking) {
            slowStart.search(mark.number());
        }
    }

    /** The result of the current barrier will never be known. */
    void inDoubt(long now) {
        link.barrierEnds(now);
    }

    /** A wire that must not be used before {@link #inspect}; null if there is none. */
    Wire uninspected() {
        return epoch.inspected ? null : epoch.wire;
    }

    /**
     * Fails records that the server of the wire in use would not take, and a record that has now ended two connections.
     */
    void inspect(String fatal, Ended ended) {
        TelemetryRecord culprit = slowStart.culprit(fatal);
        confirmation.endAll(
                record -> record == culprit
                        ? SlowStart.failure(fatal)
                        : Admission.unfit(record, confirmation.encoder, epoch.wire),
                ended);
        epoch.inspected = true;
    }

    // ---- looks -----------------------------------------------------------------------------------------------------

    /** Number of live records that were not written on the wire in use. */
    int unsent() {
        return epoch.isConnected() ? blocks.unwritten(epoch) : blocks.records();
    }

    boolean isSilentFor(long nanos, long now) {
        return link.isSilentFor(nanos, now);
    }
}
