package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.api.kit.Uninterrupted;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.internal.Hold.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * One datastore by its name, as routes see it: whoever produces for it now, and the hold for when nobody can.
 *
 * <p>While all is well an offer goes {@link #direct} to the producer, without a lock. When the producer is absent, full,
 * closed or being replaced, {@code direct} is null and every offer goes through the hold, which a thread of its own
 * empties in the order of offering; that thread exists only as long as there is something to hand over. A replacement
 * gets its first record only after everything that its predecessor had has ended: so nothing is overtaken. It waits for
 * that no longer than {@code hold.max.ms} and {@link #CLOSING_NANOS}.
 *
 * <p>What a producer has is counted by its {@link Stint}. An offer counts itself in before it looks at {@code direct} a
 * second time, and whoever takes a stint out of {@code direct} counts afterwards: one of the two sees the other.
 */
final class Target {

    private static final Log log = Logs.of(Target.class);

    /** How long to wait for a sign of room before a producer that refused is tried again. */
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    /** How long a producer that went may take to begin closing, and to give back what it could not end. */
    private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(2);
    /** After a wait, how many times as long the other datastores of a route are not kept waiting: so it is 5 % of the time. */
    private static final int PAUSE_FACTOR = 19;
    /** How long the hold's thread stays when there is nothing to do, so that a datastore at its limit does not start one
     * for each refusal. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** How long closing waits for the hold's thread, which may be in somebody else's code. */
    private static final long CLOSING_MILLIS = 5_000;

    private final String name;
    private final LongAdder offered = new LongAdder();
    private final LongAdder confirmed = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final FailureLog failures;
    private final RepeatedLog throwing = new RepeatedLog();
    private static final RepeatedLog statusFailures = new RepeatedLog();
    private final Failure noMemoryFailure;
    private final Outcome noMemory;

    /** Where offers go without a lock; null while they go through the hold. Written under the lock. */
    private volatile Stint direct;
    /** Whether the hold's thread wants to hear of the next receipt. */
    private volatile boolean awaitsReceipt;

    private final ReentrantLock lock = new ReentrantLock();
    /** Signalled when the hold's thread should look again. */
    private final Condition changed = lock.newCondition();
    /** Signalled when the hold got smaller. */
    private final Condition room = lock.newCondition();
    // All below: guarded by the lock.
    private final Hold hold = new Hold();
    private HostSettings settings;
    /** The producer that the name belongs to now; null if nobody offers it. */
    private Stint bound;
    /** Producers that went, and have records that must not be overtaken. */
    private final List<Stint> earlier = new ArrayList<>();
    /** What says how the datastore is while nobody produces for it; null if nothing does. */
    private Health health;

    private Thread keeper;
    /** Why the producer would not take a record, until it is tried again; null if it takes them. */
    private Failure refusal;
    /** Time before this one does not count as time held, in {@link System#nanoTime}. */
    private long heldFrom = System.nanoTime();
    /** When a record with other datastores may wait for room again, in {@link System#nanoTime}. */
    private long patientFrom = System.nanoTime();
    /** What had been confirmed when an offer waited for room in vain; -1 if none has, or much is different since. */
    private long stuckAt = -1;

    private boolean absenceLogged;
    private boolean closed;

    Target(String name, HostSettings settings) {
        this.name = name;
        this.failures = new FailureLog(name, System::nanoTime);
        this.noMemoryFailure = new Failure(Failure.Kind.ERROR, "the JVM has no memory left for the record");
        this.noMemory = Outcome.failed(name, noMemoryFailure);
        this.settings = settings;
    }

    String name() {
        return name;
    }

    /** Takes a record: to the producer, or into the hold, waiting for room there if need be. */
    void offer(Delivery delivery) {
        offered.increment();
        if (!offerDirectly(delivery)) {
            try {
                offerToHold(delivery);
            } catch (OutOfMemoryError e) { // then it is not held
                end(delivery, noMemoryFailure);
            }
        }
    }

    private boolean offerDirectly(Delivery delivery) {
        Stint stint = direct;
        if (stint == null) {
            return false;
        }
        stint.enter();
        if (stint != direct) {
            stint.leave();
            return false;
        }
        produce(stint, delivery);
        return true;
    }

    private void produce(Stint stint, Delivery delivery) {
        try {
            stint.producer.produce(delivery.record, stint);
        } catch (RuntimeException | Error e) {
            // Against its contract. Whether it will answer nobody knows; that it has the record is not known either.
            stint.failed(delivery.record, producerThrew(delivery, e));
        }
    }

    private Failure producerThrew(Delivery delivery, Throwable e) {
        try {
            throwing.write(leftOut -> log.error(
                    "producer_error datastore={} record=\"{}\" left_out={}",
                    name,
                    PlainText.field(delivery.record.toString()),
                    leftOut,
                    e));
            return new Failure(Failure.Kind.ERROR, "the datastore '" + name + "' threw " + e);
        } catch (RuntimeException | Error noMemory) {
            return noMemoryFailure;
        }
    }

    private void offerToHold(Delivery delivery) {
        Failure failure;
        lock.lock();
        try {
            failure = takeOrRefuse(delivery);
        } finally {
            lock.unlock();
        }
        if (failure != null) {
            giveUp(delivery, failure);
        }
    }

    /** Takes a record, waiting for room if it may; null, or why it did not. */
    private Failure takeOrRefuse(Delivery delivery) {
        if (take(delivery)) {
            return null;
        }
        Failure vain = whyNotToWait();
        if (vain != null) {
            return vain;
        }
        if (!delivery.hasOtherTargets()) {
            return awaitRoom(delivery);
        }
        long start = System.nanoTime();
        if (start - patientFrom < 0) {
            return noRoom("not waited for, because other datastores of its route have waited 5 % of the time already");
        }
        try {
            return awaitRoom(delivery);
        } finally {
            long end = System.nanoTime();
            long next = end + PAUSE_FACTOR * (end - start);
            patientFrom = next - patientFrom > 0 ? next : patientFrom; // several may have waited at once
        }
    }

    /** Takes a record, to the producer or into the hold; false if there is no room. */
    private boolean take(Delivery delivery) {
        while (direct != null && hold.isEmpty()) {
            lock.unlock();
            try {
                if (offerDirectly(delivery)) {
                    return true;
                }
            } finally {
                lock.lock();
            }
        }
        if (closed || !hold.hasRoomFor(delivery, settings.holdMaxBytes())) {
            startKeeper(); // should there have been no thread for it before
            return false;
        }
        hold.add(delivery.heldBy(this));
        logAbsence();
        wakeKeeper();
        return true;
    }

    private Failure awaitRoom(Delivery delivery) {
        long deadline = System.nanoTime() + settings.dispatchWait().toNanos();
        try {
            for (long nanos = settings.dispatchWait().toNanos(); nanos > 0; nanos = deadline - System.nanoTime()) {
                room.awaitNanos(nanos);
                if (take(delivery)) {
                    return null;
                }
                Failure vain = whyNotToWait();
                if (vain != null) {
                    return vain;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return noRoom("the thread that offered it was interrupted while it waited");
        }
        stuckAt = confirmed.sum();
        return noRoom("waited");
    }

    /**
     * Null if there may soon be room. Once an offer has waited for it in vain, and nothing was confirmed since, another
     * one's wait would help nobody, and would hold up the records behind it, which other datastores could have.
     */
    private Failure whyNotToWait() {
        if (closed) {
            return hostStopped();
        }
        return stuckAt == confirmed.sum()
                ? noRoom("an earlier record has waited in vain, and nothing was confirmed since")
                : null;
    }

    private Failure noRoom(String wait) {
        return new Failure(
                Failure.Kind.FULL,
                "the datastore '" + name + "' " + whyHeld() + ", and hold.max.bytes = " + settings.holdMaxBytes()
                        + " is used up; " + wait + " (dispatch.wait.ms = "
                        + settings.dispatchWait().toMillis() + ")");
    }

    /** A producer has confirmed the record; returns whether a reliable ack goes out because of it. */
    boolean confirmed(Delivery delivery) {
        confirmed.increment();
        return delivery.confirmedBy(this);
    }

    /** A producer has failed the record, or had no room for it. */
    void failed(Stint stint, Delivery delivery, Failure why) {
        boolean back = false;
        try {
            back = mayPass(why) && takeBack(stint, delivery, why);
        } finally { // without memory it is not held, and so it ends
            if (!back) {
                end(delivery, why);
            }
        }
    }

    private static boolean mayPass(Failure why) {
        return why.kind() == Failure.Kind.FULL || why.kind() == Failure.Kind.CLOSED;
    }

    /** Puts a refused record back in its place, over the limit if need be: it was accepted before. */
    private boolean takeBack(Stint stint, Delivery delivery, Failure why) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            direct = null;
            if (stint == bound) {
                refusal = why;
            } else {
                heldFrom = System.nanoTime(); // it had been accepted: a successor that has yet to come is to get it
            }
            hold.add(delivery.heldBy(this));
            wakeKeeper();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Fails a record that no producer has, and that so nobody else logs. */
    private void giveUp(Delivery delivery, Failure why) {
        failures.write(delivery.record, why);
        end(delivery, why);
    }

    private void end(Delivery delivery, Failure why) {
        failed.increment();
        delivery.failedBy(this, why);
    }

    /** What a record comes to for which there is no memory, made before it is needed. */
    Outcome noMemory() {
        return noMemory;
    }

    /** Tells the hold's thread of a receipt, if it waits for one. */
    void signalIfAwaited() {
        if (awaitsReceipt) {
            awaitsReceipt = false;
            lock.lock();
            try {
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /**
     * Says who produces for this name from now on; null if nobody does. One that goes because it cannot work keeps what it
     * has: whoever follows does not wait for that.
     */
    void bind(Producer producer) {
        lock.lock();
        try {
            if (producer == current() || closed) {
                return;
            }
            log.info("{} datastore={}", producer == null ? "datastore_gone" : "datastore_bound", name);
            direct = null;
            if (bound != null && !bound.cannotWork) {
                bound.endedAt = System.nanoTime();
                earlier.add(bound);
                if (!bound.asked) {
                    askSoon(bound);
                }
            }
            bound = producer == null ? null : stintOf(producer);
            refusal = null;
            stuckAt = -1;
            if (producer != null) {
                absenceLogged = false;
                if (hold.isEmpty() && !isPredecessorBusy()) {
                    openDirectWay();
                }
            }
            wakeKeeper();
        } finally {
            lock.unlock();
        }
    }

    /**
     * The service of this producer is about to go: asks it whether it can work, without a lock and by the thread that takes
     * the service away, so that one that hangs harms itself alone.
     */
    void leaving(Producer producer) {
        Stint stint;
        lock.lock();
        try {
            stint = producer == current() ? bound : null;
        } finally {
            lock.unlock();
        }
        if (stint != null) {
            stint.cannotWork = statusOf(producer).state() == Status.State.CRITICAL;
            stint.asked = true;
        }
    }

    /** Another one has taken this one's place, and so the thread that brings the news must not be kept by this one. */
    private void askSoon(Stint stint) {
        try {
            Threads.of("telemetry-ask-" + name, () -> ask(stint)).start();
        } catch (OutOfMemoryError e) { // the machine has no thread left
            // Then it is waited for like one that can work.
        }
    }

    private void ask(Stint stint) {
        if (statusOf(stint.producer).state() != Status.State.CRITICAL) {
            return;
        }
        lock.lock();
        try {
            if (earlier.remove(stint)) {
                wakeKeeper();
            }
        } finally {
            lock.unlock();
        }
    }

    /** One that is back before it has ended what it had goes on with that: it does not wait for itself. */
    private Stint stintOf(Producer producer) {
        for (Stint stint : earlier) {
            if (stint.producer == producer) {
                stint.asked = false;
                earlier.remove(stint);
                return stint;
            }
        }
        return new Stint(producer, this);
    }

    private void openDirectWay() {
        direct = bound;
        room.signalAll();
    }

    /** Says what tells how this datastore is while it is absent; null if nothing does. */
    void health(Health next) {
        lock.lock();
        try {
            health = next;
        } finally {
            lock.unlock();
        }
    }

    void configure(HostSettings next) {
        lock.lock();
        try {
            settings = next;
            stuckAt = -1;
            changed.signalAll();
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void warnIfAbsent() {
        lock.lock();
        try {
            logAbsence();
        } finally {
            lock.unlock();
        }
    }

    private void logAbsence() {
        if (bound == null && !absenceLogged && !closed) {
            absenceLogged = true;
            log.warn(
                    "datastore_absent datastore={} reason=\"no bundle offers it; its records are held for up to "
                            + "hold.max.ms = {} and then fail\"",
                    name,
                    settings.holdMax().toMillis());
        }
    }

    private void wakeKeeper() {
        changed.signalAll();
        startKeeper();
    }

    private void startKeeper() {
        if (keeper == null && !closed && (!hold.isEmpty() || bound != direct || !earlier.isEmpty())) {
            Thread thread = Threads.of("telemetry-hold-" + name, this::keep);
            try {
                thread.start();
                keeper = thread;
            } catch (OutOfMemoryError e) { // the machine has no thread left
                log.error(
                        "host_error datastore={} error=\"{}\" reason=\"no thread for the hold; the next record asks again\"",
                        name,
                        e.toString());
            }
        }
    }

    /**
     * Empties the hold in order, and opens the direct way when nothing is left. What cannot be handed over fails when it
     * was held too long.
     */
    private void keep() {
        Loop.run(this::keepOn, this::keeperThrew);
    }

    private void keeperThrew(Throwable e) {
        throwing.write(leftOut -> log.error(
                "host_error datastore={} reason=\"internal error in the hold\" left_out={}", name, leftOut, e));
    }

    /** One step; false if there is nothing left to do. The lock is held but while somebody else's code runs. */
    private boolean keepOn() {
        lock.lock();
        try {
            boolean more = closed ? failNext() : step();
            if (!more) {
                keeper = null;
                room.signalAll();
            }
            return more;
        } finally {
            lock.unlock();
        }
    }

    private boolean failNext() {
        boolean more = hold.peek() != null;
        if (more) {
            failOldest(hostStopped());
        }
        return more;
    }

    private boolean step() {
        Held oldest = hold.peek();
        if (isPredecessorBusy()) {
            await(RETRY_NANOS);
            heldFrom = System.nanoTime();
        } else if (oldest != null && bound != null && refusal == null) {
            handOver(bound);
        } else if (oldest != null && expiresIn(oldest) <= 0) {
            failOldest(expired());
        } else if (refusal != null) {
            awaitsReceipt = true;
            await(oldest == null ? RETRY_NANOS : Math.min(RETRY_NANOS, expiresIn(oldest)));
            refusal = null;
        } else if (oldest != null) {
            await(expiresIn(oldest));
        } else if (bound != direct) {
            openDirectWay();
        } else {
            return await(LINGER_NANOS) || !hold.isEmpty() || bound != direct || !earlier.isEmpty();
        }
        return true;
    }

    /** Gives the oldest record to the producer, which may give it back. */
    private void handOver(Stint stint) {
        Held held = hold.lend();
        stint.enter();
        lock.unlock();
        try {
            produce(stint, held.delivery());
        } finally {
            Thread.interrupted(); // the producer may have left one behind
            lock.lock();
            if (hold.settle()) {
                room.signal();
            }
        }
    }

    private void failOldest(Failure why) {
        Held oldest = hold.poll();
        room.signal();
        lock.unlock();
        try {
            giveUp(oldest.delivery(), why);
        } finally {
            lock.lock();
        }
    }

    /**
     * Whether a producer that went still has records. One whose service goes ends them, or gives back what it could not end,
     * after a time that is configured there; one that was put aside for another may wait for its server for ever.
     */
    private boolean isPredecessorBusy() {
        if (!earlier.isEmpty()) {
            awaitsReceipt = true; // before the counts: a receipt that they miss sees this
            earlier.removeIf(stint -> stint.unanswered() == 0 || isOverdue(stint));
        }
        return !earlier.isEmpty();
    }

    private boolean isOverdue(Stint stint) {
        boolean overdue = System.nanoTime() - stint.endedAt > settings.holdMax().toNanos() + CLOSING_NANOS;
        if (overdue) {
            log.warn(
                    "records_overtaken datastore={} records={} reason=\"whoever had the name before has not ended them"
                            + " within hold.max.ms = {} and 2 s; newer ones wait for them no longer\"",
                    name,
                    stint.unanswered(),
                    settings.holdMax().toMillis());
        }
        return overdue;
    }

    /** Waits for a change; false if the time passed without one. */
    private boolean await(long nanos) {
        try {
            return nanos > 0 && changed.awaitNanos(nanos) > 0;
        } catch (InterruptedException e) {
            return true; // nobody whom we know means anything by it: look again
        }
    }

    private long expiresIn(Held held) {
        long from = held.since() - heldFrom > 0 ? held.since() : heldFrom;
        return from + settings.holdMax().toNanos() - System.nanoTime();
    }

    private Failure expired() {
        return new Failure(
                Failure.Kind.EXPIRED,
                "held for hold.max.ms = " + settings.holdMax().toMillis() + " because the datastore '" + name + "' "
                        + whyHeld());
    }

    private String whyHeld() {
        if (bound == null) {
            return "is absent";
        }
        if (refusal != null) {
            return "refuses records: " + refusal.reason();
        }
        return earlier.isEmpty() ? "is being handed earlier records" : "is being replaced";
    }

    private static Failure hostStopped() {
        return new Failure(Failure.Kind.CLOSED, "the host was stopped while it held the record");
    }

    String destination(TelemetryRecord record) {
        Producer producer;
        lock.lock();
        try {
            producer = current();
        } finally {
            lock.unlock();
        }
        try {
            return producer == null ? "" : producer.destination(record);
        } catch (RuntimeException | Error e) { // against its contract
            statusFailures.write(leftOut -> log.error(
                    "producer_error datastore={} reason=\"destination() threw\" left_out={}", name, leftOut, e));
            return "";
        }
    }

    HostStatus.Datastore status(boolean routed) {
        Producer producer;
        Health says;
        long heldRecords;
        long heldBytes;
        lock.lock();
        try {
            producer = current();
            says = health;
            startKeeper(); // should there have been no thread for it, and no record since
            heldRecords = hold.records();
            heldBytes = hold.bytes();
        } finally {
            lock.unlock();
        }
        return new HostStatus.Datastore(
                name,
                producer != null,
                routed,
                producer != null ? statusOf(producer) : says != null ? statusOf(says) : absent(routed),
                offered.sum(),
                confirmed.sum(),
                failed.sum(),
                heldRecords,
                heldBytes);
    }

    private static Status absent(boolean routed) {
        return routed ? new Status(Status.State.CRITICAL, "no bundle offers it", Map.of()) : Status.UNKNOWN;
    }

    /** What the status of the producer in use does not show: that a better one of the same name has withdrawn. */
    Stream<String> problems() {
        Producer producer;
        Health says;
        lock.lock();
        try {
            producer = current();
            says = health;
        } finally {
            lock.unlock();
        }
        if (producer == null || says == null || statusOf(producer).state() == Status.State.CRITICAL) {
            return Stream.empty();
        }
        Status better = statusOf(says);
        return better.state() == Status.State.CRITICAL
                ? Stream.of("another datastore '" + name + "' has taken over: " + better.summary())
                : Stream.empty();
    }

    /** What a producer says of itself, whatever it throws. Somebody else's code: never called under a lock. */
    static Status statusOf(Producer producer) {
        return statusOf((Health) producer::status);
    }

    private static Status statusOf(Health health) {
        try {
            Status status = health.status();
            return status == null ? Status.UNKNOWN : status;
        } catch (RuntimeException | Error e) { // against its contract
            statusFailures.write(leftOut ->
                    log.error("producer_error reason=\"a datastore's status() threw\" left_out={}", leftOut, e));
            return Status.UNKNOWN;
        }
    }

    private Producer current() {
        return bound == null ? null : bound.producer;
    }

    /** Fails what is held and waits until that is done. */
    void close() {
        Thread ending;
        lock.lock();
        try {
            closed = true;
            direct = null;
            changed.signalAll();
            room.signalAll();
            ending = keeper;
        } finally {
            lock.unlock();
        }
        if (ending == null) {
            keep(); // should there have been no thread for it, something may be held
        } else if (!Threads.isOwn()) { // it might wait for itself
            Uninterrupted.join(ending, CLOSING_MILLIS);
        }
    }
}
