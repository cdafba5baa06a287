package io.fleettelemetry.console;

import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.TelemetryHost;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** One run of a fleet: offers each record when it is due, and says once a second how it goes. */
final class Simulation {

    private static final long SECOND = 1_000_000_000L;

    // Records that are due within the same millisecond go out together: a thread that is woken more often than that
    // spends its time on waking up.
    private static final long GRAIN = SECOND / 1_000;

    private final TelemetryHost host;
    private final SimulatedFleet fleet;
    private final Predicate<String> progress;
    private final OutcomeCounter outcomes = new OutcomeCounter();
    private long begin;
    private long nextLine = SECOND;
    private boolean watched = true;

    /**
     * What came of a run.
     *
     * @param offering how many seconds it took to offer the records
     * @param seconds how many it took until they had ended
     */
    record Result(OutcomeCounter.Counts counts, double offering, double seconds) {}

    /**
     * @param host whom to offer the records
     * @param fleet whose records
     * @param progress takes one line a second, and says whether anybody is still there to read it
     */
    Simulation(TelemetryHost host, SimulatedFleet fleet, Predicate<String> progress) {
        this.host = host;
        this.fleet = fleet;
        this.progress = progress;
    }

    /**
     * Offers records until there are enough, nobody reads the lines any more, the host is closed, or the thread is
     * interrupted; then waits until all of them have ended, or the thread is interrupted again. What a hiccup has
     * delayed is made up for, but a host that cannot keep pace makes the run no more than a second longer, and gets
     * fewer records.
     *
     * @param records how many to offer
     * @param seconds how long that should take
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
            // Then what is in flight stays in flight, and the counts say so.
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
