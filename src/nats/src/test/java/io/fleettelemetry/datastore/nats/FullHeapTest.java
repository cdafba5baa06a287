package io.fleettelemetry.datastore.nats;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.JavaProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A heap that is full for a while ends no thread, no record twice, and no record never. */
class FullHeapTest {

    @ParameterizedTest
    @ValueSource(strings = {"core", "jetstream"})
    void after_the_heap_was_full_everything_goes_on_and_the_counts_add_up(String delivery) {
        try (NatsServer server = NatsServer.start("jetstream { store_dir: $DIR }");
                JavaProcess starving = JavaProcess.start(
                        List.of("-Xmx40m", "-XX:+UseSerialGC"), Starving.class, server.url(), delivery)) {
            await().atMost(Duration.ofMinutes(4)).until(() -> !starving.isRunning());
            String output = starving.output();
            assertTrue(output.contains(Starving.VERDICT + Starving.GOOD), output);
        }
    }
}
