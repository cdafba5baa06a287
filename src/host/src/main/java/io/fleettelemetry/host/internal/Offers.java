package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;

/**
 * Takes the records for one datastore: it gives them to the producer, or puts them into the hold, or waits for room
 * there.
 *
 * <p>An offer is counted in at the {@link Binding} before it reads {@code direct} a second time. A thread that clears
 * {@code direct} counts afterwards. So one of the two sees the other.
 */
final class Offers {

    /**
     * After a wait, offers with other datastores do not wait for this many times as long: so they wait 5 % of the time.
     */
    private static final int PAUSE_FACTOR = 19;

    private final DatastoreId id;
    private final TargetState state;
    private final HoldKeeper keeper;
    private final Endings endings;
    // All below: guarded by the target's lock.
    /** When an offer with other datastores may wait for room again, in {@link System#nanoTime}. */
    private long patientFrom = System.nanoTime();
    /** The number of confirmed records when an offer last found no room in time; -1 if offers may wait again. */
    private long stuckAt = -1;

    Offers(DatastoreId id, TargetState state, HoldKeeper keeper, Endings endings) {
        this.id = id;
        this.state = state;
        this.keeper = keeper;
        this.endings = endings;
    }

    /** Takes a record, and waits for room if necessary. */
    void offer(Dispatch dispatch) {
        if (!offerDirectly(dispatch)) {
            try {
                offerToHold(dispatch);
            } catch (OutOfMemoryError e) { // the record is not held then
                endings.failForWantOfMemory(dispatch);
            }
        }
    }

    /** The producer or the settings have changed, so offers may wait for room again; under the lock. */
    void mayWaitAgain() {
        stuckAt = -1;
    }

    private boolean offerDirectly(Dispatch dispatch) {
        Binding binding = state.direct;
        if (binding == null) {
            return false;
        }
        binding.enter();
        if (binding != state.direct) {
            binding.leave();
            return false;
        }
        binding.produce(dispatch);
        return true;
    }

    private void offerToHold(Dispatch dispatch) {
        Failure failure;
        state.lock.lock();
        try {
            failure = takeOrRefuse(dispatch);
        } finally {
            state.lock.unlock();
        }
        if (failure != null) {
            endings.giveUp(dispatch, failure);
        }
    }

    /** Takes a record, and waits for room if it may; returns null, or why the record was not taken. */
    private Failure takeOrRefuse(Dispatch dispatch) {
        if (take(dispatch)) {
            return null;
        }
        Failure vain = whyNotToWait();
        if (vain != null) {
            return vain;
        }
        if (!dispatch.hasOtherDatastores()) {
            return awaitRoom(dispatch);
        }
        long start = System.nanoTime();
        if (start - patientFrom < 0) {
            return noRoom("no wait, because the route has other datastores, which may be delayed for 5 % of the time");
        }
        try {
            return awaitRoom(dispatch);
        } finally {
            long end = System.nanoTime();
            long next = end + PAUSE_FACTOR * (end - start);
            patientFrom = next - patientFrom > 0 ? next : patientFrom; // several may have waited at once
        }
    }

    /** Takes a record, to the producer or into the hold; false if there is no room. */
    private boolean take(Dispatch dispatch) {
        while (state.direct != null) {
            state.lock.unlock();
            try {
                if (offerDirectly(dispatch)) {
                    return true;
                }
            } finally {
                state.lock.lock();
            }
        }
        if (state.isClosed()
                || !state.hold.hasRoomFor(dispatch, state.settings().holdMaxBytes())) {
            keeper.startIfNeeded(); // it may not have been possible to start its thread before
            return false;
        }
        state.hold.add(dispatch.heldFor(id));
        state.logAbsence();
        keeper.wake();
        return true;
    }

    private Failure awaitRoom(Dispatch dispatch) {
        long wait = state.settings().dispatchWait().toNanos();
        long deadline = System.nanoTime() + wait;
        try {
            for (long nanos = wait; nanos > 0; nanos = deadline - System.nanoTime()) {
                state.room.awaitNanos(nanos);
                if (take(dispatch)) {
                    return null;
                }
                Failure vain = whyNotToWait();
                if (vain != null) {
                    return vain;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return noRoom("the thread that offered the record was interrupted while it waited for room");
        }
        stuckAt = endings.confirmed.sum();
        return noRoom("no room in time");
    }

    /**
     * Null if there may soon be room. If an earlier offer found no room in time, and nothing has been confirmed since,
     * then another wait would not help. It would only delay the records behind this one, which other datastores could
     * take.
     */
    private Failure whyNotToWait() {
        if (state.isClosed()) {
            return TargetState.hostStopped();
        }
        return stuckAt == endings.confirmed.sum()
                ? noRoom("no wait, because an earlier record found no room and nothing has been confirmed since")
                : null;
    }

    private Failure noRoom(String wait) {
        HostSettings settings = state.settings();
        return new Failure(
                Failure.Kind.FULL,
                "the datastore '" + id.name + "' " + state.whyHeld() + ", and hold.max.bytes = "
                        + settings.holdMaxBytes() + " is used up; " + wait + " (dispatch.wait.ms = "
                        + settings.dispatchWait().toMillis() + ")");
    }
}
