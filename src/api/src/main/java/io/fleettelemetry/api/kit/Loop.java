package io.fleettelemetry.api.kit;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * What a thread of ours does, round after round, until a round says that it was the last. Nothing else ends it: whatever a
 * round throws, an {@link OutOfMemoryError} too, another one follows; and an interrupt, which code of others may leave
 * behind, means nothing.
 */
public final class Loop {

    /** After a round that threw: time for what is wrong, a full heap most likely, to pass. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** Once around. */
    @FunctionalInterface
    public interface Round {
        /**
         * Does what is due, and waits for more.
         *
         * @return false if this was the last round
         * @throws Exception whatever goes wrong; an {@link InterruptedException} is no problem
         */
        boolean go() throws Exception;
    }

    private Loop() {}

    /**
     * Runs rounds until one says that it was the last. Never throws.
     *
     * @param problem is told what a round threw; may throw, too
     */
    public static void run(Round round, Consumer<? super Throwable> problem) {
        boolean more = true;
        while (more) {
            try {
                Thread.interrupted();
                more = round.go();
            } catch (InterruptedException e) {
                // Nobody whom we know means anything by it.
            } catch (Throwable e) { // nothing in here is outside a try: there may be no memory for anything
                try {
                    problem.accept(e);
                } catch (Throwable again) {
                    // Then there is no place to say it.
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }
}
