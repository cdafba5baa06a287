package io.fleettelemetry.api.kit;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The loop of a thread: it runs rounds until a round says that it was the last. Nothing else ends it. If a round
 * throws, even an {@link OutOfMemoryError}, another round follows. An interrupt is ignored, because code of other
 * bundles may have left it behind.
 */
public final class Loop {

    /** Pause after a round that threw, so that the cause, most likely a full heap, can pass. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** One round. */
    @FunctionalInterface
    public interface Round {
        /**
         * Does the work that is due, and waits for more.
         *
         * @return false if this was the last round
         * @throws Exception if anything goes wrong; an {@link InterruptedException} is ignored
         */
        boolean go() throws Exception;
    }

    private Loop() {}

    /**
     * Runs rounds until one says that it was the last. Never throws.
     *
     * @param problem gets the exception that a round threw; may itself throw
     */
    public static void run(Round round, Consumer<? super Throwable> problem) {
        boolean more = true;
        while (more) {
            try {
                Thread.interrupted();
                more = round.go();
            } catch (InterruptedException e) {
                // No code of ours interrupts this thread.
            } catch (Throwable e) { // everything here is inside a try, because there may be no memory at all
                try {
                    problem.accept(e);
                } catch (Throwable again) {
                    // Then there is nowhere to report it.
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }
}
