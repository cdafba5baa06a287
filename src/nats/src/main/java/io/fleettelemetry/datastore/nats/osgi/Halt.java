package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.datastore.nats.logging.Logs;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;

/**
 * Ends the process. It stops the framework, so that every bundle stops in order, and makes the process exit with
 * {@value #EXIT}, so that a supervisor starts it again.
 *
 * <p>When the framework has stopped, its launcher ends the process. Karaf always does this with exit code 0. So a
 * shutdown hook sets the exit code. It interrupts other shutdown hooks; in Karaf there is only one, of
 * {@code java.util.logging}. If the framework does not stop in time, the process ends without it.
 *
 * <p>This runs on after its own bundle has stopped; from then on it may use only classes that are already loaded.
 */
final class Halt implements Runnable {

    private static final Log log = Logs.of(Halt.class);

    /** BSD's exit code for "service unavailable". (Karaf's script restarts Karaf after 10.) */
    static final int EXIT = 69;

    /** Time (ms) for error reports, which go out in the background and whose bundle stops too. */
    private static final long REPORTS_MS = 2_000;

    /** Longest time for stopping, in addition to the time for draining. */
    private static final Duration STOP = Duration.ofSeconds(20);

    /** Longest time (ms) for the launcher to end the process after the framework has stopped. */
    private static final long LAUNCHER_MS = 5_000;

    /** Longest time (ms) for the last lines of the log. */
    private static final long LAST_LINES_MS = 1_000;

    private final String datastore;
    private final Framework framework;
    private final long limitMillis;

    private Halt(String datastore, Framework framework, Duration limit) {
        this.datastore = datastore;
        this.framework = framework;
        this.limitMillis = limit.toMillis();
    }

    /** Starts to end the process, and returns at once. */
    static void begin(String datastore, BundleContext context, Duration drain) {
        Framework framework =
                context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION).adapt(Framework.class);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(EXIT), "nats-halt-exit"));
        new Thread(new Halt(datastore, framework, STOP.plus(drain)), "nats-halt").start();
    }

    @Override
    public void run() {
        try {
            TimeUnit.MILLISECONDS.sleep(REPORTS_MS);
            framework.stop(); // in the background
            framework.waitForStop(limitMillis);
            if (framework.getState() < Bundle.STARTING) {
                TimeUnit.MILLISECONDS.sleep(LAUNCHER_MS);
            }
        } catch (BundleException | InterruptedException e) {
            log.error("nats_halt_failed datastore={} reason=\"the framework cannot be stopped\"", datastore, e);
        }
        Logs.await(LAST_LINES_MS);
        Runtime.getRuntime().halt(EXIT);
    }
}
