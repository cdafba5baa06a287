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
 * Everything that was accepted and has not ended, as ready frames in {@link Blocks}, in the order of offering and bounded.
 * What is in flight, what is written again after a broken link, what keeps the order and what goes to the socket are the same
 * bytes.
 *
 * <p>Many threads {@link #offer}. One, the {@link Writer}, asks for the next thing to write and says when it is written. One,
 * the {@link Confirmer}, takes barriers and ends records: no other thread ends a record that was accepted. The two threads
 * sleep by parking, so that an offer wakes the writer without allocating anything.
 *
 * <p>All state is guarded by this object's monitor, that of the parts too: they never lock, and never call up. Nothing is
 * written, waited for or called back under it.
 */
public final class Journal implements Answers {

    /** How soon the writer looks again while somebody is told of new settings. */
    private static final long SOON_NANOS = TimeUnit.MICROSECONDS.toNanos(100);

    private final Blocks blocks = new Blocks();
    private final Sending sending;
    private final Answered answered = new Answered();

    /** Why nothing can be confirmed at present, and so nothing is accepted; null if something can. */
    private Failure unusable;

    private boolean closed;
    private boolean stopped;

    private final LongSupplier nanoTime;
    /** As any thread has read it last. */
    private long clock;

    private final Sleeper writer = new Sleeper();
    private final Sleeper confirmer = new Sleeper();
    private final Runnable barrierAnswered = confirmer::unpark;

    /** @param nanoTime the clock; {@link System#nanoTime}, but in tests */
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

    // ---- offering --------------------------------------------------------------------------------------------------

    /** Accepts a record without {@linkplain Subjects#flaw flaw}, or says why not. Never blocks, allocates nothing. */
    public Failure offer(TelemetryRecord record, Receipt receipt) {
        boolean wake;
        long now = nanoTime.getAsLong(); // nobody else reads it while both threads are held up
        synchronized (this) {
            clock = now - clock < 0 ? clock : now; // for deadlines are in the order of offering
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

    // ---- wires and settings, by any thread -------------------------------------------------------------------------

    /** A wire is open for frames, and the one before it is not. */
    public void opened(Wire wire) {
        synchronized (this) {
            sending.opened(wire);
        }
        writer.wake();
    }

    /** A wire has gone; nothing if another has opened meanwhile. */
    public void closed(Wire wire) {
        synchronized (this) {
            sending.closed(wire);
        }
        writer.wake();
    }

    /**
     * A wire with other settings is open, and is to take over: when all that was written on the old one is proven, or
     * after {@code drain.timeout.ms}. Until then records are accepted and not written; what is not proven goes first on the
     * new wire. Does nothing if it has taken over, or is to, already.
     *
     * @param done is run by the writer when it has happened
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

    /** The wire that was to take over has gone. */
    public void withdraw(Wire wire) {
        synchronized (this) {
            sending.withdraw(wire);
        }
        writer.wake();
    }

    /** Whether this wire was announced, or is to take over. */
    public synchronized boolean knows(Wire wire) {
        return sending.knows(wire);
    }

    /**
     * Puts settings in force that need no other wire.
     *
     * @param present those that should be in force now
     * @return false if others are, or are about to be: then nothing has changed
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
     * Nothing can be confirmed from now on: everything in flight fails, and so does what is offered.
     *
     * @param why null once something can be again
     */
    public void unusable(Failure why) {
        synchronized (this) {
            unusable = why;
        }
        confirmer.wake();
    }

    /** Accepts nothing from now on; what is in flight goes on. */
    public void close() {
        synchronized (this) {
            closed = true;
        }
        confirmer.wake();
    }

    /** The writer and the confirmer are to end. */
    public void stop() {
        synchronized (this) {
            stopped = true;
        }
        writer.wake();
        confirmer.wake();
    }

    // ---- the writer ------------------------------------------------------------------------------------------------

    /** Fills in what the writer is to do next. What it was to write before, and has not said a word of, has failed. */
    void next(Step step) {
        boolean wake = false;
        Runnable toTell;
        synchronized (this) {
            if (step.kind == Step.Kind.WRITE && step.block.pinned) {
                sending.failed(step); // something was thrown before it was written
            }
            long now = tick();
            sending.adopt(now);
            toTell = sending.toTell();
            step.kind = stopped ? Step.Kind.STOP : Step.Kind.PARK;
            step.parkNanos = toTell == null ? sending.settings().heartbeat().toNanos() : SOON_NANOS;
            if (sending.wire() != null && !stopped && toTell == null) { // if that throws, nothing must have been taken
                wake = sending.next(step, now);
            }
            writer.sleeps(step.kind == Step.Kind.PARK);
            sending.begins(step, now);
        }
        if (wake) {
            confirmer.wake();
        }
        if (toTell != null) {
            toTell.run(); // if it throws it is run again
            synchronized (this) {
                sending.told();
            }
        }
    }

    /** The step's write has returned. */
    synchronized void wrote(Step step) {
        sending.wrote(step, tick());
    }

    /** The step's write has failed: the wire is gone, whether somebody has said so or not. */
    synchronized void failed(Step step) {
        sending.failed(step);
    }

    /** What a wire is to run when a barrier is answered. */
    Runnable barrierAnswered() {
        return barrierAnswered;
    }

    // ---- the confirmer ---------------------------------------------------------------------------------------------

    /**
     * Says that the confirmer has nothing to do, and will park unless it is woken.
     *
     * @return for how long, in nanoseconds; 0 if it has something to do
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

    /** Why nothing can be confirmed at present; null if something can. */
    synchronized Failure whyUnusable() {
        return unusable;
    }

    /** The barrier that the writer has started; null if there is none to ask for. */
    synchronized Mark takeMark() {
        return sending.takeMark();
    }

    /** Whether a barrier is about the wire in use, and nothing has happened since that makes it void. */
    synchronized boolean isInForce(Mark mark) {
        return sending.isInForce(mark);
    }

    /** The records that a barrier has reached and that have not ended; none if the wire has changed. */
    synchronized List<TelemetryRecord> reached(Mark mark) {
        return sending.confirmation().reached(mark);
    }

    /**
     * A barrier has passed, and this is what the server has refused. If nobody can tell what that was, all that is live is
     * written again on the same wire, what the barrier has reached in small parts, until a part that is refused is a single
     * frame.
     *
     * @param ended is filled with what the barrier proves to have ended
     * @throws OutOfMemoryError and then it has proven nothing more, and all is written again
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

    /** Nobody will ever know what came of the barrier that is out. */
    void inDoubt() {
        synchronized (this) {
            sending.inDoubt(clock);
        }
        writer.wake();
    }

    /** A wire that nothing may be written to before {@link #inspect}; null if there is none. */
    synchronized Wire uninspected() {
        return sending.uninspected();
    }

    /**
     * Looks at what is live before it goes to a new wire: fails what its server would not take, and a record that has now
     * brought down two connections.
     *
     * @param fresh the wire; if it is no longer the one in use nothing happens
     */
    void inspect(Wire fresh, Ended ended) {
        String fatal = fresh.fatalBefore();
        synchronized (this) {
            if (sending.wire() == fresh) { // else another one has come, and what it takes is looked at next
                sending.inspect(fatal, ended);
            }
        }
        writer.wake();
    }

    /** Whether there is anything for {@link #expire} to do. */
    synchronized boolean hasExpired() {
        return sending.confirmation().hasExpired(tick());
    }

    /** Takes out what has expired by now. */
    synchronized void expire(Failure why, Ended ended) {
        sending.confirmation().expire(tick(), why, ended);
    }

    /** Takes out everything. */
    synchronized void fail(Failure why, Ended ended) {
        sending.confirmation().endAll(record -> why, ended);
    }

    /** JetStream: takes out what answers to batches have proven. */
    void endProven(Ended ended) {
        boolean proven;
        synchronized (this) {
            proven = sending.confirmation().hasProven();
            if (proven) {
                sending.confirmation().endProven(ended);
            }
        }
        if (proven) {
            writer.wake(); // which may be waiting for that
        }
    }

    /** JetStream: what was answered since the last time, in exchange for an empty one. */
    synchronized Ended takeAnswered(Ended empty) {
        return answered.take(empty);
    }

    /**
     * The receipts of a block of these, or of all that is left, have been called: forgets them.
     *
     * @return whether there is more
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

    /** Bytes of the blocks in which {@link #bytes} are. */
    synchronized long held() {
        return blocks.held();
    }

    /** Live records that were not written on the wire in use. */
    public synchronized int unsent() {
        return sending.unsent();
    }

    /** JetStream: how many young frames may be without an answer at present. */
    synchronized int window() {
        return sending.confirmation().window();
    }

    /** JetStream: what was written again and has had no answer for ten seconds or more; null if there is nothing such. */
    public synchronized Unanswered unanswered() {
        return sending.confirmation().unanswered();
    }

    /** JetStream: whether records go out in batches. */
    public synchronized boolean isInBatches() {
        return sending.confirmation().isInBatches();
    }

    /** JetStream: answers for records that had ended already, by another answer or because they had expired. */
    public synchronized long lateAnswers() {
        return answered.late();
    }

    public synchronized FrameEncoder encoder() {
        return sending.confirmation().encoder;
    }

    public synchronized NatsSettings settings() {
        return sending.settings();
    }

    /** Whether the link has been {@linkplain LinkWatch silent} for so long; for the watchdog. */
    public synchronized boolean isSilentFor(long nanos) {
        return sending.isSilentFor(nanos, nanoTime.getAsLong());
    }
}
