package io.fleettelemetry.api.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RepeatedLogTest {

    private long second;
    private final List<Long> lines = new ArrayList<>();
    private final RepeatedLog log = new RepeatedLog(() -> TimeUnit.SECONDS.toNanos(second));

    @Test
    void there_is_a_line_in_ten_seconds_at_most_and_it_counts_what_was_left_out_before_it() {
        log.write(lines::add);
        log.write(lines::add);
        second = 9;
        log.write(lines::add);
        second = 10;
        log.write(lines::add);
        second = 20;
        log.write(lines::add);
        assertEquals(List.of(0L, 2L, 0L), lines);
    }

    @Test
    void a_line_that_could_not_be_written_is_counted_by_the_next() {
        log.write(leftOut -> {
            throw new IllegalStateException("by the test");
        });
        second = 10;
        log.write(lines::add);
        assertEquals(List.of(1L), lines);
    }
}
