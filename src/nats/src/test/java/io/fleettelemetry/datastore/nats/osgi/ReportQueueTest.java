package io.fleettelemetry.datastore.nats.osgi;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.kit.Uninterrupted;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Error reporters run foreign code: the thread that ends records does not wait for them. */
class ReportQueueTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final List<String> heard = new CopyOnWriteArrayList<>();
    private final List<ErrorReporter> reporters = new CopyOnWriteArrayList<>();
    private final ReportQueue queue = new ReportQueue(() -> reporters);

    @AfterEach
    void close() {
        queue.close();
    }

    private void report(int from, int to) {
        for (int i = from; i < to; i++) {
            queue.report("event", null, Map.of("datastore", "nats", "number", "" + i));
        }
    }

    private void hear(String message, Throwable cause, Map<String, String> fields) {
        heard.add(fields.get("number"));
    }

    @Test
    void one_that_does_not_return_blocks_no_thread_and_its_queue_is_bounded() {
        CountDownLatch letGo = new CountDownLatch(1);
        CountDownLatch hangs = new CountDownLatch(1);
        reporters.add((message, cause, fields) -> {
            hangs.countDown();
            Uninterrupted.await(letGo);
            hear(message, cause, fields);
        });
        report(0, 1);
        Uninterrupted.await(hangs);
        assertTimeout(SOON, () -> report(1, 10_000));
        letGo.countDown();
        await().atMost(SOON).until(() -> heard.size() == 1 + ReportQueue.MAX_WAITING);
        report(10_000, 10_001);
        await().atMost(SOON).until(() -> heard.contains("10000"));
        assertEquals("0", heard.get(0));
        assertEquals("256", heard.get(256), "in their order");
    }

    @Test
    void closing_does_not_wait_for_one_that_does_not_return() {
        CountDownLatch letGo = new CountDownLatch(1);
        reporters.add((message, cause, fields) -> Uninterrupted.await(letGo));
        report(0, 10);
        assertTimeout(SOON, queue::close);
        report(10, 20);
        letGo.countDown();
    }

    @Test
    void one_that_throws_loses_no_other_report_not_even_those_before_the_close() {
        reporters.add((message, cause, fields) -> {
            throw new LinkageError("by the test");
        });
        reporters.add(this::hear);
        report(0, 100);
        queue.close();
        assertEquals(100, heard.size());
    }
}
