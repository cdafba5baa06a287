package io.fleettelemetry.datastore.nats;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.fleettelemetry.api.Status;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.api.ServerInfo;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the customer's description says of the datastore and no other test does; statements.txt has all of it. */
@Tag("every-server")
class SeedTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    /** More than the 60 after which jnats gives up unless told otherwise. */
    private static final int MANY_ATTEMPTS = 65;

    private static void produce(NatsDatastore datastore, Outcomes outcomes, int count) {
        for (int i = 0; i < count; i++) {
            datastore.produce(Records.record("VIN", "V", new byte[] {1}), outcomes);
        }
    }

    @Test
    void a_plain_server_without_authentication_and_without_jetstream_is_enough() throws Exception {
        Outcomes outcomes = new Outcomes();
        try (NatsServer plain = NatsServer.start();
                Connection nats = Nats.connect(plain.url());
                NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", plain.url()))) {
            ServerInfo info = nats.getServerInfo();
            assertFalse(info.isAuthRequired());
            assertFalse(info.isJetStreamAvailable());
            produce(datastore, outcomes, 1);
            assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
        }
    }

    @Test
    void the_name_identifies_the_connection_in_the_logs_of_the_server() {
        try (NatsServer server =
                        NatsServer.start("debug: true", "trace: true"); // not every version names clients without
                NatsDatastore datastore =
                        NatsDatastoreTest.open(Map.of("url", server.url(), "name", "my-fleet", "datastore", "named"))) {
            await().atMost(SOON).until(() -> datastore.status().state() == Status.State.OK);
            await().atMost(SOON).until(() -> server.log().contains("\"name\":\"my-fleet\""));
        }
    }

    @Test
    void publishing_is_asynchronous_and_never_waits_for_the_server() {
        Outcomes outcomes = new Outcomes();
        try (NatsServer server = NatsServer.start();
                NatsDatastore datastore = NatsDatastoreTest.open(Map.of("url", server.url()))) {
            produce(datastore, outcomes, 1);
            outcomes.awaitEnded(1);
            server.pause();
            try {
                produce(datastore, outcomes, 1_000);
                assertEquals(1, outcomes.ended(), "the server stands still, and all calls have returned");
            } finally {
                server.resume();
            }
            assertEquals(1_001, outcomes.awaitEnded(1_001).confirmed().size());
        }
    }

    @Test
    void attempts_to_reconnect_never_end() throws Exception {
        Outcomes outcomes = new Outcomes();
        try (NatsServer server = NatsServer.start();
                NatsDatastore datastore =
                        NatsDatastoreTest.open(Map.of("url", server.url(), "reconnect.wait.ms", "1"))) {
            produce(datastore, outcomes, 1);
            outcomes.awaitEnded(1);
            server.kill();
            int attempts = 0;
            try (ServerSocket inItsPlace = new ServerSocket(server.port(), 50, InetAddress.getLoopbackAddress())) {
                while (attempts < MANY_ATTEMPTS) {
                    inItsPlace.accept().close();
                    attempts++;
                }
            }
            server.restart();
            produce(datastore, outcomes, 1);
            assertEquals(2, outcomes.awaitEnded(2).confirmed().size());
            await("the same connection")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> "1".equals(datastore.status().details().get("reconnects")));
        }
    }
}
