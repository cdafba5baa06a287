package io.fleettelemetry.datastore.nats.connection;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Journal;
import io.fleettelemetry.datastore.nats.journal.Subjects;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.nats.client.Connection;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class WatchdogTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    @Test
    void a_jnats_that_hangs_while_it_is_to_reconnect_does_not_stop_the_watchdog() throws Exception {
        CountDownLatch hanging = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        AtomicInteger reconnects = new AtomicInteger();
        Connection stranded = proxy(Connection.class, (proxy, method, arguments) -> {
            if (method.getName().equals("forceReconnect")) {
                reconnects.incrementAndGet();
                hanging.countDown();
                never.await();
            }
            return method.getName().equals("getStatus") ? Connection.Status.CONNECTED : null;
        });
        NatsSettings settings = NatsSettings.parse(Map.of("silent.ms", "100"));
        Journal journal = new Journal(settings, new FrameEncoder(new Subjects("ns"), "", ""), System::nanoTime);
        Session session = new Session(
                settings,
                proxy(Wires.class, (proxy, method, arguments) -> null),
                "id",
                journal,
                List.of(),
                System::nanoTime);
        Field connection = ConnectLoop.class.getDeclaredField("connection");
        connection.setAccessible(true);
        connection.set(session.loop(), stranded);
        AtomicInteger rounds = new AtomicInteger();
        Watchdog watchdog = new Watchdog(journal, () -> session, rounds::incrementAndGet);
        Thread thread = new Thread(watchdog, "watchdog");
        thread.start();
        try {
            assertTrue(hanging.await(SOON.toSeconds(), TimeUnit.SECONDS));
            int before = rounds.get();
            await("for longer than it takes to find it stranded again")
                    .atMost(SOON)
                    .until(() -> rounds.get() > before + 150);
            assertEquals(1, reconnects.get(), "one at a time");
        } finally {
            watchdog.stop();
            never.countDown();
            thread.join(SOON.toMillis());
        }
    }
}
