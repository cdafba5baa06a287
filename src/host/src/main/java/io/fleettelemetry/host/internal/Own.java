package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.LogLines;
import io.fleettelemetry.api.kit.Threads;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The threads of this bundle, and its log, which never delays the threads that use it. */
final class Own {

    static final Threads threads = new Threads(Own.class);

    private static final LogLines lines =
            new LogLines(task -> threads.of("telemetry-log", task), LoggerFactory.getLogger(Own.class)::warn);

    private Own() {}

    /** The log of a class, which is configured by the class's name. */
    static Log log(Class<?> speaker) {
        Logger logger = LoggerFactory.getLogger(speaker);
        return new Log(lines, logger::info, logger::warn, logger::error);
    }

    /** Waits a moment until everything is written. */
    static void awaitLog(long millis) {
        lines.await(millis);
    }
}
