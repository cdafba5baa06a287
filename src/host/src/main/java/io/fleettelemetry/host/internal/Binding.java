package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.concurrent.atomic.LongAdder;

/**
 * A producer, as long as it is bound to a datastore's name: the receipt of all records that it gets, and the count of those
 * it has not answered.
 */
final class Binding implements Receipt {

    /** Who holds the records that a producer does not take, and waits for its answers. */
    interface Holder {
        /** Takes back a record that was refused; false if it cannot be held. */
        boolean takeBack(Binding binding, Dispatch dispatch, Failure why);

        /** The producer has answered. */
        void answered();
    }

    final Producer producer;
    private final Endings endings;
    private final Holder holder;
    private final LongAdder entered = new LongAdder();
    private final LongAdder left = new LongAdder();
    /** When the producer went or another took its place, in {@link System#nanoTime}; guarded by the target's lock. */
    long endedAt;
    /** Whether the producer was asked when its service went, and then said that it cannot work. */
    volatile boolean asked;

    volatile boolean cannotWork;

    Binding(Producer producer, Endings endings, Holder holder) {
        this.producer = producer;
        this.endings = endings;
        this.holder = holder;
    }

    /** Counts a record in, before it is given to the producer. */
    void enter() {
        entered.increment();
    }

    /** Counts a record out: it has ended, was given back, or was not given to the producer after all. */
    void leave() {
        left.increment();
        holder.answered();
    }

    /** Gives the producer a record that was counted in. */
    void produce(Dispatch dispatch) {
        try {
            producer.produce(dispatch.record, this);
        } catch (RuntimeException | Error e) {
            // Against its contract. Whether it will answer nobody knows; that it has the record is not known either.
            failed(dispatch.record, endings.producerThrew(dispatch, e));
        }
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
            return endings.confirm(Dispatch.of(record));
        } finally {
            leave();
        }
    }

    @Override
    public void failed(TelemetryRecord record, Failure why) {
        try {
            end(Dispatch.of(record), why);
        } finally {
            leave();
        }
    }

    /** The producer has failed the record, or had no room for it. */
    private void end(Dispatch dispatch, Failure why) {
        boolean back = false;
        try {
            back = mayPass(why) && holder.takeBack(this, dispatch, why);
        } finally { // without memory it is not held, and so it ends
            if (!back) {
                endings.fail(dispatch, why);
            }
        }
    }

    private static boolean mayPass(Failure why) {
        return why.kind() == Failure.Kind.FULL || why.kind() == Failure.Kind.CLOSED;
    }
}
