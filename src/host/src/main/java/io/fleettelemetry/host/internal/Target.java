package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * One datastore by its name, as routes see it: its current producer, and the hold for the time when the producer cannot
 * take records.
 *
 * <p>Normally an {@linkplain Offers offer} goes directly to the producer, without a lock. If the producer is absent,
 * full, closed or being replaced, every offer goes through the {@link Hold}, which the {@link HoldKeeper} empties in
 * the order of the offers. A new producer gets its first record only after all records of its predecessor have ended
 * (see {@link Succession}), so no record is overtaken. These classes share {@link TargetState}.
 */
final class Target {

    /** If no record ends for this time, draining stops, because the server is most likely away. */
    private static final long STALLED_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long DRAIN_RECHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final DatastoreId id;
    private final Endings endings;
    private final LongAdder offered = new LongAdder();
    private final TargetState state;
    private final HoldKeeper keeper;
    private final Offers offers;
    /**
     * The service that reports the datastore's state while it has no producer; null if there is none. Guarded by the
     * lock.
     */
    private Health health;

    Target(String name, HostSettings settings) {
        this.id = new DatastoreId(name);
        this.endings = new Endings(id);
        this.state = new TargetState(name, new Succession(name, this::binding), settings);
        this.keeper = new HoldKeeper(id, state, endings);
        this.offers = new Offers(id, state, keeper, endings);
    }

    private Binding binding(Producer producer) {
        return new Binding(producer, endings, keeper);
    }

    DatastoreId id() {
        return id;
    }

    String name() {
        return id.name;
    }

    /** Takes a record: gives it to the producer, or puts it into the hold, and waits for room there if necessary. */
    void offer(Dispatch dispatch) {
        offered.increment();
        offers.offer(dispatch);
    }

    /** Binds a producer to this name; null if there is none. */
    void bind(Producer producer) {
        state.lock.lock();
        try {
            if (producer == state.succession.producer() || state.isClosed()) {
                return;
            }
            offers.mayWaitAgain();
            Binding unasked = keeper.bind(producer);
            if (unasked != null) {
                askSoon(unasked);
            }
        } finally {
            state.lock.unlock();
        }
    }

    /**
     * The service of this producer is about to go. This asks whether it can work, without a lock and on the thread that
     * removes the service, so that a producer that hangs delays only itself.
     */
    void leaving(Producer producer) {
        Binding binding;
        state.lock.lock();
        try {
            binding = producer == state.succession.producer() ? state.succession.bound() : null;
        } finally {
            state.lock.unlock();
        }
        if (binding != null) {
            binding.cannotWork = statusOf(producer).state() == Status.State.CRITICAL;
            binding.asked = true;
        }
    }

    /** Asks a replaced producer on another thread, so that it cannot delay the thread that reported the replacement. */
    private void askSoon(Binding binding) {
        try {
            Own.threads.of("telemetry-ask-" + name(), () -> ask(binding)).start();
        } catch (OutOfMemoryError e) { // the machine has no thread left
            // Then its records are waited for, as if it could work.
        }
    }

    private void ask(Binding binding) {
        if (statusOf(binding.producer).state() != Status.State.CRITICAL) {
            return;
        }
        state.lock.lock();
        try {
            if (state.succession.forget(binding)) {
                keeper.wake();
            }
        } finally {
            state.lock.unlock();
        }
    }

    /** Sets the service that reports this datastore's state while it is absent; null if there is none. */
    void health(Health next) {
        state.lock.lock();
        try {
            health = next;
        } finally {
            state.lock.unlock();
        }
    }

    void configure(HostSettings next) {
        state.lock.lock();
        try {
            offers.mayWaitAgain();
            state.configure(next);
        } finally {
            state.lock.unlock();
        }
    }

    void warnIfAbsent() {
        state.lock.lock();
        try {
            state.logAbsence();
        } finally {
            state.lock.unlock();
        }
    }

    String destination(TelemetryRecord record) {
        return ProducerStatus.destination(name(), now().producer, record);
    }

    /** The services to ask for the status, which is done without the lock, because they are code of other bundles. */
    private record Now(Producer producer, Health health, long heldRecords, long heldBytes) {}

    private Now now() {
        state.lock.lock();
        try {
            return new Now(state.succession.producer(), health, state.hold.records(), state.hold.bytes());
        } finally {
            state.lock.unlock();
        }
    }

    HostStatus.Datastore status(boolean routed) {
        startKeeperIfNeeded();
        Now now = now();
        return new HostStatus.Datastore(
                name(),
                now.producer != null,
                routed,
                now.producer != null
                        ? statusOf(now.producer)
                        : now.health != null ? ProducerStatus.of(name(), now.health) : absent(routed),
                offered.sum(),
                endings.confirmed.sum(),
                endings.failed.sum(),
                now.heldRecords,
                now.heldBytes);
    }

    /** Starts the hold's thread, if that was not possible before and no record has come since. */
    private void startKeeperIfNeeded() {
        state.lock.lock();
        try {
            keeper.startIfNeeded();
        } finally {
            state.lock.unlock();
        }
    }

    private static Status absent(boolean routed) {
        return routed ? new Status(Status.State.CRITICAL, "no bundle offers it", Map.of()) : Status.UNKNOWN;
    }

    /** A problem that the used producer's status does not show: a better one of the same name has withdrawn. */
    Stream<String> problems() {
        Now now = now();
        if (now.producer == null || now.health == null || statusOf(now.producer).state() == Status.State.CRITICAL) {
            return Stream.empty();
        }
        Status better = ProducerStatus.of(name(), now.health);
        return better.state() == Status.State.CRITICAL
                ? Stream.of("another datastore '" + name() + "' has taken over: " + better.summary())
                : Stream.empty();
    }

    private Status statusOf(Producer producer) {
        return ProducerStatus.of(name(), producer);
    }

    /**
     * Waits until all records offered so far have ended, while there is a producer and it ends records.
     *
     * @param deadline end of the wait, in {@link System#nanoTime}
     */
    void drain(long deadline) {
        long wanted = offered.sum();
        long ended = ended();
        long endedAt = System.nanoTime();
        boolean interrupted = false;
        for (long now = endedAt;
                ended < wanted && now().producer != null && now - deadline < 0 && now - endedAt < STALLED_NANOS;
                now = System.nanoTime()) {
            interrupted |= Thread.interrupted(); // otherwise parking returns at once
            LockSupport.parkNanos(this, DRAIN_RECHECK_NANOS);
            long before = ended;
            ended = ended();
            endedAt = ended == before ? endedAt : System.nanoTime();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private long ended() {
        return endings.confirmed.sum() + endings.failed.sum();
    }

    /** Fails the held records and waits until that is done. */
    void close() {
        keeper.close();
    }
}
