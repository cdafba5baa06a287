package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.datastore.nats.logging.Logs;
import java.time.Duration;
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

    /** Longest time (ms) for the last lines of the log. */
    private static final long LAST_LINES_MS = 1_000;

    /**
     * How long each step may take.
     *
     * @param reports time for error reports, which go out in the background and whose bundle stops too
     * @param stop longest time for the framework to stop
     * @param launcher longest time for the launcher to end the process after the framework has stopped
     */
    record Limits(Duration reports, Duration stop, Duration launcher) {

        /** @param drain longest time for draining */
        static Limits of(Duration drain) {
            return new Limits(Duration.ofSeconds(2), Duration.ofSeconds(20).plus(drain), Duration.ofSeconds(5));
        }
    }

    private final String datastore;
    private final Framework framework;
    private final Limits limits;
    private final Runnable exit;

    /** @param exit ends the process */
    Halt(String datastore, Framework framework, Limits limits, Runnable exit) {
        this.datastore = datastore;
        this.framework = framework;
        this.limits = limits;
        this.exit = exit;
    }

    /** Starts to end the process, and returns at once. */
    static void begin(String datastore, BundleContext context, Duration drain) {
        Framework framework =
                context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION).adapt(Framework.class);
        Runnable exit = () -> Runtime.getRuntime().halt(EXIT);
        Runtime.getRuntime().addShutdownHook(new Thread(exit, "nats-halt-exit"));
        new Thread(new Halt(datastore, framework, Limits.of(drain), exit), "nats-halt").start();
    }

    @Override
    public void run() {
        try {
            Thread.sleep(limits.reports.toMillis());
            framework.stop(); // in the background
            framework.waitForStop(limits.stop.toMillis());
            if (framework.getState() < Bundle.STARTING) {
                Thread.sleep(limits.launcher.toMillis());
            }
        } catch (BundleException | InterruptedException e) {
            log.error("nats_halt_failed datastore={} reason=\"the framework cannot be stopped\"", datastore, e);
        }
        Logs.await(LAST_LINES_MS);
        exit.run();
    }
}
