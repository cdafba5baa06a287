package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The state that the offers to a datastore, the thread of its hold and the receipts share. Its {@link Mode} decides
 * what happens to a record. Everything except {@link #direct} is guarded by {@link #lock}, which the callers hold.
 * Nothing here locks or calls code of other bundles.
 */
final class TargetState {

    private static final Log log = Own.log(TargetState.class);

    /** What happens to records. */
    enum Mode {
        /** No bundle offers the datastore: records are held. */
        ABSENT,
        /** Records are held until the earlier producers have ended their records. */
        REPLACING,
        /** The held records go to the producer, in order; new records queue behind them. */
        HANDING_OVER,
        /** The producer has refused a record. The hold's thread will try it again soon. */
        REFUSED,
        /** No record is held: offers go to the producer. */
        DIRECT,
        /** The host stops: held records fail. */
        CLOSED
    }

    final ReentrantLock lock = new ReentrantLock();
    /** Signalled when the hold's thread should check for work again. */
    final Condition changed = lock.newCondition();
    /** Signalled when the hold got smaller. */
    final Condition room = lock.newCondition();

    final Hold hold = new Hold();
    final Succession succession;
    /**
     * The producer that offers may use without a lock, if the mode is DIRECT; otherwise null. Written under the lock.
     */
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

    /** Whether there is work for the hold's thread. */
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
     * Binds a producer to the name; null if no bundle offers the datastore. It gets records after {@link #succeeded}.
     *
     * @return the previous producer, if it was not asked yet whether it can work; otherwise null
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

    /**
     * The producer did not take a record. It goes back to its place, even beyond the limit, because it was accepted.
     */
    void refused(Binding by, Dispatch.Held held, Failure why) {
        direct = null;
        if (by != succession.bound()) {
            hold.restartClock(); // the record was accepted, so a later successor must still get it
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

    /** The producer that refused a record is tried again. */
    void tryAgain() {
        if (mode == Mode.REFUSED) {
            mode = Mode.HANDING_OVER;
        }
    }

    /** No record is held any more: from now on offers go to the producer without a lock. */
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

    /** Logs the absence of the datastore once, until a bundle offers it. */
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

    /** The reason why records are held, as the end of a sentence that begins with the datastore. */
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
