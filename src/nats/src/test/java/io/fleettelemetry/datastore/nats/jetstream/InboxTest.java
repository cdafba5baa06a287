package io.fleettelemetry.datastore.nats.jetstream;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Uninterrupted;
import io.fleettelemetry.datastore.nats.journal.Answers;
import io.fleettelemetry.datastore.nats.journal.BatchReply;
import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class InboxTest {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int FLOOD = 100_000;

    private final CountDownLatch busy = new CountDownLatch(1);
    private final Set<Long> stored = ConcurrentHashMap.newKeySet();

    /** Slower than the sender that floods it. */
    private final Answers answers = new Answers() {
        @Override
        public void stored(long number) {
            Uninterrupted.await(busy);
            stored.add(number);
        }

        @Override
        public void refused(long number, Failure why) {
            throw new AssertionError(why.reason());
        }

        @Override
        public TelemetryRecord postponed(long number, boolean away) {
            return null;
        }

        @Override
        public TelemetryRecord replied(BatchReply reply) {
            return null;
        }

        @Override
        public boolean areMissing() {
            return false;
        }
    };

    /** Others may publish there, too, as much as they like. */
    @Test
    void the_queue_of_answers_is_bounded_and_later_answers_are_heard() throws Exception {
        NatsSettings settings = NatsSettings.parse(Map.of("delivery", "jetstream", "stream", "S"));
        ExecutorService callbacks = Executors.newSingleThreadExecutor();
        Wire wire = (Wire)
                Proxy.newProxyInstance(Wire.class.getClassLoader(), new Class<?>[] {Wire.class}, (proxy, m, a) -> null);
        try (NatsServer server = NatsServer.start();
                Connection receiving = Nats.connect(server.url());
                Connection flooding = Nats.connect(server.url())) {
            Streams streams = new Streams(settings, () -> {}, System::nanoTime);
            Inbox inbox = new Inbox(settings, "x", streams, answers, callbacks);
            inbox.open(receiving, wire, SOON);
            for (int i = 0; i < FLOOD; i++) {
                answer(flooding, 7);
            }
            flooding.flush(SOON);
            await().atMost(SOON).until(() -> receiving.getStatistics().getInMsgs() >= FLOOD);
            assertTrue(inbox.waiting() <= 40_000, inbox.waiting() + " wait");
            busy.countDown();
            await().atMost(SOON).until(() -> inbox.waiting() == 0);
            answer(flooding, 8);
            await().atMost(SOON).until(() -> stored.contains(8L));
        } finally {
            busy.countDown();
            callbacks.shutdown();
        }
    }

    private static void answer(Connection by, long number) {
        by.publish(
                String.format("_INBOX.x.%016x", number),
                "{\"stream\":\"S\",\"seq\":1}".getBytes(StandardCharsets.UTF_8));
    }
}
