package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the offers to a datastore, the thread of its hold and the receipts share, and the {@link Mode} that decides what
 * happens to a record. Everything but {@link #direct} is guarded by {@link #lock}, which the callers take: nothing here locks or
 * calls anybody else's code.
 */
final class TargetState {

    private static final Log log = Own.log(TargetState.class);

    /** What happens to records now. */
    enum Mode {
        /** Nobody offers the datastore: records are held. */
        ABSENT,
        /** Records are held until the producers that went have ended what they had. */
        REPLACING,
        /** The producer is handed what is held, in order; new records queue behind it. */
        HANDING_OVER,
        /** The producer has refused a record, and is tried again in a moment. */
        REFUSED,
        /** Nothing is held: offers go to the producer. */
        DIRECT,
        /** The host stops: what is held fails. */
        CLOSED
    }

    final ReentrantLock lock = new ReentrantLock();
    /** Signalled when the hold's thread should look again. */
    final Condition changed = lock.newCondition();
    /** Signalled when the hold got smaller. */
    final Condition room = lock.newCondition();

    final Hold hold = new Hold();
    final Succession succession;
    /** Where offers go without a lock: the producer in use if the mode is DIRECT, else null. Written under the lock. */
    volatile Binding direct;

    private final String name;
    private HostSettings settings;
    private Mode mode = Mode.ABSENT;
    /** Why the producer did not take a record, if the mode is REFUSED. */
    private Failure refusal;

    private boolean absenceLogged;

    TargetState(String name, Succession succession, HostSettings settings) {
        this.name = name;
        this.succession = succession;
        this.settings = settings;
    }

    Mode mode() {
        return mode;
    }

    HostSettings settings() {
        return settings;
    }

    boolean isClosed() {
        return mode == Mode.CLOSED;
    }

    /** Whether there is something for the hold's thread to do. */
    boolean needsKeeper() {
        return switch (mode) {
            case ABSENT, DIRECT -> !hold.isEmpty();
            case REPLACING, HANDING_OVER, REFUSED -> true;
            case CLOSED -> false;
        };
    }

    void configure(HostSettings next) {
        settings = next;
        changed.signalAll();
        room.signalAll();
    }

    /**
     * Gives the name to a producer, null if nobody offers the datastore; it gets records when it has {@link #succeeded}.
     *
     * @return the one that went and that nobody has asked yet whether it can work; null if there is none
     */
    Binding bind(Producer producer) {
        log.info("{} datastore={}", producer == null ? "datastore_gone" : "datastore_bound", name);
        direct = null;
        mode = Mode.REPLACING;
        Binding unasked = succession.bind(producer);
        absenceLogged &= producer == null;
        return unasked;
    }

    /** No predecessor has records any more. */
    void succeeded() {
        if (succession.bound() == null) {
            mode = Mode.ABSENT;
        } else if (hold.isEmpty()) {
            openDirectWay();
        } else {
            mode = Mode.HANDING_OVER;
        }
    }

    /** The producer could not take a record: it goes back to its place, over the limit if need be, as it was accepted. */
    void refused(Binding by, Dispatch.Held held, Failure why) {
        direct = null;
        if (by != succession.bound()) {
            hold.restartClock(); // it had been accepted: a successor that has yet to come is to get it
        }
        if (mode == Mode.DIRECT || mode == Mode.HANDING_OVER) {
            mode = Mode.HANDING_OVER;
            if (by == succession.bound()) {
                mode = Mode.REFUSED;
                refusal = why;
            }
        }
        hold.add(held);
    }

    /** The producer that refused is tried again. */
    void tryAgain() {
        if (mode == Mode.REFUSED) {
            mode = Mode.HANDING_OVER;
        }
    }

    /** Nothing is held any more: from now on offers go to the producer without a lock. */
    void openDirectWay() {
        mode = Mode.DIRECT;
        direct = succession.bound();
        room.signalAll();
    }

    void close() {
        mode = Mode.CLOSED;
        direct = null;
        changed.signalAll();
        room.signalAll();
    }

    /** Once, until somebody offers the datastore. */
    void logAbsence() {
        if (succession.bound() == null && !absenceLogged && !isClosed()) {
            absenceLogged = true;
            log.warn(
                    "datastore_absent datastore={} reason=\"no bundle offers it; its records are held for up to "
                            + "hold.max.ms = {} and then fail\"",
                    name,
                    settings.holdMax().toMillis());
        }
    }

    /** Why its records are held: the end of a sentence that begins with the datastore. */
    String whyHeld() {
        return switch (mode) {
            case ABSENT -> "is absent";
            case REPLACING -> succession.bound() == null ? "is absent" : "is being replaced";
            case REFUSED -> "refuses records: " + refusal.reason();
            case HANDING_OVER, DIRECT -> "is still taking earlier records";
            case CLOSED -> "is stopped";
        };
    }

    Failure expired() {
        return new Failure(
                Failure.Kind.EXPIRED,
                "held for hold.max.ms = " + settings.holdMax().toMillis() + " because the datastore '" + name + "' "
                        + whyHeld());
    }

    static Failure hostStopped() {
        return new Failure(Failure.Kind.CLOSED, "the host was stopped while it held the record");
    }
}
