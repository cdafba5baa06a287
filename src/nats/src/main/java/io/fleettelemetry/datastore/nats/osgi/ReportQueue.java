package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.threads.Threads;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A queue of error reports for the error reporters. These are code of other bundles, and the reports come from threads
 * that end records. So a thread of its own passes the reports on. At most {@value #MAX_WAITING} reports wait; further
 * ones are dropped. The thread exists only while reports wait.
 */
final class ReportQueue implements ErrorReporter, AutoCloseable {

    static final int MAX_WAITING = 256;

    private static final Log log = Logs.of(NatsComponent.class);

    private final Supplier<List<ErrorReporter>> reporters;
    private final RepeatedLog failures = new RepeatedLog();
    private final RepeatedLog drops = new RepeatedLog();
    private final ThreadPoolExecutor queue = new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MAX_WAITING),
            task -> Threads.of("nats-reports", task),
            new ThreadPoolExecutor.AbortPolicy());

    ReportQueue(Supplier<List<ErrorReporter>> reporters) {
        this.reporters = reporters;
        queue.allowCoreThreadTimeOut(true);
    }

    @Override
    public void report(String message, Throwable cause, Map<String, String> fields) {
        try {
            queue.execute(() -> passOn(message, cause, fields));
        } catch (RuntimeException | Error e) { // too many wait, or there is no memory, or no thread
            drops.write(leftOut -> log.warn(
                    "nats_callback_failed datastore={} reason=\"{} error reports wait for an error reporter that is slow or does"
                            + " not return; further reports are dropped\" left_out={}",
                    fields.get("datastore"),
                    queue.getQueue().size(),
                    leftOut));
        }
    }

    private void passOn(String message, Throwable cause, Map<String, String> fields) {
        for (ErrorReporter reporter : reporters.get()) {
            try {
                reporter.report(message, cause, fields);
            } catch (RuntimeException | Error e) { // an error reporter must not throw
                failures.write(leftOut -> log.error(
                        "nats_callback_failed datastore={} reason=\"an error reporter threw an exception\" left_out={}",
                        fields.get("datastore"),
                        leftOut,
                        e));
            }
        }
    }

    /** Takes no more reports, and waits at most one second for those in the queue. */
    @Override
    public void close() {
        Threads.end(queue);
    }
}
