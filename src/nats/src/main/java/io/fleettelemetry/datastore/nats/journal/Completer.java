package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.journal.Journal.Ended;
import io.fleettelemetry.datastore.nats.journal.Journal.Mark;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * The one thread that ends records which were accepted: it waits for barriers, and calls the receipts of what they prove,
 * of what JetStream has answered, of what has expired, and of what a server would not take. No lock is held while a
 * receipt runs.
 */
public final class Completer implements Runnable {

    private static final Log log = Logs.of(Completer.class);

    /** Who counts records and tells their receipts. */
    public interface Ends {
        void confirmed(TelemetryRecord record, Receipt receipt);

        void failed(TelemetryRecord record, Receipt receipt, Failure why);

        /** Why a record that was not confirmed in time has expired. */
        Failure expired();

        /**
         * The server has refused frames.
         *
         * @param words its own
         * @param searching whether it is not known yet which
         */
        void refused(String words, boolean searching);
    }

    private final Journal journal;
    private final Ends ends;
    /** What the journal has handed over, and has not ended: it ends first, whatever was thrown meanwhile. */
    private final ArrayList<Block> proven = new ArrayList<>();

    /** How far that has come. */
    private int nextProven;

    private final Ended ended = new Ended();
    private Ended answered = new Ended();
    private final Denials denials = new Denials();
    /** The wire that these are about. */
    private Wire denier;
    /** The barrier that is out; null if none is. */
    private Mark mark;
    /** What was denied of what the barrier has proven, {@link #proven} and {@link #ended}. */
    private Map<TelemetryRecord, Failure> denied = Map.of();

    private final RepeatedLog bugs = new RepeatedLog();

    public Completer(Journal journal, Ends ends) {
        this.journal = journal;
        this.ends = ends;
    }

    @Override
    public void run() {
        Loop.run(this::round, this::bug);
    }

    private boolean round() throws InterruptedException {
        if (journal.isStopped()) {
            endEverything();
            return false;
        }
        step();
        long nanos = journal.mayPark();
        if (nanos > 0) {
            LockSupport.parkNanos(this, nanos);
        }
        return true;
    }

    private void endEverything() {
        endTaken();
        journal.fail(
                new Failure(Failure.Kind.CLOSED, "the datastore was closed before the server had confirmed it"), ended);
        endAnswered(); // after that, for nothing is answered any more
        long left = ended.records.size();
        endAll(ended);
        if (left > 0) {
            log.warn(
                    "nats_err datastore={} kind=CLOSED records={} reason=\"closed before the server had confirmed them\"",
                    journal.settings().datastore(),
                    left);
        }
    }

    /** Does what is due at this moment. Nothing in it waits. */
    void step() {
        endTaken();
        endAnswered();
        Wire fresh = journal.uninspected();
        if (fresh != null) {
            journal.inspect(fresh, ended);
            endAll(ended);
        }
        if (mark == null) {
            mark = journal.takeMark();
        }
        if (mark != null) {
            Wire.Verdict verdict = verdict(mark.wire());
            if (verdict != Wire.Verdict.PENDING) {
                Mark answered = mark;
                mark = null;
                complete(answered, verdict);
            }
        }
        if (journal.hasExpired(System.nanoTime())) {
            journal.expire(System.nanoTime(), ends.expired(), ended);
            endAll(ended);
        }
        Failure unusable = journal.whyUnusable();
        if (unusable != null) {
            journal.fail(unusable, ended);
            endAll(ended);
        }
    }

    private Wire.Verdict verdict(Wire wire) {
        try {
            // A wire that another one has followed tells nothing, and nobody else may ever close it.
            return journal.isInUse(wire) ? wire.verdict() : Wire.Verdict.IN_DOUBT;
        } catch (RuntimeException | Error e) { // nobody would start another barrier while this one is out
            bug(e);
            return Wire.Verdict.IN_DOUBT;
        }
    }

    private void complete(Mark mark, Wire.Verdict verdict) {
        if (verdict == Wire.Verdict.IN_DOUBT) {
            journal.settle(mark, false, proven, ended);
            mark.wire().cut();
            return;
        }
        Judgement judgement = judgement(mark);
        boolean core = !mark.encoder().asksForAnswers();
        boolean doubtful = core && judgement.doubtful(); // in JetStream a barrier confirms nothing
        boolean good = false;
        boolean settled = false;
        try {
            denied = core ? judgement.denied() : Map.of();
            good = journal.settle(mark, !doubtful, proven, ended);
            settled = true;
        } finally {
            if (!settled || doubtful) {
                journal.doubt(mark);
            }
        }
        if (!judgement.words().isEmpty()) {
            ends.refused(judgement.words(), doubtful);
        }
        endTaken();
        if (good && !core && !judgement.denied().isEmpty()) {
            journal.deny(mark, judgement.denied()::get, ended);
            endAll(ended);
        }
    }

    /** What the server has said of that which the barrier has reached: by then it has said all. */
    private Judgement judgement(Mark mark) {
        try {
            Refusals refused = mark.wire().refused();
            if (refused.isEmpty() && (mark.wire() != denier || !denials.isWatching())) {
                return Judgement.NOTHING_DENIED;
            }
            if (mark.wire() != denier) {
                denier = mark.wire();
                denials.forget();
            }
            Subjects subjects = mark.encoder().subjects();
            return mark.encoder().asksForAnswers()
                    ? denials.judgeByName(refused, journal.reached(mark), subjects)
                    : denials.judge(refused, journal.reached(mark), subjects);
        } catch (RuntimeException | Error e) { // nothing may be confirmed that was not looked at
            bug(e);
            return Judgement.NO_MEMORY;
        }
    }

    private void endTaken() {
        endProven();
        endAll(ended);
        denied = Map.of();
    }

    /** Core NATS: the server has parsed these blocks, and has denied some of it. */
    private void endProven() {
        while (nextProven < proven.size()) {
            Block block = proven.get(nextProven++);
            for (int i = 0; i < block.count(); i++) {
                if (block.isLive(i)) {
                    end(block.record(i), block.receipt(i), null);
                }
            }
            journal.release(block);
        }
        proven.clear();
        nextProven = 0;
    }

    /** JetStream: the server has stored these, or refused to. */
    private void endAnswered() {
        endAll(answered);
        answered = journal.takeAnswered(answered);
        endAll(answered);
    }

    private void endAll(Ended some) {
        while (some.told < some.records.size()) {
            int i = some.told++;
            end(some.records.get(i), some.receipts.get(i), some.failures.get(i));
        }
        journal.release(some);
    }

    /**
     * Whatever goes wrong with one record, those beside it end as they should, and each once.
     *
     * @param failure null for what is confirmed, unless it was denied
     */
    private void end(TelemetryRecord record, Receipt receipt, Failure failure) {
        try {
            Failure why = failure == null ? denied.get(record) : failure;
            if (why == null) {
                ends.confirmed(record, receipt);
            } else {
                ends.failed(record, receipt, why);
            }
        } catch (RuntimeException | Error e) {
            bug(e);
        }
        Thread.interrupted(); // a receipt may have left one behind: whoever waits next would be thrown out
    }

    private void bug(Throwable e) {
        try {
            bugs.write(leftOut -> log.error(
                    "nats_internal_error datastore={} reason=\"internal error in the completer\" left_out={}",
                    journal.settings().datastore(),
                    leftOut,
                    e));
        } catch (RuntimeException | Error noMemory) {
            // Then there is no place to say it.
        }
    }
}
