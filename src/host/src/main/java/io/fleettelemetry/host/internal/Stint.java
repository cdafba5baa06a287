package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.concurrent.atomic.LongAdder;

/** One producer's time in the service of a target: the receipt of all records that it gets, and the count of those it has. */
final class Stint implements Receipt {

    final Producer producer;
    private final Target target;
    private final LongAdder entered = new LongAdder();
    private final LongAdder left = new LongAdder();
    /** When the producer went or another took its place, in {@link System#nanoTime}; guarded by the target's lock. */
    long endedAt;
    /** Whether the producer was asked when its service went, and then said that it cannot work. */
    volatile boolean asked;

    volatile boolean cannotWork;

    Stint(Producer producer, Target target) {
        this.producer = producer;
        this.target = target;
    }

    /** Counts a record in, before it is given to the producer. */
    void enter() {
        entered.increment();
    }

    /** Counts a record out: it has ended, was given back, or was not given to the producer after all. */
    void leave() {
        left.increment();
        target.signalIfAwaited();
    }

    /**
     * How many records the producer has not answered; more than there are if some come and go meanwhile, but never none
     * while it has one.
     *
     * <p>What left is summed up first: it all had entered before the other sum begins, so equal sums mean that at that
     * moment nothing was in. The other way round, one that enters and leaves between the sums would hide one that is in.
     */
    long unanswered() {
        long answered = left.sum();
        return Math.max(
                0, entered.sum() - answered); // one that answers twice has less than none, and is not waited for
    }

    @Override
    public boolean confirmed(TelemetryRecord record) {
        try {
            return target.confirmed(Delivery.of(record));
        } finally {
            leave();
        }
    }

    @Override
    public void failed(TelemetryRecord record, Failure why) {
        try {
            target.failed(this, Delivery.of(record), why);
        } finally {
            leave();
        }
    }
}
