package io.fleettelemetry.api.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class LoopTest {

    private final List<String> problems = new ArrayList<>();
    private int rounds;

    @Test
    void it_goes_round_until_a_round_says_that_it_was_the_last() {
        Loop.run(() -> ++rounds < 1_000, problem -> problems.add(problem.toString()));
        assertEquals(1_000, rounds);
        assertEquals(List.of(), problems);
    }

    @Test
    void whatever_a_round_throws_another_one_follows() {
        List<Throwable> thrown =
                List.of(new OutOfMemoryError("o"), new Exception("e"), new LinkageError("l"), new ThreadDeath());
        Loop.run(
                () -> {
                    if (rounds == thrown.size()) {
                        return false;
                    }
                    Throwable next = thrown.get(rounds++);
                    if (next instanceof Error error) {
                        throw error;
                    }
                    throw (Exception) next;
                },
                problem -> problems.add(problem.getMessage()));
        assertEquals(4, rounds);
        assertEquals(List.of("o", "e", "l"), problems.subList(0, 3));
        assertEquals(4, problems.size());
    }

    @Test
    void a_problem_that_cannot_be_told_does_not_end_it() {
        Loop.run(
                () -> {
                    if (++rounds == 3) {
                        return false;
                    }
                    throw new OutOfMemoryError("by the test");
                },
                problem -> {
                    throw new OutOfMemoryError("still by the test");
                });
        assertEquals(3, rounds);
    }

    @Test
    void an_interrupt_that_somebody_left_behind_means_nothing_and_is_no_problem() {
        Thread.currentThread().interrupt();
        Loop.run(
                () -> {
                    assertFalse(Thread.currentThread().isInterrupted(), "no round begins with one");
                    Thread.currentThread().interrupt();
                    if (++rounds < 3) {
                        new CountDownLatch(1).await(); // for ever, but for the interrupt
                    }
                    return rounds < 3;
                },
                problem -> problems.add(problem.toString()));
        Thread.interrupted();
        assertEquals(3, rounds);
        assertEquals(List.of(), problems);
    }
}
