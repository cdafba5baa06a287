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
 * Ends the process: stops the framework, so that every bundle stops in order, and has the process exit with {@value #EXIT},
 * so that a supervisor starts it again.
 *
 * <p>Whoever launched the framework ends the process when the framework has stopped, and Karaf does so with 0 and cannot be
 * told otherwise. The last word is a shutdown hook's. It cuts short what other hooks do; in Karaf there is but one, of
 * {@code java.util.logging}. A framework that does not stop in time is not waited for.
 *
 * <p>Runs on when its own bundle has stopped: from then on it may use only what is loaded.
 */
final class Halt implements Runnable {

    private static final Log log = Logs.of(Halt.class);

    /** In BSD's list of exit codes: a service that is needed is unavailable. Karaf takes 10 for the wish to be restarted. */
    static final int EXIT = 69;

    /** Error reports go out in the background, and their bundle stops too. */
    private static final long REPORTS_MS = 2_000;

    /** How long stopping may take, apart from what draining may. */
    private static final Duration STOP = Duration.ofSeconds(20);

    /** How long the launcher has to tidy up and end the process, once the framework has stopped. */
    private static final long LAUNCHER_MS = 5_000;

    /** How long the log may take for its last lines. */
    private static final long LAST_LINES_MS = 1_000;

    private final String datastore;
    private final Framework framework;
    private final long limitMillis;

    private Halt(String datastore, Framework framework, Duration limit) {
        this.datastore = datastore;
        this.framework = framework;
        this.limitMillis = limit.toMillis();
    }

    /** Begins, and returns at once. */
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
