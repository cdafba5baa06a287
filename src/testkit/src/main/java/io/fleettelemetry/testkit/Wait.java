package io.fleettelemetry.testkit;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for a condition that is not announced. */
final class Wait {

    private static final int POLL_MS = 20;

    private Wait() {}

    /**
     * Returns as soon as the condition holds.
     *
     * @return false if it does not within the limit
     * @throws IllegalStateException if the thread is interrupted
     */
    static boolean until(Duration limit, BooleanSupplier condition) {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() >= deadline) {
                return false;
            }
            try {
                Thread.sleep(POLL_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while waiting", e);
            }
        }
        return true;
    }
}
