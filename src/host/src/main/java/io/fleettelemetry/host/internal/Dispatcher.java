package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import io.fleettelemetry.host.TelemetryHost;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * The host: it passes each offered record to the targets of its type's route.
 *
 * <p>Offers read one immutable snapshot of the routes and take no lock. Changes of the snapshot are serialized.
 */
final class Dispatcher implements TelemetryHost, AutoCloseable {

    /** Limit on draining, because the thread that stops the host waits for it. */
    private static final Duration DRAIN_LIMIT = Duration.ofSeconds(10);
    /** Longest wait (ms) for the log on closing. */
    private static final long LOG_MILLIS = 500;

    private final AtomicLong places = new AtomicLong();
    private final Counts counts;
    private final StatusReport report;
    private final AtomicInteger senderNumber = new AtomicInteger();
    private final AckSenders senders =
            new AckSenders(task -> Own.threads.of("telemetry-answers-" + senderNumber.incrementAndGet(), task));
    /** All targets that a route ever named or a bundle ever offered, by name; guarded by this. */
    private final Map<String, Target> targets = new TreeMap<>();

    private volatile Map<String, Route> routes = Map.of();
    private volatile HostSettings settings = HostSettings.DEFAULTS;
    private boolean closed;

    Dispatcher(Counts counts, StatusReport report) {
        this.counts = counts;
        this.report = report;
    }

    @Override
    public Intake open(Source source) {
        return new SourceIntake(new AckQueue(source, senders));
    }

    private final class SourceIntake implements Intake {

        private final AckQueue answers;

        SourceIntake(AckQueue answers) {
            this.answers = answers;
        }

        @Override
        public void offer(TelemetryRecord record) {
            answers.awaitRoom();
            if (!answers.isOpen()) {
                throw new IllegalStateException("the intake is closed");
            }
            dispatch(record, answers);
        }

        @Override
        public void close() {
            answers.close();
        }
    }

    void dispatch(TelemetryRecord record, AckQueue answers) {
        Route route = routes.get(record.type());
        if (route == null) {
            count(counts.unrouted, record);
            answers.add(new Unrouted(record));
            counts.unrouted.dispatched.increment();
            return;
        }
        count(route.counts(), record);
        Dispatch dispatch = new Dispatch(record, answers, route.plan(), places.incrementAndGet());
        List<Target> ways = route.targets();
        for (int i = 0; i < ways.size(); i++) {
            ways.get(i).offer(dispatch);
        }
        route.counts().dispatched.increment();
    }

    private static void count(Counts.OfType counts, TelemetryRecord record) {
        counts.records.increment();
        counts.bytes.add(record.payload().length);
    }

    /** The answer for a record that no route takes. */
    private static final class Unrouted extends AckQueue.Answer {
        private final TelemetryRecord record;

        Unrouted(TelemetryRecord record) {
            this.record = record;
        }

        @Override
        void sendTo(Source source) {
            if (source != null) {
                source.ended(
                        record,
                        Outcome.failed(
                                "",
                                new Failure(
                                        Failure.Kind.ERROR,
                                        "no route for record type '" + record.type() + "': add records."
                                                + record.type()
                                                + " = <datastore> to etc/io.fleettelemetry.host.cfg")));
            }
        }
    }

    /** Puts new settings in force, for records that are offered from now on. */
    synchronized void configure(HostSettings next) {
        settings = next;
        targets.values().forEach(target -> target.configure(next));
        Map<String, Route> snapshot = new HashMap<>();
        next.routes().forEach((type, names) -> {
            List<Target> ways = names.stream().map(this::target).toList();
            snapshot.put(
                    type, new Route(ways, plan(type, ways.size(), next.reliableAckSources()), counts.ofType(type)));
        });
        routes = Map.copyOf(snapshot);
        next.datastores().forEach(name -> target(name).warnIfAbsent());
    }

    private Dispatch.Plan plan(String type, int datastores, Map<String, String> ackSources) {
        String ackSource = ackSources.get(type);
        return ackSource == null
                ? new Dispatch.Plan(datastores, null, null)
                : new Dispatch.Plan(datastores, target(ackSource).id(), counts.ofAcks(type, ackSource));
    }

    /**
     * A producer's service is about to go. This asks for its status now, because later it would only say that it is
     * closed. No lock is held, because that is code of another bundle.
     */
    void leaving(Producer producer) {
        targets().forEach(target -> target.leaving(producer));
    }

    /** Binds a producer to a datastore's name; null if no bundle offers the datastore any more. */
    synchronized void bind(String datastore, Producer producer) {
        target(datastore).bind(producer);
    }

    /** Sets the service that reports a datastore's state while it has no producer; null if there is none any more. */
    synchronized void health(String datastore, Health health) {
        target(datastore).health(health);
    }

    private synchronized List<Target> targets() {
        return List.copyOf(targets.values());
    }

    private Target target(String name) {
        return targets.computeIfAbsent(name, n -> {
            Target target = new Target(n, settings);
            if (closed) {
                target.close();
            }
            return target;
        });
    }

    @Override
    public String destination(TelemetryRecord record) {
        Route route = routes.get(record.type());
        return route == null
                ? ""
                : route.targets().stream()
                        .map(target -> target.destination(record))
                        .filter(destination -> !destination.isEmpty())
                        .collect(Collectors.joining(", "));
    }

    @Override
    public String destination(TelemetryRecord record, String datastore) {
        Target target;
        synchronized (this) {
            target = targets.get(datastore);
        }
        return target == null ? "" : target.destination(record);
    }

    @Override
    public HostStatus status() {
        return report.of(targets(), settings, senders.problems());
    }

    /**
     * Waits until all records offered so far have ended, at most {@code hold.max.ms} plus ten seconds, and only while
     * records still end. A thread of the host, which runs code of a source or a datastore, does not wait.
     */
    void drain() {
        if (Own.threads.isOwn()) {
            return;
        }
        Duration holdMax = settings.holdMax();
        Duration limit = holdMax.compareTo(DRAIN_LIMIT) < 0 ? holdMax : DRAIN_LIMIT;
        long deadline = System.nanoTime() + limit.toNanos();
        targets().forEach(target -> target.drain(deadline));
    }

    /**
     * Fails the held records. Records in flight at datastores still end through their receipts. A thread of the host,
     * which runs code of a source or a datastore, does not wait.
     */
    @Override
    public void close() {
        List<Target> all;
        synchronized (this) {
            closed = true;
            all = List.copyOf(targets.values());
        }
        all.forEach(Target::close);
        senders.close();
        Own.awaitLog(LOG_MILLIS);
    }
}
