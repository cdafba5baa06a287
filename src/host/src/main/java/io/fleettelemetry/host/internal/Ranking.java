package io.fleettelemetry.host.internal;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceReference;

/**
 * Services with a datastore's name in one of their properties, and the best one for each name: the one with the highest
 * ranking; among equals, the one that was registered first. Thread-safe.
 */
final class Ranking<S> {

    private final String property;
    private final BiConsumer<String, S> best;
    /** All present services, including those hidden by a higher ranking; guarded by this. */
    private final Map<ServiceReference<S>, S> services = new HashMap<>();
    /** The last known name of each service; guarded by this. */
    private final Map<ServiceReference<S>, String> names = new HashMap<>();

    /** @param best gets the best service of a name whenever it may have changed; null if none is left */
    Ranking(String property, BiConsumer<String, S> best) {
        this.property = property;
        this.best = best;
    }

    synchronized void add(ServiceReference<S> reference, S service) {
        services.put(reference, service);
        update(reference);
    }

    /** The service that was added with this reference; null if it is not there. */
    synchronized S get(ServiceReference<S> reference) {
        return services.get(reference);
    }

    /** Updates a service whose name or ranking may have changed. */
    synchronized void update(ServiceReference<S> reference) {
        String now = String.valueOf(reference.getProperty(property));
        String before = names.put(reference, now);
        if (before != null && !before.equals(now)) {
            tellBest(before);
        }
        tellBest(now);
    }

    synchronized void remove(ServiceReference<S> reference) {
        services.remove(reference);
        String name = names.remove(reference);
        if (name != null) {
            tellBest(name);
        }
    }

    /** The services of this name with their rankings, the best first. */
    synchronized List<Ranked<S>> all(String name) {
        return services.keySet().stream()
                .filter(reference -> Objects.equals(names.get(reference), name))
                .sorted(Comparator.reverseOrder())
                .map(this::ranked)
                .toList();
    }

    /** The services of all names. */
    synchronized List<Ranked<S>> all() {
        return services.keySet().stream().map(this::ranked).toList();
    }

    /** A service, with the name and the ranking that it is registered with. */
    record Ranked<S>(String name, int ranking, S service) {}

    private Ranked<S> ranked(ServiceReference<S> reference) {
        return new Ranked<>(names.get(reference), ranking(reference), services.get(reference));
    }

    private static int ranking(ServiceReference<?> reference) {
        return reference.getProperty(Constants.SERVICE_RANKING) instanceof Integer ranking ? ranking : 0;
    }

    private void tellBest(String name) {
        best.accept(
                name,
                services.keySet().stream()
                        .filter(reference -> Objects.equals(names.get(reference), name))
                        .max(ServiceReference::compareTo)
                        .map(services::get)
                        .orElse(null));
    }
}
