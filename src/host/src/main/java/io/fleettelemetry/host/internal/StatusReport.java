package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.host.HostStatus;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** Makes the host's status from the states of its parts. Thread-safe. */
final class StatusReport implements Metrics.Shown {

    private volatile List<String> problems = List.of();
    private volatile Supplier<List<String>> furtherProblems = List::of;
    private volatile Function<String, List<Ranking.Ranked<Producer>>> ranked = name -> List.of();
    private volatile String metricsAddress = "";
    private volatile String metricsProblem = "";

    void problems(List<String> problems) {
        this.problems = List.copyOf(problems);
    }

    /** Sets a source of further problems, which is asked whenever the status is. */
    void problemsToo(Supplier<List<String>> further) {
        furtherProblems = further;
    }

    /** Sets the function that returns all producers of a name, the best first. */
    void ranked(Function<String, List<Ranking.Ranked<Producer>>> ranked) {
        this.ranked = ranked;
    }

    @Override
    public void metrics(String address, String problem) {
        this.metricsAddress = address;
        this.metricsProblem = problem;
    }

    /**
     * Makes the status. It asks every datastore, which runs code of other bundles, so it must not be called under a
     * lock.
     *
     * @param sources the problems of sources
     */
    HostStatus of(Collection<Target> targets, HostSettings settings, List<String> sources) {
        Set<String> routed = settings.datastores();
        List<HostStatus.Datastore> datastores = targets.stream()
                .map(target ->
                        Standbys.shown(target.status(routed.contains(target.name())), ranked.apply(target.name())))
                .filter(StatusReport::isShown)
                .toList();
        List<String> all = Stream.of(
                        problems.stream(),
                        furtherProblems.get().stream(),
                        Stream.of(metricsProblem).filter(problem -> !problem.isEmpty()),
                        sources.stream(),
                        targets.stream().flatMap(Target::problems),
                        datastores.stream().filter(StatusReport::isWrong).map(StatusReport::inWords),
                        targets.stream().map(Target::name).flatMap(name -> Standbys.tie(name, ranked.apply(name))))
                .flatMap(Function.identity())
                .toList();
        return new HostStatus(settings.routes(), settings.reliableAckSources(), all, metricsAddress, datastores);
    }

    private static boolean isShown(HostStatus.Datastore datastore) {
        return datastore.routed()
                || datastore.present()
                || datastore.heldRecords() > 0
                || datastore.status() != Status.UNKNOWN;
    }

    /** Whether a datastore has a problem. An unknown state is not a problem. */
    private static boolean isWrong(HostStatus.Datastore datastore) {
        Status.State state = datastore.status().state();
        return state == Status.State.WARN || state == Status.State.CRITICAL;
    }

    private static String inWords(HostStatus.Datastore datastore) {
        return "datastore " + datastore.name() + " is " + datastore.status().state() + ": "
                + datastore.status().summary();
    }
}
