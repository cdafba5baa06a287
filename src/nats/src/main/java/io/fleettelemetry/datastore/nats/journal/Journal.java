package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * All records that are accepted and have not ended, as ready frames in {@link Blocks}, in the order of the offers and
 * within limits. The same bytes are in flight, are written again after a broken link, keep the order, and go to the
 * socket.
 *
 * <p>Many threads call {@link #offer}. One thread, the {@link Writer}, asks for the next step and reports that it is
 * done. One thread, the {@link Confirmer}, takes barriers and ends records; no other thread ends an accepted record.
 * The two threads sleep by parking, so that an offer wakes the writer without allocation.
 *
 * <p>This object's monitor guards all state, including that of the parts, which never lock and never call up. No code
 * writes, waits or calls back under it.
 */
public final class Journal implements Answers {

    /** Time after which the writer checks again while a changeover's callback runs. */
    private static final long SOON_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    private final Blocks blocks = new Blocks();
    private final Sending sending;
    private final Answered answered = new Answered();

    /** Why nothing can be confirmed now, and so nothing is accepted; null if records can be confirmed. */
    private Failure unusable;

    private boolean closed;
    private boolean stopped;

    private final LongSupplier nanoTime;
    /** The last time that any thread read. */
    private long clock;

    private final Sleeper writer = new Sleeper();
    private final Sleeper confirmer = new Sleeper();
    private final Runnable barrierAnswered = confirmer::unpark;

    /** @param nanoTime the clock; {@link System#nanoTime}, except in tests */
    public Journal(NatsSettings settings, FrameEncoder encoder, LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.clock = nanoTime.getAsLong();
        this.sending = new Sending(settings, encoder, blocks, clock);
    }

    /** Names the two threads that serve this journal, before they start. */
    public void servedBy(Thread writes, Thread confirms) {
        writer.is(writes);
        confirmer.is(confirms);
    }

    private long tick() {
        clock = nanoTime.getAsLong();
        return clock;
    }

    // ---- offers ----------------------------------------------------------------------------------------------------

    /**
     * Accepts a record without {@linkplain Subjects#flaw flaw}, or returns why not. Never blocks, allocates nothing.
     */
    public Failure offer(TelemetryRecord record, Receipt receipt) {
        boolean wake;
        long now = nanoTime.getAsLong(); // no other thread reads it while both threads wait
        synchronized (this) {
            clock = now - clock < 0 ? clock : now; // so that deadlines are in the order of the offers
            FrameEncoder encoder = sending.confirmation().encoder;
            long length = encoder.length(record);
            Failure refusal = refusal(record, encoder, length);
            if (refusal != null) {
                return refusal;
            }
            long deadline = clock + sending.settings().confirmTimeout().toNanos();
            blocks.append(record, receipt, (int) length, deadline, encoder);
            wake = sending.wantsMore();
        }
        if (wake) {
            writer.wake();
        }
        return null;
    }

    private Failure refusal(TelemetryRecord record, FrameEncoder encoder, long length) {
        if (closed) {
            return new Failure(Failure.Kind.CLOSED, "the datastore is closed");
        }
        if (unusable != null) {
            return unusable;
        }
        Failure unfit = Admission.unfit(record, encoder, sending.wire());
        return unfit == null ? Admission.full(length, sending.settings(), blocks) : unfit;
    }

    // ---- wires and settings, on any thread -------------------------------------------------------------------------

    /** A wire is open for frames, and the previous one is not. */
    public void opened(Wire wire) {
        synchronized (this) {
            sending.opened(wire);
        }
        writer.wake();
    }

    /** A wire has gone. Does nothing if another one has opened in the meantime. */
    public void closed(Wire wire) {
        synchronized (this) {
            sending.closed(wire);
        }
        writer.wake();
    }

    /**
     * A wire with other settings is open and will take over, when all frames written on the old one are proven, or
     * after {@code drain.timeout.ms}. Until then records are accepted and not written. The unproven records go first on
     * the new wire. Does nothing if the wire has already taken over, or already waits.
     *
     * @param done is run by the writer after the wire has taken over
     */
    public void prepare(Wire wire, FrameEncoder encoder, NatsSettings settings, Runnable done) {
        synchronized (this) {
            if (sending.knows(wire)) {
                return;
            }
            long deadline = nanoTime.getAsLong() + settings.drainTimeout().toNanos();
            sending.prepare(new Changeover.Next(wire, encoder, settings, deadline, done));
        }
        writer.wake();
    }

    /** The wire that should have taken over has gone. */
    public void withdraw(Wire wire) {
        synchronized (this) {
            sending.withdraw(wire);
        }
        writer.wake();
    }

    /** Whether this wire was announced, or will take over. */
    public synchronized boolean knows(Wire wire) {
        return sending.knows(wire);
    }

    /**
     * Puts settings in force that need no other wire.
     *
     * @param present the settings that should be in force now
     * @param next the new settings
     * @return false if other settings are in force or will be; nothing has changed then
     */
    public boolean use(NatsSettings present, NatsSettings next) {
        boolean good;
        synchronized (this) {
            good = sending.use(present, next, clock);
        }
        writer.wake();
        return good;
    }

    /**
     * Nothing can be confirmed from now on: all records in flight fail, and so do new ones.
     *
     * @param why the failure; null once records can be confirmed again
     */
    public void unusable(Failure why) {
        synchronized (this) {
            unusable = why;
        }
        confirmer.wake();
    }

    /** Accepts no more records from now on. Records in flight continue. */
    public void close() {
        synchronized (this) {
            closed = true;
        }
        confirmer.wake();
    }

    /** Ends the writer and the confirmer. */
    public void stop() {
        synchronized (this) {
            stopped = true;
        }
        writer.wake();
        confirmer.wake();
    }

    // ---- the writer ------------------------------------------------------------------------------------------------

    /** Fills in the writer's next step. If the writer has not reported the last step, that step has failed. */
    void next(Step step) {
        boolean wake = false;
        Runnable toTell;
        synchronized (this) {
            if (step.kind == Step.Kind.WRITE && step.block.pinned) {
                sending.failed(step); // an exception was thrown before it was written
            }
            long now = tick();
            sending.adopt(now);
            toTell = sending.toTell();
            step.kind = stopped ? Step.Kind.STOP : Step.Kind.PARK;
            step.parkNanos = toTell == null ? sending.settings().heartbeat().toNanos() : SOON_NANOS;
            if (sending.wire() != null
                    && !stopped
                    && toTell == null) { // nothing must be taken before, because this may throw
                wake = sending.next(step, now);
            }
            writer.sleeps(step.kind == Step.Kind.PARK);
            sending.begins(step, now);
        }
        if (wake) {
            confirmer.wake();
        }
        if (toTell != null) {
            toTell.run(); // if it throws, it is run again
            synchronized (this) {
                sending.told();
            }
        }
    }

    /** The step's write has returned. */
    synchronized void wrote(Step step) {
        sending.wrote(step, tick());
    }

    /** The step's write has failed: the wire is gone, whether that was reported or not. */
    synchronized void failed(Step step) {
        sending.failed(step);
    }

    /** The callback that a wire runs when a barrier is answered. */
    Runnable barrierAnswered() {
        return barrierAnswered;
    }

    // ---- the confirmer ---------------------------------------------------------------------------------------------

    /**
     * Reports that the confirmer has no work, and will park until it is woken.
     *
     * @return how long it may park, in nanoseconds; 0 if there is work
     */
    synchronized long mayPark() {
        tick();
        boolean idle = !sending.hasMark()
                && sending.uninspected() == null
                && !sending.confirmation().hasProven()
                && !answered.areEnough(blocks.records())
                && !stopped;
        confirmer.sleeps(idle);
        return idle ? answered.pauseNanos() : 0;
    }

    synchronized boolean isStopped() {
        return stopped;
    }

    /** Why nothing can be confirmed now; null if records can be confirmed. */
    synchronized Failure whyUnusable() {
        return unusable;
    }

    /** The barrier that the writer has started; null if there is none. */
    synchronized Mark takeMark() {
        return sending.takeMark();
    }

    /** Whether a barrier belongs to the wire in use and is still valid. */
    synchronized boolean isInForce(Mark mark) {
        return sending.isInForce(mark);
    }

    /** The records before a barrier that have not ended; none if the wire has changed. */
    synchronized List<TelemetryRecord> reached(Mark mark) {
        return sending.confirmation().reached(mark);
    }

    /**
     * A barrier has passed. If it is unknown which frames the server has refused, all live records are written again on
     * the same wire, those before the barrier in small parts, until a refused part is a single frame.
     *
     * @param judgement the records that the server has refused
     * @param ended gets the records that the barrier proves
     * @throws OutOfMemoryError the barrier has proven nothing more then, and all records are written again
     */
    void passed(Mark mark, Judgement judgement, Ended ended) {
        try {
            synchronized (this) {
                sending.passed(mark, judgement, ended, tick());
            }
        } finally {
            writer.wake();
        }
    }

    /** The result of the current barrier will never be known. */
    void inDoubt() {
        synchronized (this) {
            sending.inDoubt(clock);
        }
        writer.wake();
    }

    /** A wire that must not be used before {@link #inspect}; null if there is none. */
    synchronized Wire uninspected() {
        return sending.uninspected();
    }

    /**
     * Checks the live records before they go to a new wire. Fails records that its server would not take, and a record
     * that has now ended two connections.
     *
     * @param fresh the wire; if it is no longer in use, nothing happens
     * @param ended gets the failed records
     */
    void inspect(Wire fresh, Ended ended) {
        String fatal = fresh.fatalBefore();
        synchronized (this) {
            if (sending.wire() == fresh) { // otherwise another one has come, and what it takes is looked at next
                sending.inspect(fatal, ended);
            }
        }
        writer.wake();
    }

    /** Whether there are records for {@link #expire}. */
    synchronized boolean hasExpired() {
        return sending.confirmation().hasExpired(tick());
    }

    /** Removes the records that have expired by now. */
    synchronized void expire(Failure why, Ended ended) {
        sending.confirmation().expire(tick(), why, ended);
    }

    /** Removes all records. */
    synchronized void fail(Failure why, Ended ended) {
        sending.confirmation().endAll(record -> why, ended);
    }

    /** JetStream: removes the records that answers to batches have proven. */
    void endProven(Ended ended) {
        boolean proven;
        synchronized (this) {
            proven = sending.confirmation().hasProven();
            if (proven) {
                sending.confirmation().endProven(ended);
            }
        }
        if (proven) {
            writer.wake(); // it may be waiting for this
        }
    }

    /** JetStream: the records answered since the last call, in exchange for an empty object. */
    synchronized Ended takeAnswered(Ended empty) {
        return answered.take(empty);
    }

    /**
     * Releases a block of these records, or all that are left, because their receipts have been called.
     *
     * @return whether there are more
     */
    synchronized boolean release(Ended ended) {
        return blocks.release(ended);
    }

    // ---- the answers of JetStream ----------------------------------------------------------------------------------

    @Override
    public void stored(long number) {
        answer(number, null);
    }

    @Override
    public void refused(long number, Failure why) {
        answer(number, why);
    }

    private void answer(long number, Failure why) {
        boolean enough;
        boolean room;
        synchronized (this) {
            Block block = blocks.holding(number);
            if (block == null) {
                answered.isLate();
                return;
            }
            room = sending.confirmation().answered(block, block.frameOf(number), why, answered.ended(), clock);
            enough = answered.areEnough(blocks.records());
        }
        if (enough) {
            confirmer.wake();
        }
        if (room) {
            writer.wake();
        }
    }

    @Override
    public TelemetryRecord postponed(long number, boolean away) {
        TelemetryRecord record;
        synchronized (this) {
            Block block = blocks.holding(number);
            if (block == null) {
                return null;
            }
            int frame = block.frameOf(number);
            record = block.record(frame);
            sending.confirmation().postponed(block, frame, away, tick());
        }
        writer.wake();
        return record;
    }

    @Override
    public TelemetryRecord replied(BatchReply reply) {
        TelemetryRecord record;
        boolean enough;
        synchronized (this) {
            record = sending.confirmation().replied(reply, answered.ended(), tick());
            enough = sending.confirmation().hasProven() || answered.areEnough(blocks.records());
        }
        if (enough) {
            confirmer.wake();
        }
        writer.wake();
        return record;
    }

    @Override
    public synchronized boolean areMissing() {
        return sending.confirmation().areAnswersMissing();
    }

    // ---- looks -----------------------------------------------------------------------------------------------------

    public synchronized int records() {
        return blocks.records();
    }

    public synchronized long bytes() {
        return blocks.bytes();
    }

    /** Size (bytes) of the blocks that contain {@link #bytes}. */
    synchronized long held() {
        return blocks.held();
    }

    /** Number of live records that were not written on the wire in use. */
    public synchronized int unsent() {
        return sending.unsent();
    }

    /** JetStream: the current limit on young frames without an answer. */
    synchronized int window() {
        return sending.confirmation().window();
    }

    /** JetStream: the records that were written again and have had no answer for ten seconds or more; null if none. */
    public synchronized Unanswered unanswered() {
        return sending.confirmation().unanswered();
    }

    /** JetStream: whether records go out in batches. */
    public synchronized boolean isInBatches() {
        return sending.confirmation().isInBatches();
    }

    /** JetStream: number of answers for records that had already ended, by another answer or because they expired. */
    public synchronized long lateAnswers() {
        return answered.late();
    }

    public synchronized FrameEncoder encoder() {
        return sending.confirmation().encoder;
    }

    public synchronized NatsSettings settings() {
        return sending.settings();
    }

    /** Whether the link has been {@linkplain LinkWatch silent} for this time; for the watchdog. */
    public synchronized boolean isSilentFor(long nanos) {
        return sending.isSilentFor(nanos, nanoTime.getAsLong());
    }
}
