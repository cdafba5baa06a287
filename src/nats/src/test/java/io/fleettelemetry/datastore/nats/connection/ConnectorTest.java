package io.fleettelemetry.datastore.nats.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.FreePort;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ConnectorTest {

    /** jnats tells the reason by another thread than it fails by: often enough for either to be the first. */
    private static final int ATTEMPTS = 300;

    private static final ConnectionSettings NOWHERE = NatsSettings.parse(
                    Map.of("url", "nats://u:secret@127.0.0.1:" + FreePort.next()))
            .connection();

    private static final ConnectionWatcher NOBODY = new ConnectionWatcher() {
        @Override
        public void happened(Connection source, Events event) {
            // not looked at
        }

        @Override
        public void serverError(String error, String shown) {
            // not looked at
        }

        @Override
        public void exception(String error, boolean unexpected) {
            // not looked at
        }
    };

    private final ExecutorService callbacks = Executors.newSingleThreadExecutor();
    private final Connector connector = new Connector(NOWHERE, List.of(), "test", callbacks, NOBODY);

    @AfterEach
    void end() {
        callbacks.shutdown();
    }

    @Test
    void an_attempt_that_fails_says_why_every_time() {
        for (int i = 0; i < ATTEMPTS; i++) {
            IOException why = assertThrows(IOException.class, connector::connect);
            // JDK 21 adds a word.
            assertEquals(
                    "java.net.ConnectException: Connection refused",
                    why.getMessage().replace(" (connect failed)", ""));
        }
    }

    /** Without a listener there are only the words of jnats, which name the URLs. */
    @Test
    void no_message_shows_a_password_of_the_url() {
        callbacks.shutdown();
        String why = assertThrows(IOException.class, connector::connect).getMessage();
        assertTrue(why.contains("[nats://127.0.0.1:"), why);
        assertFalse(why.contains("secret"), why);
    }
}
