package io.fleettelemetry.api.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LogLinesTest {

    private static final long SOON_MILLIS = 20_000;

    private final List<Thread> threads = new CopyOnWriteArrayList<>();
    private final List<String> log = new CopyOnWriteArrayList<>();
    private final LogLines lines =
            new LogLines(this::thread, (format, arguments) -> log.add(format.replace("{}", "" + arguments[0])));

    private Thread thread(Runnable task) {
        Thread thread = new Thread(task, "test-log");
        threads.add(thread);
        return thread;
    }

    private void add(int from, int to) {
        IntStream.range(from, to).forEach(i -> lines.add(() -> log.add("line " + i)));
    }

    @Test
    void lines_are_written_in_order_by_a_thread_that_has_ended_when_somebody_has_waited_for_it() {
        add(0, 3);
        lines.await(SOON_MILLIS);
        assertEquals(List.of("line 0", "line 1", "line 2"), log);
        assertFalse(threads.get(0).isAlive());
        add(3, 4);
        lines.await(SOON_MILLIS);
        assertEquals("line 3", log.get(3));
        assertEquals(2, threads.size(), "another one, for it was needed again");
    }

    @Test
    void while_the_log_hangs_nobody_waits_and_what_is_left_out_is_counted() throws InterruptedException {
        CountDownLatch writing = new CountDownLatch(1);
        CountDownLatch hanging = new CountDownLatch(1);
        lines.add(() -> {
            writing.countDown();
            Uninterrupted.await(hanging);
        });
        writing.await();
        add(0, LogLines.MAX_WAITING + 5);
        assertTrue(log.isEmpty());
        hanging.countDown();
        lines.await(SOON_MILLIS);
        assertEquals(
                LogLines.MAX_WAITING,
                log.stream().filter(line -> line.startsWith("line")).count());
        assertTrue(log.contains("log_lines_dropped reason=\"the log was too slow\" left_out=5"), log::toString);
    }

    @Test
    void a_line_that_throws_keeps_no_other_from_being_written() {
        lines.add(() -> {
            throw new OutOfMemoryError("by the test");
        });
        add(0, 1);
        lines.await(SOON_MILLIS);
        assertEquals(List.of("line 0"), log);
    }
}
