package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.api.kit.Uninterrupted;
import java.util.concurrent.TimeUnit;

/**
 * The thread that empties a target's hold in the order of the offers, and opens the direct way when the hold is empty.
 * It exists only while there is work. A record that cannot be handed over fails when it was held too long.
 */
final class HoldKeeper implements Binding.Holder {

    private static final Log log = Own.log(HoldKeeper.class);

    /** Longest wait for a receipt, which may mean room, before a producer that refused is tried again. */
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    /** How long the thread stays when there is nothing to do, so that a datastore at its limit does not start one for each
     * refusal. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** Longest wait (ms) for the thread on closing, because it may be running code of another bundle. */
    private static final long CLOSING_MILLIS = 5_000;

    private final DatastoreId id;
    private final TargetState state;
    private final Endings endings;
    private final RepeatedLog throwing = new RepeatedLog();
    /** Whether the thread waits for the next receipt. */
    private volatile boolean awaitsReceipt;
    /** The thread; null while there is no work; guarded by the target's lock. */
    private Thread thread;

    HoldKeeper(DatastoreId id, TargetState state, Endings endings) {
        this.id = id;
        this.state = state;
        this.endings = endings;
    }

    /**
     * Binds a producer to the name; null if no bundle offers the datastore. Under the lock.
     *
     * @return the previous producer, if it was not asked yet whether it can work; otherwise null
     */
    Binding bind(Producer producer) {
        Binding unasked = state.bind(producer);
        if (!isPredecessorBusy()) {
            state.succeeded();
        }
        wake();
        return unasked;
    }

    /** Makes the thread check for work again; under the lock. */
    void wake() {
        state.changed.signalAll();
        startIfNeeded();
    }

    /** Starts the thread if there is work, for example because it could not be started before; under the lock. */
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

    /** One step; false if there is no work left. The lock is held, except while code of other bundles runs. */
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
            awaitsReceipt = true; // before counting: a receipt that is not counted yet sees this flag
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
            Thread.interrupted(); // the producer may have left an interrupt behind
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

    /** Waits a while; returns whether there is work. */
    private boolean linger() {
        return await(LINGER_NANOS) || state.needsKeeper();
    }

    /** Waits for a change; false if the time passed without one. */
    private boolean await(long nanos) {
        try {
            return nanos > 0 && state.changed.awaitNanos(nanos) > 0;
        } catch (InterruptedException e) {
            return true; // no code of ours interrupts this thread, so it checks again
        }
    }

    /** Fails the held records and waits until that is done. */
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
            keep(); // records may be held although no thread could be started
        } else if (!Own.threads.isOwn()) { // otherwise the thread might wait for itself
            Uninterrupted.join(ending, CLOSING_MILLIS);
        }
    }
}
