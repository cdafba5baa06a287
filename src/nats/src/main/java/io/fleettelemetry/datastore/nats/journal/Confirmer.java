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
 * The one thread that ends accepted records. It waits for barriers, and calls the receipts of the records that they
 * prove, that JetStream has answered, that have expired, and that a server would not take. No lock is held while a
 * receipt runs.
 */
public final class Confirmer implements Runnable {

    private static final Log log = Logs.of(Confirmer.class);

    /** Counts ended records and calls their receipts. */
    public interface Ends {
        void confirmed(TelemetryRecord record, Receipt receipt);

        void failed(TelemetryRecord record, Receipt receipt, Failure why);

        /** The failure of a record that was not confirmed in time. */
        Failure expired();

        /**
         * The server has refused frames.
         *
         * @param words the server's words
         * @param searching whether it is not known yet which frames
         */
        void refused(String words, boolean searching);
    }

    private final Journal journal;
    private final Ends ends;
    /** Records that the journal has handed over and that have not ended. They end first, even after an exception. */
    private final Ended ended = new Ended();
    /** The same for records that JetStream has answered. */
    private Ended answered = new Ended();

    /** The current barrier; null if there is none. */
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
        endAnswered(); // last, because no more answers come
        endAll(ended);
        if (left > 0) {
            log.warn(
                    "nats_err datastore={} kind=CLOSED records={} reason=\"closed before the server had confirmed them\"",
                    journal.settings().datastore(),
                    left);
        }
    }

    /** Does the work that is due now. Never waits. */
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
            // A wire that another one has replaced proves nothing, and it may never be closed.
            return journal.isInForce(mark) ? mark.wire().verdict() : Wire.Verdict.IN_DOUBT;
        } catch (RuntimeException | Error e) { // no other barrier would be started before this one ends
            bug(e);
            return Wire.Verdict.IN_DOUBT;
        }
    }

    /** Judges the server's refusals of the frames before the barrier. By then the server has reported all of them. */
    private Judgement judgement(Mark mark) {
        try {
            Refusals refused = mark.wire().refused();
            return refused.isEmpty()
                    ? Judgement.NOTHING_DENIED
                    : mark.confirmation().judge(refused, journal.reached(mark));
        } catch (RuntimeException | Error e) { // a record must not be confirmed without a judgement
            bug(e);
            return Judgement.NO_MEMORY;
        }
    }

    /** JetStream: ends the records that a stream has stored or refused. */
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

    /** Ends records. Whatever goes wrong with one record, the others end correctly, and each once. */
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
        Thread.interrupted(); // a receipt may have left an interrupt behind, which would end the next wait
    }

    private void bug(Throwable e) {
        try {
            bugs.write(leftOut -> log.error(
                    "nats_internal_error datastore={} reason=\"internal error in the confirmer\" left_out={}",
                    journal.settings().datastore(),
                    leftOut,
                    e));
        } catch (RuntimeException | Error noMemory) {
            // Then there is nowhere to report it.
        }
    }
}
