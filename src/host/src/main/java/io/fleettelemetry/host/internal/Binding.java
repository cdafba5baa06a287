package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.concurrent.atomic.LongAdder;

/**
 * A producer while it is bound to a datastore's name: the receipt of all records that it gets, and the number of
 * records that it has not answered.
 */
final class Binding implements Receipt {

    /** Holds the records that a producer does not take, and is told of its answers. */
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
    /** When the producer was unbound or replaced, in {@link System#nanoTime}; guarded by the target's lock. */
    long endedAt;
    /** Whether the producer was asked for its status when its service went. */
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
            // A producer must not throw. It is unknown whether it has the record and whether it will answer.
            failed(dispatch.record, endings.producerThrew(dispatch, e));
        }
    }

    /**
     * Returns the number of records that the producer has not answered. It may be too high while records come and go,
     * but it is never 0 while the producer has a record.
     *
     * <p>The records that left are counted first. All of them had entered before the second count begins, so equal
     * counts mean that there was a moment without a record. In the other order, a record that enters and leaves between
     * the two counts would hide a record that is still there.
     */
    long unanswered() {
        long answered = left.sum();
        return Math.max(
                0, entered.sum() - answered); // negative if the producer answered twice; then nothing waits for it
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
        } finally { // if there is no memory to hold the record, it ends
            if (!back) {
                endings.fail(dispatch, why);
            }
        }
    }

    private static boolean mayPass(Failure why) {
        return why.kind() == Failure.Kind.FULL || why.kind() == Failure.Kind.CLOSED;
    }
}
