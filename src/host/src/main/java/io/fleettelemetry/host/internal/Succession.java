package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Who produces for a datastore's name, and who did before and still has records that must not be overtaken. Guarded by its
 * target's lock; never locks and never calls anybody else's code.
 */
final class Succession {

    private static final Log log = Own.log(Succession.class);

    /** How long a producer that went may take to begin closing, and to give back what it could not end. */
    private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final String name;
    private final Function<Producer, Binding> binding;
    /** Null if nobody offers the datastore. */
    private Binding bound;
    /** Producers that went, and have records that must not be overtaken. */
    private final List<Binding> predecessors = new ArrayList<>();

    Succession(String name, Function<Producer, Binding> binding) {
        this.name = name;
        this.binding = binding;
    }

    /** Null if nobody offers the datastore. */
    Binding bound() {
        return bound;
    }

    /** Null if nobody offers the datastore. */
    Producer producer() {
        return bound == null ? null : bound.producer;
    }

    /**
     * Gives the name to a producer; null if nobody offers the datastore. One that goes because it cannot work keeps what it
     * has: whoever follows does not wait for that.
     *
     * @return the one that went and that nobody has asked yet whether it can work; null if there is none
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

    /** One that is back before it has ended what it had goes on with that: it does not wait for itself. */
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

    /** It cannot work, and so nobody waits for it; false if nobody did. */
    boolean forget(Binding predecessor) {
        return predecessors.remove(predecessor);
    }

    boolean hasPredecessors() {
        return !predecessors.isEmpty();
    }

    /**
     * Whether a producer that went still has records. One whose service goes ends them, or gives back what it could not end,
     * after a time that is configured there; one that was put aside for another may wait for its server for ever.
     *
     * @param holdMax after which, and {@link #CLOSING_NANOS}, none is waited for
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
