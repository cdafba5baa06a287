package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.internal.Hold.Held;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One datastore by its name, as routes see it: whoever produces for it now, and the hold for when nobody can.
 *
 * <p>While all is well an offer goes {@link #direct} to the producer, without a lock. When the producer is absent, full,
 * closed or being replaced, {@code direct} is null and every offer goes through the hold, which a thread of its own
 * empties in the order of offering; that thread exists only as long as there is something to hand over. A replacement
 * gets its first record only after everything that its predecessor had has ended: so nothing is overtaken.
 *
 * <p>{@link #entered} and {@link #left} count what a producer got and answered. An offer counts itself in before it looks
 * at {@code direct} a second time, and whoever closes {@code direct} sums up afterwards: one of the two sees the other,
 * so equal sums while {@code direct} is null mean that no record is with a producer.
 */
final class Target implements Receipt {

    private static final Logger log = LoggerFactory.getLogger(Target.class);

    /** How long to wait for a sign of room before a producer that refused is tried again. */
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    /** How long the hold's thread stays when there is nothing to do, so that a datastore at its limit does not start one
     * for each refusal. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final String name;
    private final LongAdder offered = new LongAdder();
    private final LongAdder confirmed = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder entered = new LongAdder();
    private final LongAdder left = new LongAdder();

    /** The producer that offers go to without a lock; null while they go through the hold. Written under the lock. */
    private volatile Producer direct;
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
    private Producer bound;
    /** What says how the datastore is while nobody produces for it; null if nothing does. */
    private Health health;
    /** Whether the producer that went was not expected to answer soon. */
    private boolean abandoned;

    private long boundSince;
    private Producer lastUsed;
    private Thread keeper;
    /** What the keeper is handing over at this moment, and what came of it. */
    private Held inHand;

    private Failure refusal;
    /** What had been confirmed when an offer waited for room in vain; -1 if none has, or much is different since. */
    private long stuckAt = -1;

    private boolean absenceLogged;
    private boolean closed;

    Target(String name, HostSettings settings) {
        this.name = name;
        this.settings = settings;
    }

    String name() {
        return name;
    }

    /** Takes a record: to the producer, or into the hold, waiting for room there if need be. */
    void offer(Delivery delivery) {
        offered.increment();
        if (!offerDirectly(delivery)) {
            offerToHold(delivery);
        }
    }

    private boolean offerDirectly(Delivery delivery) {
        Producer producer = direct;
        if (producer == null) {
            return false;
        }
        entered.increment();
        if (producer != direct) {
            left.increment();
            signalIfAwaited();
            return false;
        }
        produce(producer, delivery);
        return true;
    }

    private void produce(Producer producer, Delivery delivery) {
        try {
            producer.produce(delivery.record, this);
        } catch (RuntimeException | Error e) {
            // Against its contract. Whether it will answer nobody knows; that it has the record is not known either.
            log.error("producer_error datastore={} record=\"{}\"", name, delivery.record, e);
            failed(delivery.record, new Failure(Failure.Kind.ERROR, "the datastore '" + name + "' threw " + e));
        }
    }

    private void offerToHold(Delivery delivery) {
        Failure failure = null;
        lock.lock();
        try {
            long deadline = System.nanoTime() + settings.dispatchWait().toNanos();
            while (failure == null) {
                if (closed) {
                    failure = hostStopped();
                } else if (direct != null && hold.isEmpty()) {
                    lock.unlock();
                    try {
                        if (offerDirectly(delivery)) {
                            return;
                        }
                    } finally {
                        lock.lock();
                    }
                } else if (hold.hasRoomFor(delivery, settings.holdMaxBytes())) {
                    hold.add(new Held(delivery, System.nanoTime()));
                    logAbsence();
                    wakeKeeper();
                    return;
                } else if (isStuck()) {
                    failure = noRoom("an earlier record has waited");
                } else if (!awaitRoom(deadline)) {
                    stuckAt = confirmed.sum();
                    failure = noRoom("waited");
                }
            }
        } finally {
            lock.unlock();
        }
        end(delivery, failure);
    }

    /**
     * Whether an offer has waited for room in vain, and nothing was confirmed since. Another one's wait would help nobody,
     * and would hold up the records behind it, which other datastores could have.
     */
    private boolean isStuck() {
        return stuckAt == confirmed.sum();
    }

    private Failure noRoom(String waited) {
        return new Failure(
                Failure.Kind.FULL,
                "the datastore '" + name + "' " + whyHeld() + " and hold.max.bytes = " + settings.holdMaxBytes()
                        + " is used up; " + waited + " dispatch.wait.ms = "
                        + settings.dispatchWait().toMillis());
    }

    private boolean awaitRoom(long deadline) {
        long nanos = deadline - System.nanoTime();
        if (nanos <= 0) {
            return false;
        }
        try {
            room.awaitNanos(nanos);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public boolean confirmed(TelemetryRecord record) {
        confirmed.increment();
        boolean acknowledged = Delivery.of(record).confirmedBy(this);
        left.increment();
        signalIfAwaited();
        return acknowledged;
    }

    @Override
    public void failed(TelemetryRecord record, Failure why) {
        Delivery delivery = Delivery.of(record);
        if (!mayPass(why) || !takeBack(delivery, why)) {
            end(delivery, why);
        }
        left.increment();
        signalIfAwaited();
    }

    private static boolean mayPass(Failure why) {
        return why.kind() == Failure.Kind.FULL || why.kind() == Failure.Kind.CLOSED;
    }

    /** Puts a refused record back in its place, over the limit if need be: it was accepted before. */
    private boolean takeBack(Delivery delivery, Failure why) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            direct = null;
            refusal = why;
            boolean wasInHand = inHand != null && inHand.delivery() == delivery;
            hold.add(wasInHand ? inHand : new Held(delivery, System.nanoTime()));
            wakeKeeper();
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void end(Delivery delivery, Failure why) {
        failed.increment();
        delivery.failedBy(this, why);
    }

    private void signalIfAwaited() {
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
            if (producer == bound || closed) {
                return;
            }
            if (bound != null) {
                abandoned = statusOf(bound).state() == Status.State.CRITICAL;
            }
            log.info("{} datastore={}", producer == null ? "datastore_gone" : "datastore_bound", name);
            bound = producer;
            boundSince = System.nanoTime();
            direct = null;
            refusal = null;
            stuckAt = -1;
            if (producer != null) {
                absenceLogged = false;
                if (hold.isEmpty() && !predecessorBusy()) {
                    lastUsed = producer;
                    direct = producer;
                }
            }
            wakeKeeper();
        } finally {
            lock.unlock();
        }
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
        if (keeper == null && (!hold.isEmpty() || bound != direct)) {
            keeper = Threads.of("telemetry-hold-" + name, this::keep);
            keeper.start();
        }
    }

    /** Empties the hold in order, fails what was held too long, and opens the direct way when nothing is left. */
    private void keep() {
        lock.lock();
        try {
            while (!closed) {
                Held oldest = hold.peek();
                if (oldest != null && expiresIn(oldest) <= 0) {
                    failOldest(expired());
                } else if (bound == null || bound == direct) {
                    if (oldest != null) {
                        await(expiresIn(oldest));
                    } else if (!await(LINGER_NANOS) && hold.isEmpty() && bound == direct) {
                        return;
                    }
                } else if (bound != lastUsed && predecessorBusy()) {
                    await(RETRY_NANOS);
                } else if (oldest == null) {
                    lastUsed = bound;
                    direct = bound;
                } else {
                    handOver(bound);
                }
            }
            while (!hold.isEmpty()) {
                failOldest(hostStopped());
            }
        } finally {
            keeper = null;
            room.signalAll();
            lock.unlock();
        }
    }

    /** Gives the oldest record to the producer, and waits for room if it comes back. */
    private void handOver(Producer producer) {
        lastUsed = producer;
        inHand = hold.poll();
        refusal = null;
        entered.increment();
        lock.unlock();
        try {
            produce(producer, inHand.delivery());
        } finally {
            lock.lock();
        }
        inHand = null;
        room.signal();
        if (refusal != null && producer == bound) {
            awaitsReceipt = true;
            Held oldest = hold.peek();
            await(oldest == null ? RETRY_NANOS : Math.min(RETRY_NANOS, expiresIn(oldest)));
        }
    }

    private void failOldest(Failure why) {
        Held oldest = hold.poll();
        room.signal();
        lock.unlock();
        try {
            end(oldest.delivery(), why);
        } finally {
            lock.lock();
        }
    }

    /** Whether the producer before this one still has records; it gets no longer than a held record to end them. */
    private boolean predecessorBusy() {
        if (abandoned) {
            return false;
        }
        awaitsReceipt = true; // before the sums: a receipt that they miss sees this
        long unanswered = entered.sum() - left.sum();
        if (unanswered != 0
                && System.nanoTime() - boundSince > settings.holdMax().toNanos()) {
            log.error(
                    "producer_error datastore={} reason=\"the producer that went never said what became of {} records\"",
                    name,
                    unanswered);
            return false;
        }
        return unanswered != 0;
    }

    /** Waits for a change; false if the time passed without one. */
    private boolean await(long nanos) {
        try {
            return nanos > 0 && changed.awaitNanos(nanos) > 0;
        } catch (InterruptedException e) {
            // Nobody interrupts this thread but a framework that goes down hard: end what is held.
            closed = true;
            return false;
        }
    }

    private long expiresIn(Held held) {
        return held.since() + settings.holdMax().toNanos() - System.nanoTime();
    }

    private Failure expired() {
        return new Failure(
                Failure.Kind.EXPIRED,
                "held for hold.max.ms = " + settings.holdMax().toMillis() + " because the datastore '" + name + "' "
                        + whyHeld());
    }

    private String whyHeld() {
        return bound == null
                ? "is absent"
                : refusal != null ? "refused it: " + refusal.reason() : "is being handed earlier records";
    }

    private static Failure hostStopped() {
        return new Failure(Failure.Kind.CLOSED, "the host was stopped while it held the record");
    }

    String destination(TelemetryRecord record) {
        Producer producer = current();
        return producer == null ? "" : producer.destination(record);
    }

    HostStatus.Datastore status(boolean routed) {
        Producer producer;
        Health says;
        long heldRecords;
        long heldBytes;
        lock.lock();
        try {
            producer = bound;
            says = health;
            heldRecords = hold.records();
            heldBytes = hold.bytes();
        } finally {
            lock.unlock();
        }
        return new HostStatus.Datastore(
                name,
                producer != null,
                routed,
                producer != null ? statusOf(producer) : says != null ? says.status() : absent(routed),
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
            producer = bound;
            says = health;
        } finally {
            lock.unlock();
        }
        if (producer == null || says == null || statusOf(producer).state() == Status.State.CRITICAL) {
            return Stream.empty();
        }
        Status better = says.status();
        return better.state() == Status.State.CRITICAL
                ? Stream.of("another datastore '" + name + "' has taken over: " + better.summary())
                : Stream.empty();
    }

    private static Status statusOf(Producer producer) {
        try {
            return producer.status();
        } catch (RuntimeException | LinkageError e) { // against its contract
            log.error("producer_error reason=\"its status\"", e);
            return Status.UNKNOWN;
        }
    }

    private Producer current() {
        lock.lock();
        try {
            return bound;
        } finally {
            lock.unlock();
        }
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
        if (ending != null) {
            try {
                ending.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
