package io.fleettelemetry.datastore.nats.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.NatsProducerFactory;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.Transcript;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A link that is sound but slow: it needs longer than {@code silent.ms} for what is offered at once. */
@Tag("every-server")
class SlowLinkTest {

    /** As with defaults at 100 kB/s, in a third of the time. */
    private static final int SILENT_MILLIS = 1_500;

    private static final int BYTES_PER_SECOND = 330_000;

    private final AtomicInteger confirmed = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final Receipt receipt = new Receipt() {
        @Override
        public boolean confirmed(TelemetryRecord record) {
            confirmed.incrementAndGet();
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            failed.incrementAndGet();
        }
    };

    @ParameterizedTest
    @ValueSource(strings = {"core", "jetstream"})
    void records_offered_at_once_are_each_sent_once_by_one_connection(String delivery) {
        offerAndCheck(1_500, 1_000, delivery);
    }

    @Test
    void a_record_that_needs_longer_than_silent_ms_gets_through() {
        offerAndCheck(1, 1_000_000, "core");
    }

    private void offerAndCheck(int records, int bytes, String delivery) {
        try (NatsServer server = NatsServer.start("max_payload: 2097152", "jetstream { store_dir: $DIR }");
                Link link = Link.to(server.port())) {
            link.throttle(BYTES_PER_SECOND);
            link.record();
            try (CloseableProducer producer = new NatsProducerFactory()
                    .open(Map.of(
                            "url",
                            link.url(),
                            "silent.ms",
                            "" + SILENT_MILLIS,
                            "delivery",
                            delivery,
                            "stream",
                            delivery.equals("core") ? "" : "slow",
                            "stream.setup",
                            delivery.equals("core") ? "verify" : "create"))) {
                for (int i = 0; i < records; i++) {
                    producer.produce(TelemetryRecord.of("VIN", "V", "" + i, new byte[bytes], Map.of()), receipt);
                }
                await().atMost(Duration.ofSeconds(30)).until(() -> confirmed.get() + failed.get() == records);
            }
            assertEquals(0, failed.get());
            assertEquals(1, link.connections());
            assertEquals(
                    records,
                    Transcript.ofClient(link.recordings().get(0).fromClient()).messages().stream()
                            .filter(message -> message.subject().startsWith("tesla_telemetry."))
                            .filter(message -> message.payload().length > 0) // else it asks about a batch
                            .count());
        }
    }
}
