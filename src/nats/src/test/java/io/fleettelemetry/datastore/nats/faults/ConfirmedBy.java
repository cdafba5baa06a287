package io.fleettelemetry.datastore.nats.faults;

import io.fleettelemetry.datastore.nats.BatchScene;
import io.fleettelemetry.testkit.NatsServer;
import java.util.Locale;

/** How a stream confirms records. */
enum ConfirmedBy {
    /** One answer for each record. */
    ANSWERS("off"),
    /** One answer for many, from nats-server 2.14 on. */
    BATCHES("required");

    /** The value of the setting {@code batch}. */
    final String setting;

    ConfirmedBy(String setting) {
        this.setting = setting;
    }

    boolean isKnownTo(NatsServer server) {
        return this == ANSWERS || server.knowsBatches();
    }

    /** Skips the test, and says so, if the server cannot. */
    void assumeKnownTo(NatsServer server) {
        if (this == BATCHES) {
            BatchScene.assumeBatches(server);
        }
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
