package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import io.fleettelemetry.host.Intake;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;

/** A host with one source that records what it hears, and what tests of it need. */
abstract class HostFixture {

    static final Duration SOON = Duration.ofSeconds(20);

    final LogLines log = new LogLines();
    final Counts counts = new Counts();
    final Dispatcher host = new Dispatcher(counts, new StatusReport());
    final Recorder source = new Recorder();
    final Intake intake = host.open(source);

    @AfterEach
    void close() {
        host.close();
        log.close();
    }

    void configure(String... keysAndValues) {
        Map<String, String> properties = new HashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            properties.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        host.configure(HostSettings.parse(properties));
    }

    static TelemetryRecord record(String type, String txid) {
        return TelemetryRecord.of("VIN", type, txid, new byte[100], Map.of());
    }

    void offer(int from, int to) {
        IntStream.range(from, to).forEach(i -> intake.offer(record("V", "" + i)));
    }

    static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }

    /** Until hold.max.ms has passed, which is when what is held for an absent datastore fails; needs records.clock. */
    void awaitHoldMax() {
        Recorder clock = new Recorder();
        host.open(clock).offer(record("clock", ""));
        clock.awaitEnded(1);
    }

    /** Offers a record on a thread of its own, and returns when it has come as far as this datastore, which has no room. */
    CompletableFuture<Void> offerAndWait(String datastore, TelemetryRecord record) {
        long before = status(datastore).offered();
        CompletableFuture<Void> waiting =
                CompletableFuture.runAsync(() -> intake.offer(record), task -> new Thread(task).start());
        await().pollInterval(Duration.ofMillis(1))
                .atMost(SOON)
                .until(() -> status(datastore).offered() > before);
        return waiting;
    }

    static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    static void awaitNanoTime(long nanoTime) {
        await().atMost(SOON).until(() -> System.nanoTime() - nanoTime >= 0);
    }

    static boolean isRunning(String thread) {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(one -> one.getName().equals(thread));
    }

    HostStatus.Datastore status(String name) {
        return host.status().datastores().stream()
                .filter(d -> d.name().equals(name))
                .findFirst()
                .orElseThrow();
    }
}
