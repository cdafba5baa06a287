package io.fleettelemetry.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.api.ConsumerInfo;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The examples of the pages do what is said of them, with records that the datastore has published. */
class ExamplesIT {

    private static final String VIN = "5YJ3E1EA1NF123456";
    private static final Duration SOON = Duration.ofSeconds(20);

    private final AtomicInteger confirmed = new AtomicInteger();

    private final Receipt receipt = new Receipt() {
        @Override
        public boolean confirmed(TelemetryRecord record) {
            confirmed.incrementAndGet();
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            throw new AssertionError(record + " failed: " + why);
        }
    };

    private void publish(CloseableProducer producer, int from, int to) {
        IntStream.range(from, to)
                .forEach(i -> Embedded.publish(producer, VIN, "" + i, ("" + i).getBytes(UTF_8), receipt));
        await().atMost(SOON).until(() -> confirmed.get() == to);
    }

    @Test
    void the_java_subscriber_decodes_the_datastores_messages() throws Exception {
        var shown = new ByteArrayOutputStream();
        try (NatsServer server = NatsServer.start();
                Connection nats = Nats.connect(server.url());
                CloseableProducer producer = Embedded.open(server.url())) {
            new Subscriber(new PrintStream(shown, true, UTF_8)).subscribe(nats);
            nats.flush(SOON);
            Payload payload = Payload.newBuilder()
                    .setVin(VIN)
                    .addData(Datum.newBuilder()
                            .setKey(Field.VehicleSpeed)
                            .setValue(Value.newBuilder().setDoubleValue(63.5)))
                    .build();
            Embedded.publish(producer, VIN, "1", payload.toByteArray(), receipt);
            Embedded.publish(producer, VIN, "2", new byte[] {1}, receipt);
            await().atMost(SOON)
                    .until(() -> shown.toString(UTF_8)
                            .contains("tesla_telemetry." + VIN + ".data cannot be decoded: Protocol message"));
            assertTrue(
                    shown.toString(UTF_8).startsWith("tesla_telemetry." + VIN + ".data " + payload), shown::toString);
        }
    }

    @Test
    void the_durable_consumer_resumes_and_gets_unacknowledged_messages_again() throws Exception {
        try (NatsServer server = NatsServer.start("jetstream { store_dir: $DIR }");
                CloseableProducer producer = Embedded.open(server.url());
                Connection operator = Nats.connect(server.url())) {
            Archive.createStream(operator);
            publish(producer, 0, 10);
            await("the stream has them").atMost(SOON).until(() -> messages(operator) == 10);

            List<String> stored = new ArrayList<>();
            consumeUntilItCrashes(server, message -> {
                if (stored.size() == 4) {
                    throw new IllegalStateException("the disk is full");
                }
                stored.add(text(message));
            });
            assertEquals(texts(0, 4), stored);

            publish(producer, 10, 20);
            List<String> later = new CopyOnWriteArrayList<>();
            Thread restarted = new Thread(() -> consume(server, message -> later.add(text(message))), "archive");
            restarted.start();
            await().atMost(SOON).until(() -> Set.copyOf(later).size() == 16 && unacknowledged(operator) == 0);
            restarted.interrupt();
            restarted.join();
            assertEquals(
                    texts(4, 20),
                    later.stream()
                            .distinct() // a machine that is busy for half a second acknowledges too late
                            .map(Integer::valueOf)
                            .sorted()
                            .map(String::valueOf)
                            .toList());
        }
    }

    /** Records of the stream that the consumer was not given, or has not acknowledged. */
    private static long unacknowledged(Connection nats) throws Exception {
        ConsumerInfo archive = nats.getStreamContext("TELEMETRY").getConsumerInfo("archive");
        return archive.getNumPending() + archive.getNumAckPending();
    }

    private static long messages(Connection nats) throws Exception {
        return nats.getStreamContext("TELEMETRY")
                .getStreamInfo()
                .getStreamState()
                .getMsgCount();
    }

    private static void consumeUntilItCrashes(NatsServer server, Consumer<Message> store) throws Exception {
        try (Connection nats = Nats.connect(server.url())) {
            assertThrows(IllegalStateException.class, () -> Archive.consume(nats, Duration.ofMillis(500), store));
        }
    }

    private static void consume(NatsServer server, Consumer<Message> store) {
        try (Connection nats = Nats.connect(server.url())) {
            Archive.consume(nats, Duration.ofMillis(500), store);
        } catch (InterruptedException e) {
            // as asked
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static String text(Message message) {
        assertEquals("tesla_telemetry." + VIN + ".data", message.getSubject());
        return new String(message.getData(), UTF_8);
    }

    private static List<String> texts(int from, int to) {
        return IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }
}
