package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The producer that is bound to a datastore's name, and earlier producers with records that must not be overtaken.
 * Guarded by its target's lock. It never locks and never calls code of other bundles.
 */
final class Succession {

    private static final Log log = Own.log(Succession.class);

    /** How long an unbound producer may take to begin closing and to give back the records that it could not end. */
    private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final String name;
    private final Function<Producer, Binding> binding;
    /** The bound producer; null if no bundle offers the datastore. */
    private Binding bound;
    /** Earlier producers with records that must not be overtaken. */
    private final List<Binding> predecessors = new ArrayList<>();

    Succession(String name, Function<Producer, Binding> binding) {
        this.name = name;
        this.binding = binding;
    }

    /** The bound producer; null if no bundle offers the datastore. */
    Binding bound() {
        return bound;
    }

    /** The bound producer; null if no bundle offers the datastore. */
    Producer producer() {
        return bound == null ? null : bound.producer;
    }

    /**
     * Binds a producer to the name; null if no bundle offers the datastore. If the previous producer cannot work, it
     * keeps its records, and the next one does not wait for them.
     *
     * @return the previous producer, if it was not asked yet whether it can work; otherwise null
     */
    Binding bind(Producer producer) {
        Binding unasked = null;
        if (bound != null && !bound.cannotWork) {
            bound.endedAt = System.nanoTime();
            predecessors.add(bound);
            unasked = bound.asked ? null : bound;
        }
        bound = producer == null ? null : returning(producer);
        return unasked;
    }

    /** The binding of a producer that is back before its records have ended, so that it does not wait for itself. */
    private Binding returning(Producer producer) {
        for (Binding predecessor : predecessors) {
            if (predecessor.producer == producer) {
                predecessor.asked = false;
                predecessors.remove(predecessor);
                return predecessor;
            }
        }
        return binding.apply(producer);
    }

    /** Stops waiting for a producer, because it cannot work; false if nothing waited for it. */
    boolean forget(Binding predecessor) {
        return predecessors.remove(predecessor);
    }

    boolean hasPredecessors() {
        return !predecessors.isEmpty();
    }

    /**
     * Whether an earlier producer still has records. A producer whose service goes ends its records, or gives them
     * back, within a time that its own settings limit. A producer that another one replaced may wait for its server
     * without end.
     *
     * @param holdMax the longest wait, together with {@link #CLOSING_NANOS}
     */
    boolean isPredecessorBusy(Duration holdMax) {
        predecessors.removeIf(predecessor -> predecessor.unanswered() == 0 || isOverdue(predecessor, holdMax));
        return hasPredecessors();
    }

    private boolean isOverdue(Binding predecessor, Duration holdMax) {
        boolean overdue = System.nanoTime() - predecessor.endedAt > holdMax.toNanos() + CLOSING_NANOS;
        if (overdue) {
            log.warn(
                    "records_overtaken datastore={} records={} reason=\"the earlier datastore of this name has not ended them"
                            + " within hold.max.ms = {} plus 2 s; newer records no longer wait for them\"",
                    name,
                    predecessor.unanswered(),
                    holdMax.toMillis());
        }
        return overdue;
    }
}
