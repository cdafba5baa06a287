package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.datastore.nats.Journal.Ended;
import io.fleettelemetry.datastore.nats.Journal.Mark;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The one thread that ends records which were accepted: it waits for barriers, and calls the receipts of what they prove,
 * of what JetStream has answered, of what has expired, and of what a server would not take. No lock is held while a
 * receipt runs.
 */
final class Completer implements Runnable {

    private static final Log log = Logs.of(Completer.class);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** Who counts records and tells their receipts. */
    interface Ends {
        void confirmed(TelemetryRecord record, Receipt receipt);

        void failed(TelemetryRecord record, Receipt receipt, Failure why);

        /** Why a record that was not confirmed in time has expired. */
        Failure expired();
    }

    private final Journal journal;
    private final Ends ends;
    private final List<Block> proven = new ArrayList<>();
    private final Ended ended = new Ended();
    private Ended answered = new Ended();
    private final Denials denials = new Denials();
    private final RepeatedLog bugs = new RepeatedLog();

    Completer(Journal journal, Ends ends) {
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
        if (journal.mayPark()) {
            LockSupport.parkNanos(this, LOOK_NANOS);
        }
        return true;
    }

    private void endEverything() {
        journal.fail(
                new Failure(Failure.Kind.CLOSED, "the datastore was closed before the server had confirmed it"), ended);
        endAnswered(); // after that, for nothing is answered any more
        long left = ended.records.size();
        endAll(ended);
        if (left > 0) {
            log.warn("nats_err kind=CLOSED records={} reason=\"closed before the server had confirmed them\"", left);
        }
    }

    /** Does what is due at this moment. */
    void step() throws InterruptedException {
        endAnswered();
        Wire fresh = journal.uninspected();
        if (fresh != null) {
            journal.inspect(fresh.begin(), ended);
            endAll(ended);
        }
        Mark mark = journal.takeMark();
        if (mark != null) {
            complete(mark);
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

    private void complete(Mark mark) {
        Wire.Verdict verdict = verdict(mark.wire());
        boolean passed = verdict == Wire.Verdict.PASSED || verdict == Wire.Verdict.DENIED;
        if (journal.settle(mark, passed, proven, ended)) {
            confirm(mark);
        } else if (verdict == Wire.Verdict.REFUSED) {
            journal.doubt(mark);
        } else if (verdict == Wire.Verdict.IN_DOUBT) {
            mark.wire().cut(); // a second barrier could match this one's PONG
        }
    }

    private Wire.Verdict verdict(Wire wire) {
        try {
            Wire.Verdict verdict = wire.barrier();
            if (verdict == Wire.Verdict.DENIED) {
                wire.denied().forEach(denials::add);
            }
            return verdict;
        } catch (InterruptedException e) { // not by us
            return Wire.Verdict.IN_DOUBT;
        } catch (RuntimeException | Error e) { // nobody would start another barrier while this one is out
            bug(e);
            return Wire.Verdict.IN_DOUBT;
        }
    }

    /** Core NATS: the server has parsed all that the barrier was for, and has said by then what of it it denies. */
    private void confirm(Mark mark) {
        for (Block block : proven) {
            for (int i = 0; i < block.count(); i++) {
                if (block.isLive(i)) {
                    end(block.record(i), block.receipt(i), null, true);
                }
            }
            journal.release(block);
        }
        proven.clear();
        for (int i = 0; i < ended.records.size(); i++) {
            end(ended.records.get(i), ended.receipts.get(i), null, true);
        }
        journal.release(ended);
        if (!denials.isEmpty()) {
            journal.deny(mark, this::denial, ended);
            endAll(ended);
        }
        denials.barrierPassed();
    }

    /** JetStream: the server has stored these, or refused to. */
    private void endAnswered() {
        answered = journal.takeAnswered(answered);
        endAll(answered);
    }

    private void endAll(Ended some) {
        for (int i = 0; i < some.records.size(); i++) {
            end(some.records.get(i), some.receipts.get(i), some.failures.get(i), false);
        }
        journal.release(some);
    }

    /**
     * Whatever goes wrong with one record, those beside it end as they should, and each once.
     *
     * @param failure null for what is confirmed, unless it was denied
     * @param mayBeDenied whether that is to be looked at
     */
    private void end(TelemetryRecord record, Receipt receipt, Failure failure, boolean mayBeDenied) {
        try {
            Failure why = mayBeDenied ? denial(record) : failure;
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
            bugs.write(leftOut -> log.error("nats_error reason=\"the completer\" left_out={}", leftOut, e));
        } catch (RuntimeException | Error noMemory) {
            // Then there is no place to say it.
        }
    }

    private Failure denial(TelemetryRecord record) {
        if (denials.isEmpty()) {
            return null;
        }
        String subject = journal.encoder().subjects().of(record);
        return denials.hit(subject)
                ? new Failure(Failure.Kind.DENIED, "the server does not allow to publish to " + subject)
                : null;
    }
}
