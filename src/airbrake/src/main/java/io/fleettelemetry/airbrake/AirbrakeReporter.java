package io.fleettelemetry.airbrake;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.Threads;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends reports to Airbrake, on one thread, from a limited queue.
 *
 * <p>Each report is tried once. The caller is never delayed. If the queue is full, or Airbrake does not take a report,
 * the report is lost and counted, and the log says so from time to time.
 */
final class AirbrakeReporter implements ErrorReporter, AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(AirbrakeReporter.class);

    static final Threads threads = new Threads(AirbrakeReporter.class);

    private static final Duration LOG_PAUSE = Duration.ofSeconds(10);
    private static final Duration ABORT_PAUSE = Duration.ofMillis(50);

    private final String version;
    private final Endpoint endpoint;
    private final Duration logPause;
    private final LinkedBlockingQueue<Report> queue = new LinkedBlockingQueue<>();
    private final AtomicLong queueFull = new AtomicLong();
    private final Thread thread = threads.of("airbrake-report", this::run);

    private volatile AirbrakeSettings settings;
    private volatile boolean closed;

    // Only the reporter's thread uses these.
    private String hostname;
    private long failed;
    private String lastFailure = "";
    private long queueFullLogged;
    private long failedLogged;
    private long lastLogged;

    /** @param version version of the notifier, for Airbrake */
    AirbrakeReporter(AirbrakeSettings settings, String version) {
        this(settings, version, LOG_PAUSE, Endpoint.ANSWER_LIMIT);
    }

    /**
     * @param logPause shortest time between two lines about losses
     * @param answerLimit longest time for Airbrake's answer
     */
    AirbrakeReporter(AirbrakeSettings settings, String version, Duration logPause, Duration answerLimit) {
        this.settings = settings;
        this.version = version;
        this.endpoint = new Endpoint(version, answerLimit);
        this.logPause = logPause;
        this.lastLogged = System.nanoTime() - logPause.toNanos();
        thread.setDaemon(true);
    }

    /** Starts to send. */
    void open() {
        thread.start();
    }

    /** Puts settings in force, for the next report that is sent, even if it is already in the queue. */
    void use(AirbrakeSettings settings) {
        this.settings = settings;
    }

    @Override
    public void report(String message, Throwable cause, Map<String, String> fields) {
        Report report = new Report(message, cause, fields);
        synchronized (queue) { // so that two threads cannot take the last place
            if (!closed && queue.size() < settings.queueMax()) {
                queue.add(report);
                return;
            }
        }
        queueFull.incrementAndGet();
    }

    private void run() {
        Loop.run(this::round, this::lost);
        if (!queue.isEmpty()) {
            failed += queue.size();
            lastFailure = "the reporter was stopped";
        }
        logLosses();
    }

    /** One round. An interrupt comes from {@link #close}, or was left behind by the exception that a bundle reports. */
    private boolean round() throws InterruptedException {
        if (closed) {
            return false;
        }
        if (hostname == null) {
            hostname = hostname();
        }
        Report report = queue.poll(logPause.toNanos(), TimeUnit.NANOSECONDS);
        if (report != null) {
            send(report);
        }
        if (System.nanoTime() - lastLogged >= logPause.toNanos()) {
            logLosses();
        }
        return true;
    }

    private void lost(Throwable why) {
        failed++;
        lastFailure = why.toString();
    }

    private void send(Report report) {
        AirbrakeSettings now = settings;
        try {
            endpoint.post(now, Notice.json(report, now.environment(), hostname, version));
        } catch (IOException | RuntimeException e) {
            lost(e);
        }
    }

    private void logLosses() {
        long full = queueFull.get();
        if (full == queueFullLogged && failed == failedLogged) {
            return;
        }
        log.warn(
                "airbrake_reports_lost queue_full={} failed={} lost_total={} queue.max={} last_failure=\"{}\"",
                full - queueFullLogged,
                failed - failedLogged,
                full + failed,
                settings.queueMax(),
                PlainText.field(lastFailure));
        queueFullLogged = full;
        failedLogged = failed;
        lastLogged = System.nanoTime();
    }

    /** This machine's name. It asks the name service, which may be slow, so it must not run on a configuring thread. */
    private static String hostname() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "";
        }
    }

    /**
     * Closes the reporter; waiting reports are lost. Returns when the thread has ended: at once, or, if a connection is
     * being made, after that attempt.
     */
    @Override
    public void close() {
        synchronized (queue) {
            closed = true;
        }
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            endpoint.abort(); // repeatedly, because a connection that is being made cannot be cut yet
            try {
                thread.join(ABORT_PAUSE.toMillis());
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
