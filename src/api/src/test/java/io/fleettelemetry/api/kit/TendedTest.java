package io.fleettelemetry.api.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TendedTest {

    private static final long SOON = 20_000;

    private final AtomicInteger runs = new AtomicInteger();
    private volatile Runnable then = () -> {};
    private int refusals;
    private final Tended tended = new Tended(this::thread, () -> {
        runs.incrementAndGet();
        then.run();
    });

    private Thread thread(Runnable task) {
        if (refusals > 0) {
            refusals--;
            throw new OutOfMemoryError("unable to create native thread, by the test");
        }
        Thread thread = new Thread(task, "tended");
        thread.setUncaughtExceptionHandler((dead, why) -> {});
        return thread;
    }

    @Test
    void before_it_is_wanted_it_is_not_missing_and_tending_starts_nothing() {
        tended.tend();
        assertFalse(tended.isMissing());
        assertFalse(tended.isAlive());
        assertEquals(0, runs.get());
    }

    @Test
    void one_that_runs_is_left_alone_and_one_that_is_done_stays_so() {
        CountDownLatch letGo = new CountDownLatch(1);
        then = () -> Uninterrupted.await(letGo);
        tended.start();
        tended.tend();
        assertTrue(tended.isAlive());
        assertFalse(tended.isMissing());
        assertFalse(tended.join(1));
        letGo.countDown();
        assertTrue(tended.join(SOON));
        tended.tend();
        assertFalse(tended.isMissing(), "it is not needed any more");
        assertEquals(1, runs.get());
    }

    @Test
    void one_that_has_died_is_missing_until_it_is_tended() {
        then = () -> {
            throw new OutOfMemoryError("by the test");
        };
        tended.start();
        assertTrue(tended.join(SOON));
        assertTrue(tended.isMissing());
        then = () -> {};
        tended.tend();
        assertTrue(tended.join(SOON));
        assertFalse(tended.isMissing());
        assertEquals(2, runs.get());
    }

    @Test
    void one_that_could_not_be_started_is_missing_until_there_is_a_thread() {
        refusals = 2;
        tended.start();
        assertTrue(tended.isMissing());
        assertFalse(tended.isAlive());
        tended.tend();
        assertTrue(tended.isMissing());
        tended.tend();
        assertTrue(tended.join(SOON));
        assertFalse(tended.isMissing());
        assertEquals(1, runs.get());
    }
}
