package io.fleettelemetry.datastore.nats;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.testkit.NatsOperator;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.TestCa;
import io.fleettelemetry.testkit.TestCa.Identity;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.support.JwtUtils.Permission;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server that has refused a record is asked to answer each, by a second {@code CONNECT}. However it lets users in, the
 * connection stays as it is, and the other records are confirmed.
 */
@Tag("every-server")
@Tag("newest-server")
class AskedAgainTest {

    private static final String DENIED = "tesla_telemetry.DENIED.data";
    private static final String PERMISSIONS = "permissions: { publish: { deny: \"" + DENIED + "\" } }";

    @TempDir
    private Path directory;

    private static void assertOnlyTheDeniedFail(Map<String, String> settings) {
        try (NatsDatastore datastore = NatsDatastoreTest.open(settings)) {
            Outcomes outcomes = new Outcomes();
            for (int i = 0; i < 1_000; i++) {
                datastore.produce(Records.record(i % 10 == 0 ? "DENIED" : "VIN" + i, "V", new byte[1]), outcomes);
            }
            outcomes.awaitEnded(1_000);
            assertEquals(100, outcomes.failed().size(), outcomes.failures()::toString);
            assertTrue(
                    outcomes.failed().stream().allMatch(record -> record.vin().equals("DENIED")));
            await("what jnats says, perhaps a moment after the records have ended")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> "0".equals(datastore.status().details().get("reconnects")));
        }
    }

    @Test
    void a_user_with_a_password() {
        try (NatsServer server =
                NatsServer.start("authorization { users: [ { user: fleet, password: p, " + PERMISSIONS + " } ] }")) {
            assertOnlyTheDeniedFail(Map.of("url", server.url(), "username", "fleet", ".password", "p"));
        }
    }

    @Test
    void a_user_whom_nobody_asks_who_he_is() {
        try (NatsServer server = NatsServer.start(
                "authorization { users: [ { user: any, password: p, " + PERMISSIONS + " } ] }", "no_auth_user: any")) {
            assertOnlyTheDeniedFail(Map.of("url", server.url()));
        }
    }

    /** The signature is the same, too. */
    @Test
    void a_user_with_a_credentials_file() {
        NatsOperator operator = new NatsOperator();
        Path file = operator.writeCredentials(
                directory.resolve("user.creds"), limits -> limits.pub(new Permission().deny(DENIED)));
        try (NatsServer server = NatsServer.start(operator.configuration())) {
            assertOnlyTheDeniedFail(Map.of("url", server.url(), "credentials.file", file.toString()));
        }
    }

    @Test
    void a_user_who_is_known_by_a_certificate() {
        TestCa ca = TestCa.create(directory, "ca");
        Identity localhost = ca.issue("localhost", "-ext", "san=dns:localhost");
        Identity fleet = ca.issue("fleet", "-ext", "san=email:fleet@example.com");
        try (NatsServer server = NatsServer.start(
                "tls { cert_file: \"" + localhost.certificate() + "\", key_file: \"" + localhost.key()
                        + "\", ca_file: \"" + ca.certificate() + "\", timeout: 5, verify_and_map: true }",
                "authorization { users: [ { user: fleet@example.com, " + PERMISSIONS + " } ] }")) {
            assertOnlyTheDeniedFail(Map.of(
                    "url", "tls://localhost:" + server.port(),
                    "tls.ca.file", ca.certificate().toString(),
                    "tls.cert.file", fleet.certificate().toString(),
                    "tls.key.file", fleet.key().toString()));
        }
    }

    @Test
    void a_user_whom_a_service_lets_in() throws Exception {
        assumeTrue(isFrom210On(), "older servers ask no service");
        AuthService service = new AuthService(DENIED);
        try (NatsServer server = NatsServer.start(service.configuration());
                Connection serving = service.serve(server.url())) {
            assertOnlyTheDeniedFail(Map.of("url", server.url(), "username", "fleet", ".password", "whatever"));
            assertEquals(2, service.asked(), "by one connection");
            assertEquals(Connection.Status.CONNECTED, serving.getStatus());
        }
    }

    private static boolean isFrom210On() throws Exception {
        try (NatsServer server = NatsServer.start();
                Connection connection = Nats.connect(server.url())) {
            return connection.getServerInfo().isSameOrNewerThanVersion("2.10.0");
        }
    }
}
