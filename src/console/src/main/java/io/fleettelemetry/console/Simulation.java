package io.fleettelemetry.console;

import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.TelemetryHost;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** One run of a fleet: it offers each record when it is due, and reports its progress once a second. */
final class Simulation {

    private static final long SECOND = 1_000_000_000L;

    // Records that are due within the same millisecond go out together, because waking a thread more often takes too
    // much time.
    private static final long GRAIN = SECOND / 1_000;

    private final TelemetryHost host;
    private final SimulatedFleet fleet;
    private final Predicate<String> progress;
    private final OutcomeCounter outcomes = new OutcomeCounter();
    private long begin;
    private long nextLine = SECOND;
    private boolean watched = true;

    /**
     * The result of a run.
     *
     * @param counts the counts at its end
     * @param offering seconds that it took to offer the records
     * @param seconds seconds until all of them had ended
     */
    record Result(OutcomeCounter.Counts counts, double offering, double seconds) {}

    /**
     * @param host the host that gets the records
     * @param fleet the fleet that makes the records
     * @param progress gets one line a second, and returns whether the output is still open
     */
    Simulation(TelemetryHost host, SimulatedFleet fleet, Predicate<String> progress) {
        this.host = host;
        this.fleet = fleet;
        this.progress = progress;
    }

    /**
     * Offers records until there are enough, the output is closed, the host is closed, or the thread is interrupted.
     * Then it waits until all of them have ended, or the thread is interrupted again. After a short delay it catches
     * up. If the host is too slow, the run takes at most a second longer, and the host gets fewer records.
     *
     * @param records number of records to offer
     * @param seconds time (s) in which to offer them
     */
    Result run(long records, long seconds) {
        try (Intake intake = host.open(outcomes)) {
            return run(intake, records, seconds);
        }
    }

    private Result run(Intake intake, long records, long seconds) {
        begin = System.nanoTime();
        long deadline = (seconds + 1) * SECOND;
        long offered = 0;
        while (offered < records && watched && !outcomes.hostClosed() && !Thread.interrupted()) {
            long now = sayHowItGoes();
            long early = fleet.nextDueNanos() - now;
            if (early > 0) {
                LockSupport.parkNanos(this, Math.min(Math.max(early, GRAIN), nextLine - now));
            } else if (now > deadline) {
                break;
            } else {
                outcomes.offering();
                intake.offer(fleet.next());
                offered++;
            }
        }
        long offering = elapsedNanos();
        try {
            while (!outcomes.await(1 + (nextLine - elapsedNanos()) / 1_000_000)) {
                sayHowItGoes();
            }
        } catch (InterruptedException e) {
            // Then records stay in flight, and the counts show them.
        }
        return new Result(outcomes.counts(), offering / (double) SECOND, elapsedNanos() / (double) SECOND);
    }

    private long elapsedNanos() {
        return System.nanoTime() - begin;
    }

    private long sayHowItGoes() {
        long now = elapsedNanos();
        if (now >= nextLine) {
            OutcomeCounter.Counts counts = outcomes.counts();
            watched = progress.test(String.format(
                    "%6d s   offered %9d   confirmed %9d   failed %7d   acks %9d   in flight %7d",
                    now / SECOND,
                    counts.offered(),
                    counts.confirmed(),
                    counts.failed(),
                    counts.acks(),
                    counts.inFlight()));
            nextLine = (now / SECOND + 1) * SECOND;
        }
        return now;
    }
}
