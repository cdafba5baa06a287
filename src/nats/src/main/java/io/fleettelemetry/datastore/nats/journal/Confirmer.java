package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.concurrent.locks.LockSupport;

/**
 * The one thread that ends records which were accepted: it waits for barriers, and calls the receipts of what they prove,
 * of what JetStream has answered, of what has expired, and of what a server would not take. No lock is held while a
 * receipt runs.
 */
public final class Confirmer implements Runnable {

    private static final Log log = Logs.of(Confirmer.class);

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
    private final Ended ended = new Ended();
    /** The same for JetStream's answers. */
    private Ended answered = new Ended();

    /** The barrier that is out; null if none is. */
    private Mark mark;

    private final RepeatedLog bugs = new RepeatedLog();

    public Confirmer(Journal journal, Ends ends) {
        this.journal = journal;
        this.ends = ends;
    }

    @Override
    public void run() {
        Loop.run(this::round, this::bug);
    }

    private boolean round() {
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
        endAll(ended);
        journal.fail(
                new Failure(Failure.Kind.CLOSED, "the datastore was closed before the server had confirmed it"), ended);
        long left = ended.records();
        endAnswered(); // after that, for nothing is answered any more
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
        endAll(ended);
        endAnswered();
        Wire fresh = journal.uninspected();
        if (fresh != null) {
            journal.inspect(fresh, ended);
            endAll(ended);
        }
        endBarrier();
        if (journal.hasExpired()) {
            journal.expire(ends.expired(), ended);
            endAll(ended);
        }
        Failure unusable = journal.whyUnusable();
        if (unusable != null) {
            journal.fail(unusable, ended);
            endAll(ended);
        }
    }

    private void endBarrier() {
        if (mark == null) {
            mark = journal.takeMark();
        }
        Wire.Verdict verdict = mark == null ? Wire.Verdict.PENDING : verdict(mark);
        if (verdict == Wire.Verdict.PENDING) {
            return;
        }
        Mark answered = mark;
        mark = null;
        if (verdict == Wire.Verdict.IN_DOUBT) {
            journal.inDoubt();
            answered.wire().cut();
            return;
        }
        Judgement judgement = judgement(answered);
        journal.passed(answered, judgement, ended);
        if (!judgement.words().isEmpty()) {
            ends.refused(judgement.words(), judgement.doubtful());
        }
        endAll(ended);
    }

    private Wire.Verdict verdict(Mark mark) {
        try {
            // A wire that another one has followed tells nothing, and nobody else may ever close it.
            return journal.isInForce(mark) ? mark.wire().verdict() : Wire.Verdict.IN_DOUBT;
        } catch (RuntimeException | Error e) { // nobody would start another barrier while this one is out
            bug(e);
            return Wire.Verdict.IN_DOUBT;
        }
    }

    /** What the server has said of that which the barrier has reached: by then it has said all. */
    private Judgement judgement(Mark mark) {
        try {
            Refusals refused = mark.wire().refused();
            return refused.isEmpty()
                    ? Judgement.NOTHING_DENIED
                    : mark.confirmation().judge(refused, journal.reached(mark));
        } catch (RuntimeException | Error e) { // nothing may be confirmed that was not looked at
            bug(e);
            return Judgement.NO_MEMORY;
        }
    }

    /** JetStream: the server has stored these, or refused to. */
    private void endAnswered() {
        endAll(answered);
        answered = journal.takeAnswered(answered);
        endAll(answered);
        journal.endProven(ended);
        endAll(ended);
    }

    private void endAll(Ended some) {
        do {
            while (some.next()) {
                end(some);
            }
        } while (journal.release(some));
    }

    /** Whatever goes wrong with one record, those beside it end as they should, and each once. */
    private void end(Ended some) {
        try {
            Failure why = some.failure();
            if (why == null) {
                ends.confirmed(some.record(), some.receipt());
            } else {
                ends.failed(some.record(), some.receipt(), why);
            }
        } catch (RuntimeException | Error e) {
            bug(e);
        }
        Thread.interrupted(); // a receipt may have left one behind: whoever waits next would be thrown out
    }

    private void bug(Throwable e) {
        try {
            bugs.write(leftOut -> log.error(
                    "nats_internal_error datastore={} reason=\"internal error in the confirmer\" left_out={}",
                    journal.settings().datastore(),
                    leftOut,
                    e));
        } catch (RuntimeException | Error noMemory) {
            // Then there is no place to say it.
        }
    }
}
