package io.fleettelemetry.datastore.nats.faults;

import static org.awaitility.Awaitility.await;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Offers the records of a fleet at a steady rate from two threads, one after the other for each vehicle, and keeps the
 * books: which were offered, and how each ended.
 */
final class Load implements Receipt, AutoCloseable {

    private static final int THREADS = 2;
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    /** Who was held up for longer than this does not catch up: that would be another load than the one asked for. */
    private static final long MAX_LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Producer producer;
    private final Fleet fleet;
    private final long intervalNanos;
    private final boolean holds;

    private final Ids offered;
    private final Ids confirmed;
    private final Map<Failure.Kind, Ids> failed = new EnumMap<>(Failure.Kind.class);
    private final AtomicLong refusals = new AtomicLong();
    private final Queue<String> faults = new ConcurrentLinkedQueue<>();

    private final List<Offerer> offerers;
    private volatile boolean stopping;

    /**
     * @param rate records per second
     * @param holds whether a record that is refused as FULL is offered again until it is not, ahead of newer ones, as the
     *     host does; else it has failed
     */
    Load(Producer producer, Fleet fleet, int rate, boolean holds) {
        this.producer = producer;
        this.fleet = fleet;
        this.intervalNanos = TimeUnit.SECONDS.toNanos(THREADS) / rate;
        this.holds = holds;
        this.offered = new Ids(fleet);
        this.confirmed = new Ids(fleet);
        for (Failure.Kind kind : Failure.Kind.values()) {
            failed.put(kind, new Ids(fleet));
        }
        this.offerers = IntStream.range(0, THREADS).mapToObj(Offerer::new).toList();
    }

    Load start() {
        offerers.forEach(Thread::start);
        return this;
    }

    Ids offered() {
        return offered;
    }

    Ids confirmed() {
        return confirmed;
    }

    Ids failed(Failure.Kind kind) {
        return failed.get(kind);
    }

    long failed() {
        return failed.values().stream().mapToLong(Ids::size).sum();
    }

    /** How often a record was refused as FULL and offered again. */
    long refusals() {
        return refusals.get();
    }

    /** What no producer may do: end a record twice, or one that was not offered, or give no reason. */
    List<String> faults() {
        return List.copyOf(faults);
    }

    Load awaitOffered(long more) {
        return awaitMore(offered, more);
    }

    Load awaitConfirmed(long more) {
        return awaitMore(confirmed, more);
    }

    Load awaitFailed(Failure.Kind kind, long more) {
        return awaitMore(failed(kind), more);
    }

    private Load awaitMore(Ids ids, long more) {
        long enough = ids.size() + more;
        await().atMost(LIMIT)
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> ids.size() >= enough);
        return this;
    }

    /** Offers no more. */
    Load stop() {
        stopping = true;
        boolean interrupted = false;
        for (Offerer offerer : offerers) {
            while (offerer.isAlive()) {
                try {
                    offerer.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return this;
    }

    /** Offers no more, and waits until everything that was offered has ended. */
    Load finish() {
        stop();
        await("every record ended").atMost(LIMIT).until(() -> confirmed.size() + failed() >= offered.size());
        return this;
    }

    @Override
    public void close() {
        stop();
    }

    @Override
    public boolean confirmed(TelemetryRecord record) {
        end(record, confirmed, "confirmed");
        return true;
    }

    @Override
    public void failed(TelemetryRecord record, Failure why) {
        if (Thread.currentThread() instanceof Offerer offerer && offerer.takesBack(why)) {
            return;
        }
        if (why.reason().isBlank()) {
            faults.add(record + " failed as " + why.kind() + " without a reason");
        }
        end(record, failed.get(why.kind()), why.toString());
    }

    private void end(TelemetryRecord record, Ids as, String how) {
        long id = Fleet.id(record);
        boolean known = offered.contains(id);
        boolean ended = confirmed.contains(id) || failed.values().stream().anyMatch(ids -> ids.contains(id));
        if (!known || ended || !as.add(id)) {
            faults.add(record + (known ? " ended twice: " : " was not offered: ") + how);
        }
    }

    /** Offers for the vehicles whose number is its own, modulo the threads. */
    private final class Offerer extends Thread {

        private final int first;
        private boolean refused;

        Offerer(int first) {
            super("load-" + first);
            this.first = first;
        }

        /** Called while this thread offers, which is the only time it is in a receipt: the record is not accepted yet. */
        boolean takesBack(Failure why) {
            refused = holds && why.kind() == Failure.Kind.FULL;
            return refused;
        }

        @Override
        public void run() {
            long due = System.nanoTime();
            for (int number = 0; ; number++) {
                for (int vehicle = first; vehicle < fleet.vehicles(); vehicle += THREADS) {
                    if (stopping) {
                        return;
                    }
                    offer(Fleet.id(vehicle, number));
                    due = pace(due);
                }
            }
        }

        private void offer(long id) {
            TelemetryRecord record = fleet.record(id);
            offered.add(id);
            do {
                refused = false;
                producer.produce(record, Load.this);
                if (refused) {
                    refusals.incrementAndGet();
                    LockSupport.parkNanos(TICK_NANOS);
                }
            } while (refused && !stopping);
            if (refused) {
                offered.remove(id); // taken back for good: it was never accepted
            }
        }

        /** Waits for the moment of the next record, by ticks: a wait for each would cost more than the record. */
        private long pace(long due) {
            long next = due + intervalNanos;
            long early = next - System.nanoTime();
            if (early > TICK_NANOS) {
                LockSupport.parkNanos(early);
            }
            return early < -MAX_LATE_NANOS ? System.nanoTime() : next;
        }
    }
}
