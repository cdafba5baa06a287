package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.fleettelemetry.testkit.NatsOperator;
import io.fleettelemetry.testkit.NatsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Users with a {@code .creds} file, against a real nats-server with an operator. */
@Tag("every-server")
class NatsCredentialsTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    private Path directory;

    private final NatsOperator operator = new NatsOperator();

    private NatsDatastore open(NatsServer server, Path credentials) {
        return NatsDatastoreTest.open(
                Map.of("url", server.url(), "credentials.file", credentials.toString(), "reconnect.wait.ms", "50"));
    }

    private static void assertWorks(NatsDatastore datastore) {
        Outcomes outcomes = new Outcomes();
        datastore.produce(Records.record("VIN1", "V", "x".getBytes(UTF_8)), outcomes);
        assertEquals(1, outcomes.awaitEnded(1).confirmed().size());
    }

    private static void awaitReason(NatsDatastore datastore, String reason) {
        await().atMost(SOON).until(() -> datastore.status().summary(), summary -> summary.contains(reason));
    }

    @Test
    void a_user_with_a_credentials_file_is_let_in() {
        try (NatsServer server = NatsServer.start(operator.configuration());
                NatsDatastore datastore = open(server, operator.writeCredentials(directory.resolve("user.creds")))) {
            assertWorks(datastore);
        }
    }

    @Test
    void a_problem_with_the_file_is_named_and_replacing_the_file_ends_it() throws IOException {
        Path file = directory.resolve("late.creds");
        try (NatsServer server = NatsServer.start(operator.configuration());
                NatsDatastore datastore = open(server, file)) {
            awaitReason(datastore, "credentials.file = " + file + ": java.nio.file.NoSuchFileException: " + file);
            Files.writeString(file, "no credentials");
            awaitReason(datastore, "credentials.file = " + file + ": java.lang.IllegalArgumentException: ");
            new NatsOperator().writeCredentials(file);
            awaitReason(datastore, "Authorization Violation");
            operator.writeCredentials(file);
            assertWorks(datastore);
            String seed = Files.readAllLines(file).stream()
                    .filter(line -> line.startsWith("SU"))
                    .findFirst()
                    .orElseThrow();
            assertFalse(datastore.status().toString().contains(seed));
        }
    }
}
