package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import io.fleettelemetry.host.TelemetryHost;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Where a record's way begins: from the offer, by the route of its type, to each target.
 *
 * <p>Offers read one immutable snapshot of the routes and take no lock; what changes the snapshot is serialized.
 */
final class Dispatcher implements TelemetryHost, Metrics.Shown, AutoCloseable {

    /** How long closing waits for the log. */
    private static final long LOG_MILLIS = 500;

    private final AtomicLong places = new AtomicLong();
    private final Counts counts;
    private final AtomicInteger tellerNumber = new AtomicInteger();
    private final Tellers tellers =
            new Tellers(task -> Threads.of("telemetry-answers-" + tellerNumber.incrementAndGet(), task));
    /** Every target that was ever routed to or offered, by name; guarded by this. */
    private final Map<String, Target> targets = new TreeMap<>();

    private volatile Map<String, Route> routes = Map.of();
    private volatile HostSettings settings = HostSettings.DEFAULTS;
    private volatile List<String> problems = List.of();
    private volatile Supplier<List<String>> furtherProblems = List::of;
    private volatile Function<String, List<Ranking.Ranked<Producer>>> ranked = name -> List.of();
    private volatile String metricsAddress = "";
    private volatile String metricsProblem = "";
    private boolean closed;

    Dispatcher(Counts counts) {
        this.counts = counts;
    }

    @Override
    public Intake open(Source source) {
        return new Line(this, source, tellers);
    }

    void dispatch(TelemetryRecord record, Line line) {
        Route route = routes.get(record.type());
        if (route == null) {
            count(counts.unrouted, record);
            line.add(new Unrouted(record));
            counts.unrouted.dispatched.increment();
            return;
        }
        count(route.counts(), record);
        Delivery delivery = new Delivery(record, line, route, places.incrementAndGet());
        List<Target> ways = route.targets();
        for (int i = 0; i < ways.size(); i++) {
            ways.get(i).offer(delivery);
        }
        route.counts().dispatched.increment();
    }

    private static void count(Counts.OfType counts, TelemetryRecord record) {
        counts.records.increment();
        counts.bytes.add(record.payload().length);
    }

    /** The answer for a record that no route takes. */
    private static final class Unrouted extends Line.Answer {
        private final TelemetryRecord record;

        Unrouted(TelemetryRecord record) {
            this.record = record;
        }

        @Override
        void tell(Source source) {
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

    /** Puts new settings in force: records offered from now on go by them. */
    synchronized void configure(HostSettings next) {
        settings = next;
        targets.values().forEach(target -> target.configure(next));
        Map<String, Route> snapshot = new HashMap<>();
        next.routes().forEach((type, names) -> {
            List<Target> ways = names.stream().map(this::target).toList();
            String ackSource = next.reliableAckSources().get(type);
            snapshot.put(
                    type,
                    new Route(
                            ways,
                            ackSource == null ? null : target(ackSource),
                            ackSource == null ? null : counts.ofAcks(type, ackSource),
                            counts.ofType(type)));
        });
        routes = Map.copyOf(snapshot);
        next.datastores().forEach(name -> target(name).warnIfAbsent());
    }

    /**
     * A producer's service is about to go. Asks it how it is, which is somebody else's code, so without a lock; once it has
     * gone it would say that it is closed.
     */
    void leaving(Producer producer) {
        List<Target> all;
        synchronized (this) {
            all = List.copyOf(targets.values());
        }
        all.forEach(target -> target.leaving(producer));
    }

    /** Gives a datastore's name to a producer; null if none offers it any more. */
    synchronized void bind(String datastore, Producer producer) {
        target(datastore).bind(producer);
    }

    /** Says what tells how a datastore is while nobody produces for it; null if nothing does any more. */
    synchronized void health(String datastore, Health health) {
        target(datastore).health(health);
    }

    void problems(List<String> problems) {
        this.problems = List.copyOf(problems);
    }

    /** Says what tells of problems that are looked for whenever somebody asks for the status. */
    void problemsToo(Supplier<List<String>> further) {
        furtherProblems = further;
    }

    /** Says what knows all producers of a name, the best first. */
    void ranked(Function<String, List<Ranking.Ranked<Producer>>> ranked) {
        this.ranked = ranked;
    }

    @Override
    public void metrics(String address, String problem) {
        this.metricsAddress = address;
        this.metricsProblem = problem;
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
        List<Target> all;
        Set<String> routed;
        synchronized (this) {
            all = new ArrayList<>(targets.values());
            routed = settings.datastores();
        }
        List<HostStatus.Datastore> datastores = all.stream()
                .map(target ->
                        Standbys.shown(target.status(routed.contains(target.name())), ranked.apply(target.name())))
                .filter(status -> status.routed()
                        || status.present()
                        || status.heldRecords() > 0
                        || status.status() != Status.UNKNOWN)
                .toList();
        List<String> wrong = Stream.of(
                        problems.stream(),
                        furtherProblems.get().stream(),
                        Stream.of(metricsProblem).filter(problem -> !problem.isEmpty()),
                        all.stream().flatMap(Target::problems),
                        datastores.stream().filter(Dispatcher::isWrong).map(Dispatcher::inWords),
                        all.stream().map(Target::name).flatMap(name -> Standbys.tie(name, ranked.apply(name))))
                .flatMap(Function.identity())
                .toList();
        HostSettings now = settings;
        return new HostStatus(now.routes(), now.reliableAckSources(), wrong, metricsAddress, datastores);
    }

    /** One that does not say how it is is not known to be wrong. */
    private static boolean isWrong(HostStatus.Datastore datastore) {
        Status.State state = datastore.status().state();
        return state == Status.State.WARN || state == Status.State.CRITICAL;
    }

    private static String inWords(HostStatus.Datastore datastore) {
        return "datastore " + datastore.name() + " is " + datastore.status().state() + ": "
                + datastore.status().summary();
    }

    /**
     * Ends what is held; records that are in flight at datastores still end by their receipts. A thread of the host's own,
     * which runs a source's or a datastore's code, does not wait for it.
     */
    @Override
    public void close() {
        List<Target> all;
        synchronized (this) {
            closed = true;
            all = List.copyOf(targets.values());
        }
        all.forEach(Target::close);
        tellers.close();
        Logs.await(LOG_MILLIS);
    }
}
