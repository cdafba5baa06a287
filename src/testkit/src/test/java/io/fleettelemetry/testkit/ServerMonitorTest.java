package io.fleettelemetry.testkit;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.ServerMonitor.Client;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ServerMonitorTest {

    private static final Duration LIMIT = Duration.ofSeconds(10);

    @Test
    void connections_are_listed_with_who_they_are_and_when_they_ended() throws Exception {
        var monitor = new ServerMonitor();
        try (var server = NatsServer.start(
                        monitor.configuration(), "authorization { users: [ { user: u, password: p } ] }");
                var first = connect(server, "first")) {
            first.publish("x", new byte[1]);
            first.flush(LIMIT);
            first.close();
            await().until(() -> !monitor.clients().get(0).isOpen());
            try (var second = connect(server, "second")) {
                second.flush(LIMIT);
                Client before = monitor.clients().get(0);
                Client after = monitor.clients().get(1);
                assertEquals(2, monitor.clients().size());
                assertEquals("first", before.name());
                assertEquals("u", before.user());
                assertEquals(1, before.messages());
                assertEquals("second", after.name());
                assertTrue(after.isOpen());
                assertTrue(before.id() < after.id() && before.stop().isBefore(after.start()));
            }
        }
    }

    private static Connection connect(NatsServer server, String name) throws Exception {
        Connection connection = Nats.connect(Options.builder()
                .server(server.url())
                .connectionName(name)
                .userInfo("u", "p")
                .build());
        connection.flush(LIMIT);
        return connection;
    }
}
