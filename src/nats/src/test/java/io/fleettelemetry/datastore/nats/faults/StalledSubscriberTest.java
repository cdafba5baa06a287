package io.fleettelemetry.datastore.nats.faults;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A subscriber that reads nothing. For its sake a server makes whoever publishes wait a little, and then gives the subscriber
 * up: up to 2.10.25 for as long as a second at a time, since then for 10 ms at most, or, where so configured, not at all.
 */
@Tag("every-server")
@Tag("newest-server")
class StalledSubscriberTest {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int RATE = 10_000;

    /** Enough for the subscribers that read, and filled by the load in about two seconds. */
    private static final String MAX_PENDING = "max_pending: 8MB";

    @ParameterizedTest
    @ValueSource(strings = {"", "no_fast_producer_stall: true"})
    void a_subscriber_that_reads_nothing_keeps_nobody_from_being_confirmed(String option) throws Exception {
        if (!option.isEmpty()) {
            assumeThatProducersNeedNotStall();
        }
        try (Trial trial = new Trial("a subscriber that reads nothing" + (option.isEmpty() ? "" : ", " + option))
                .server(MAX_PENDING, "write_deadline: \"2s\"", option)
                .set("silent.ms", 10_000) // longer than the server lets a publisher wait, here
                .rate(RATE)
                .open()) {
            try (Socket stalled = stalledSubscriber(trial)) {
                await().atMost(SOON).until(() -> trial.server.log().contains("Slow Consumer"));
                trial.load.awaitConfirmed(RATE);
            }
            trial.end().check();
            assertEquals(1, trial.link.connections(), "a wait is no silence");
        }
    }

    private static void assumeThatProducersNeedNotStall() throws Exception {
        try (NatsServer server = NatsServer.start();
                Connection client = Nats.connect(server.url())) {
            assumeTrue(client.getServerInfo().isSameOrNewerThanVersion("2.10.26"), "the option came with 2.10.26");
        }
    }

    private static Socket stalledSubscriber(Trial trial) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(1_024);
        socket.connect(new InetSocketAddress("127.0.0.1", trial.server.port()));
        String words = "CONNECT {\"verbose\":false}\r\nSUB " + trial.fleet().namespace() + ".> 1\r\n";
        socket.getOutputStream().write(words.getBytes(US_ASCII));
        return socket;
    }
}
