package io.fleettelemetry.api.kit;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;

/** Waits that an interrupt does not shorten. The interrupt is set again when the wait is over. */
public final class Uninterrupted {

    private interface Wait {
        /** Waits once more; true if there is no need to wait again. */
        boolean go(long millis) throws InterruptedException;
    }

    private Uninterrupted() {}

    /**
     * Waits for a thread's end.
     *
     * @param millis longest wait (ms)
     * @return whether the thread has ended
     */
    public static boolean join(Thread thread, long millis) {
        return await(millis, left -> {
            thread.join(left);
            return !thread.isAlive();
        });
    }

    /**
     * Waits for the end of an executor that was shut down.
     *
     * @param millis longest wait (ms)
     * @return whether it has ended
     */
    public static boolean awaitEnd(ExecutorService executor, long millis) {
        return await(millis, left -> executor.awaitTermination(left, TimeUnit.MILLISECONDS));
    }

    /** Waits until the latch is open, without a limit. */
    public static void await(CountDownLatch latch) {
        await(TimeUnit.DAYS.toMillis(365), left -> latch.await(left, TimeUnit.MILLISECONDS));
    }

    private static boolean await(long millis, Wait wait) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        boolean interrupted = false;
        try {
            while (true) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                try {
                    boolean done = wait.go(Math.max(left, 1));
                    if (done || left <= 0) {
                        return done;
                    }
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
