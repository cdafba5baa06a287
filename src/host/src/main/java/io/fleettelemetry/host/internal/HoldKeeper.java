package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.api.kit.Uninterrupted;
import java.util.concurrent.TimeUnit;

/**
 * The thread that empties a target's hold in the order of offering, and opens the direct way when nothing is left. It exists
 * only as long as there is something to do. A record that cannot be handed over fails when it was held too long.
 */
final class HoldKeeper implements Binding.Holder {

    private static final Log log = Own.log(HoldKeeper.class);

    /** How long to wait for a sign of room before a producer that refused is tried again. */
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    /** How long the thread stays when there is nothing to do, so that a datastore at its limit does not start one for each
     * refusal. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** How long closing waits for the thread, which may be in somebody else's code. */
    private static final long CLOSING_MILLIS = 5_000;

    private final DatastoreId id;
    private final TargetState state;
    private final Endings endings;
    private final RepeatedLog throwing = new RepeatedLog();
    /** Whether the thread wants to hear of the next receipt. */
    private volatile boolean awaitsReceipt;
    /** Null while there is nothing to do; guarded by the target's lock. */
    private Thread thread;

    HoldKeeper(DatastoreId id, TargetState state, Endings endings) {
        this.id = id;
        this.state = state;
        this.endings = endings;
    }

    /**
     * Gives the name to a producer, null if nobody offers the datastore; under the lock.
     *
     * @return the one that went and that nobody has asked yet whether it can work; null if there is none
     */
    Binding bind(Producer producer) {
        Binding unasked = state.bind(producer);
        if (!isPredecessorBusy()) {
            state.succeeded();
        }
        wake();
        return unasked;
    }

    /** Has the thread look again; under the lock. */
    void wake() {
        state.changed.signalAll();
        startIfNeeded();
    }

    /** Also when there could be no thread before; under the lock. */
    void startIfNeeded() {
        if (thread == null && state.needsKeeper()) {
            Thread next = Own.threads.of("telemetry-hold-" + id.name, this::keep);
            try {
                next.start();
                thread = next;
            } catch (OutOfMemoryError e) { // the machine has no thread left
                log.error(
                        "host_internal_error datastore={} error=\"{}\" reason=\"no thread is left for the hold; the next record"
                                + " tries again\"",
                        id.name,
                        e.toString());
            }
        }
    }

    @Override
    public boolean takeBack(Binding binding, Dispatch dispatch, Failure why) {
        state.lock.lock();
        try {
            if (state.isClosed()) {
                return false;
            }
            state.refused(binding, dispatch.heldFor(id), why);
            wake();
            return true;
        } finally {
            state.lock.unlock();
        }
    }

    @Override
    public void answered() {
        if (awaitsReceipt) {
            awaitsReceipt = false;
            state.lock.lock();
            try {
                state.changed.signalAll();
            } finally {
                state.lock.unlock();
            }
        }
    }

    private void keep() {
        Loop.run(this::keepOn, this::threw);
    }

    private void threw(Throwable e) {
        throwing.write(leftOut -> log.error(
                "host_internal_error datastore={} reason=\"internal error in the hold\" left_out={}",
                id.name,
                leftOut,
                e));
    }

    /** One step; false if there is nothing left to do. The lock is held but while somebody else's code runs. */
    private boolean keepOn() {
        state.lock.lock();
        try {
            boolean more = step();
            if (!more) {
                thread = null;
                state.room.signalAll();
            }
            return more;
        } finally {
            state.lock.unlock();
        }
    }

    private boolean step() {
        switch (state.mode()) {
            case REPLACING -> awaitPredecessors();
            case HANDING_OVER -> handOver();
            case REFUSED -> awaitRoomAtProducer();
            case ABSENT -> {
                return state.hold.isEmpty() ? linger() : awaitProducer();
            }
            case DIRECT -> {
                return linger();
            }
            case CLOSED -> {
                return failNext();
            }
        }
        return true;
    }

    private void awaitPredecessors() {
        if (isPredecessorBusy()) {
            await(RETRY_NANOS);
            state.hold.restartClock();
        } else {
            state.succeeded();
        }
    }

    private boolean isPredecessorBusy() {
        if (state.succession.hasPredecessors()) {
            awaitsReceipt = true; // before the counts: a receipt that they miss sees this
        }
        return state.succession.isPredecessorBusy(state.settings().holdMax());
    }

    /** Gives the oldest record to the producer, which may give it back. */
    private void handOver() {
        Binding binding = state.succession.bound();
        Dispatch.Held held = state.hold.lend();
        if (held == null) {
            state.openDirectWay();
            return;
        }
        binding.enter();
        state.lock.unlock();
        try {
            binding.produce(held.dispatch());
        } finally {
            Thread.interrupted(); // the producer may have left one behind
            state.lock.lock();
            if (state.hold.settle()) {
                state.room.signal();
            }
        }
    }

    private void awaitRoomAtProducer() {
        long expiresIn = state.hold.expiresIn(state.settings().holdMax());
        if (expiresIn <= 0) {
            failOldest(state.expired());
        } else {
            awaitsReceipt = true;
            await(Math.min(RETRY_NANOS, expiresIn));
            state.tryAgain();
        }
    }

    private boolean awaitProducer() {
        long expiresIn = state.hold.expiresIn(state.settings().holdMax());
        if (expiresIn <= 0) {
            failOldest(state.expired());
        } else {
            await(expiresIn);
        }
        return true;
    }

    private boolean failNext() {
        boolean more = state.hold.peek() != null;
        if (more) {
            failOldest(TargetState.hostStopped());
        }
        return more;
    }

    private void failOldest(Failure why) {
        Dispatch dispatch = state.hold.poll().dispatch();
        state.room.signal();
        state.lock.unlock();
        try {
            endings.giveUp(dispatch, why);
        } finally {
            state.lock.lock();
        }
    }

    /** Whether there is something to do after a while. */
    private boolean linger() {
        return await(LINGER_NANOS) || state.needsKeeper();
    }

    /** Waits for a change; false if the time passed without one. */
    private boolean await(long nanos) {
        try {
            return nanos > 0 && state.changed.awaitNanos(nanos) > 0;
        } catch (InterruptedException e) {
            return true; // nobody whom we know means anything by it: look again
        }
    }

    /** Fails what is held and waits until that is done. */
    void close() {
        Thread ending;
        state.lock.lock();
        try {
            state.close();
            ending = thread;
        } finally {
            state.lock.unlock();
        }
        if (ending == null) {
            keep(); // should there have been no thread for it, something may be held
        } else if (!Own.threads.isOwn()) { // it might wait for itself
            Uninterrupted.join(ending, CLOSING_MILLIS);
        }
    }
}
