package io.fleettelemetry.datastore.nats.faults;

import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.Link.Cut;
import io.fleettelemetry.testkit.Link.Way;
import java.time.Duration;
import java.util.Random;

/** What happens to links. All of it passes, and none of it may lose, fail or reorder a record. */
enum LinkFault {
    RESET {
        @Override
        void strike(Link link, Random random) {
            link.cut(Cut.RST);
        }
    },
    END {
        @Override
        void strike(Link link, Random random) {
            link.cut(Cut.FIN);
        }
    },
    CUT_IN_A_FRAME {
        @Override
        void strike(Link link, Random random) {
            link.cutAfter(1 + random.nextInt(200_000), random.nextBoolean() ? Cut.FIN : Cut.RST);
        }
    },
    CUT_WHILE_REPUBLISHING {
        @Override
        void strike(Link link, Random random) {
            link.freeze(millis(100, 400, random)); // so that there is much in flight
            link.cut(Cut.RST);
            link.cutAfter(1 + random.nextInt(400_000), Cut.FIN);
        }
    },
    FROZEN {
        @Override
        void strike(Link link, Random random) {
            link.freeze(millis(100, 5_000, random));
        }
    },
    HALF_OPEN {
        @Override
        void strike(Link link, Random random) {
            link.swallow(Way.TO_SERVER);
        }
    },
    HALF_OPEN_THE_OTHER_WAY {
        @Override
        void strike(Link link, Random random) {
            link.swallow(Way.TO_CLIENT);
        }
    },
    AWAY {
        @Override
        void strike(Link link, Random random) {
            link.refuse(millis(100, 3_000, random));
            link.cut(random.nextBoolean() ? Cut.FIN : Cut.RST);
        }
    },
    SLOW {
        @Override
        void strike(Link link, Random random) {
            link.delay(millis(0, 20, random));
        }
    };

    /** Returns at once. What lasts a time passes by itself, {@link #SLOW} with the next of its kind or when healed. */
    abstract void strike(Link link, Random random);

    static LinkFault any(Random random) {
        return values()[random.nextInt(values().length)];
    }

    static Duration millis(int least, int most, Random random) {
        return Duration.ofMillis(least + random.nextInt(most - least + 1));
    }
}
