package io.fleettelemetry.datastore.nats.faults;

import java.time.Duration;
import java.util.Random;

/**
 * How long faults last and when they strike. {@code mvn verify} takes short forms; {@code -Psoak} takes the full ones, and
 * {@code -Dsoak.seed=} gives the random moments of an earlier run again.
 */
final class Extent {

    static final boolean FULL = Boolean.getBoolean("faults.full");

    /** How long random faults go on, in core NATS and in JetStream each. */
    static final Duration SOAK =
            Duration.ofMinutes(Integer.getInteger("soak.minutes", 2)).dividedBy(2);

    static final long SEED = Long.getLong("soak.seed", System.nanoTime());

    static {
        System.out.println("faults: " + (FULL ? "full" : "short") + " form, -Dsoak.seed=" + SEED);
    }

    private Extent() {}

    static Random random() {
        return new Random(SEED);
    }

    static Duration of(Duration shortForm, Duration fullForm) {
        return FULL ? fullForm : shortForm;
    }
}
