package io.fleettelemetry.datastore.nats.logging;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.LogLines;
import io.fleettelemetry.datastore.nats.threads.Threads;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The log of this bundle. If it hangs, only its own thread waits for it. */
public final class Logs {

    private static final LogLines lines =
            new LogLines(task -> Threads.of("nats-log", task), LoggerFactory.getLogger(Logs.class)::warn);

    private Logs() {}

    /** The log of a class, which is configured by the class's name. */
    public static Log of(Class<?> speaker) {
        Logger log = LoggerFactory.getLogger(speaker);
        return new Log(lines, log::info, log::warn, log::error);
    }

    /** Waits a moment until everything is written. */
    public static void await(long millis) {
        lines.await(millis);
    }
}
