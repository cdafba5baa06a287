package io.fleettelemetry.datastore.nats.tail;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.datastore.nats.Feed;
import io.fleettelemetry.datastore.nats.NatsProducerFactory;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Reading along, against a real nats-server. */
class TailTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private static NatsServer server;
    private static Connection publisher;

    private final Sight sight = new Sight();
    private CloseableProducer datastore;

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start();
        publisher = Nats.connect(server.url());
    }

    @AfterAll
    static void stop() throws Exception {
        publisher.close();
        server.close();
    }

    @BeforeEach
    void open() {
        datastore = open(Map.of("url", server.url()));
    }

    private static CloseableProducer open(Map<String, String> settings) {
        Map<String, String> withName = new HashMap<>(settings);
        withName.put("name", "reader");
        return new NatsProducerFactory().open(withName);
    }

    @AfterEach
    void nothing_stays() {
        datastore.close();
        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("reader")));
    }

    /** A tail on a thread of its own; what it throws completes the future. */
    private record Running(Thread thread, CompletableFuture<Void> end) {

        static Running start(Tail tail) {
            CompletableFuture<Void> end = new CompletableFuture<>();
            Thread thread = new Thread(
                    () -> {
                        try {
                            tail.run();
                            end.complete(null);
                        } catch (IOException | InterruptedException e) {
                            end.completeExceptionally(e);
                        }
                    },
                    "tail");
            thread.start();
            return new Running(thread, end);
        }

        void awaitEnd() {
            await().atMost(SOON).until(end::isDone);
        }
    }

    private Tail tail(String subject, long count) {
        return new Tail((Feed) datastore, subject, count, sight);
    }

    @Test
    void as_many_records_as_were_asked_for_are_shown_in_their_order() throws Exception {
        Running running = Running.start(tail("tesla_telemetry.>", 3));
        await().atMost(SOON).until(() -> sight.notes().contains("listening to tesla_telemetry.>"));
        publisher.publish("elsewhere.VIN0.data", new byte[0]);
        for (int i = 1; i <= 5; i++) {
            publisher.publish("tesla_telemetry.VIN" + i + ".data", new byte[0]);
        }
        running.awaitEnd();
        assertEquals(List.of("VIN1", "VIN2", "VIN3"), sight.vins());
        running.end().get();
    }

    @Test
    void it_ends_when_its_reader_is_gone() {
        Running running = Running.start(tail(">", 0));
        await().atMost(SOON).until(() -> !sight.notes().isEmpty());
        sight.watched = false;
        running.awaitEnd();
    }

    @Test
    void it_ends_when_it_is_interrupted() {
        Running running = Running.start(tail(">", 0));
        await().atMost(SOON).until(() -> !sight.notes().isEmpty());
        running.thread().interrupt();
        running.awaitEnd();
        assertTrue(running.end().isCompletedExceptionally());
    }

    @Test
    void messages_that_arrive_too_fast_to_be_shown_are_skipped_and_counted() throws Exception {
        CountDownLatch slow = new CountDownLatch(1);
        sight.pause = slow;
        Running running = Running.start(tail("flood.>", 0));
        await().atMost(SOON).until(() -> !sight.notes().isEmpty());
        for (int i = 0; i < 70_000; i++) {
            publisher.publish("flood.VIN1.data", new byte[0]);
            if (i % 1_000 == 0) {
                publisher.flush(SOON);
            }
        }
        publisher.flush(SOON);
        // One is being shown, 65,536 wait; the last of them may still be on their way.
        await().atMost(SOON).until(() -> {
            slow.countDown();
            return sight.notes().stream().anyMatch(note -> note.contains(" records were left out: "));
        });
        sight.watched = false;
        running.awaitEnd();
    }

    @Test
    void it_goes_on_after_a_broken_connection_and_names_the_problem() throws Exception {
        try (NatsServer mortal = NatsServer.start();
                CloseableProducer source = open(Map.of("url", mortal.url(), "reconnect.wait.ms", "50"))) {
            Running running = Running.start(new Tail((Feed) source, "tesla_telemetry.>", 1, sight));
            await().atMost(SOON).until(() -> !sight.notes().isEmpty());
            mortal.restart();
            await().atMost(SOON).until(() -> sight.notes().size() > 1);
            try (Connection again = Nats.connect(mortal.url())) {
                await().atMost(SOON).until(() -> {
                    again.publish("tesla_telemetry.VIN1.data", new byte[0]);
                    again.flush(SOON);
                    return running.end().isDone();
                });
            }
            assertEquals(List.of("VIN1"), sight.vins());
        }
    }

    @Test
    void a_server_that_is_not_there_or_does_not_let_us_read_is_the_reason_why_it_fails() throws Exception {
        String nowhere = "nats://127.0.0.1:" + FreePort.next();
        try (CloseableProducer source = open(Map.of("url", nowhere))) {
            IOException e = assertThrows(IOException.class, () -> new Tail((Feed) source, ">", 0, sight).run());
            assertEquals(
                    "cannot connect to " + nowhere + ": java.net.ConnectException: Connection refused",
                    e.getMessage().replace(" (connect failed)", "")); // which JDK 21 adds
        }
        try (NatsServer strict = NatsServer.start(
                        "authorization { users = [ { user: u, password: hush, permissions: { subscribe: \"_INBOX.>\" } } ] }");
                CloseableProducer source = open(Map.of("url", strict.url(), "username", "u", ".password", "hush"))) {
            IOException e = assertThrows(IOException.class, () -> new Tail((Feed) source, "a.>", 0, sight).run());
            assertEquals(
                    "the server said Permissions Violation for Subscription to \"a.>\"",
                    e.getMessage().replace('\'', '"'));
        }
    }

    /** Remembers what was shown. */
    private static final class Sight implements Tail.Screen {

        private final List<Arrival> arrivals = new ArrayList<>();
        private final List<String> notes = new ArrayList<>();
        private volatile boolean watched = true;
        private volatile CountDownLatch pause = new CountDownLatch(0);

        @Override
        public void show(Arrival arrival) {
            try {
                pause.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            synchronized (this) {
                arrivals.add(arrival);
            }
        }

        @Override
        public synchronized void note(String text) {
            notes.add(text);
        }

        @Override
        public boolean isWatched() {
            return watched;
        }

        synchronized List<String> vins() {
            return arrivals.stream().map(Arrival::vin).toList();
        }

        synchronized List<String> notes() {
            return List.copyOf(notes);
        }
    }
}
