package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Tests in a Karaf with the KAR, beside two NATS servers: one for all such classes of a JVM, started by the first. Each test
 * begins with the same configuration.
 */
@InKaraf
@ExtendWith(RunningKaraf.Shared.class)
abstract class RunningKaraf {

    static final Duration SOON = Duration.ofSeconds(20);
    static final String NATS_CFG = "io.fleettelemetry.datastore.nats-default.cfg";
    static final String SECOND_CFG = "io.fleettelemetry.datastore.nats-second.cfg";
    static final String HOST_CFG = "io.fleettelemetry.host.cfg";

    /** Of the JVMs that run such classes at once, each has a directory. */
    private static final String DIRECTORY = "karaf-" + System.getProperty("fleettelemetry.fork");

    private static final Pattern PRODUCER =
            Pattern.compile("(?m)^\\[io\\.fleettelemetry\\.api\\.Producer]\\n-+\\n((?: .*\\n)+)");

    static NatsServer server;
    static NatsServer other;
    static Connection here;
    static Connection there;
    static KarafProcess karaf;
    static int metricsPort;

    /** Starts all of it once, and ends it when the last test of all classes has ended. */
    static final class Shared implements BeforeAllCallback {
        @Override
        public void beforeAll(ExtensionContext context) {
            context.getRoot()
                    .getStore(ExtensionContext.Namespace.GLOBAL)
                    .computeIfAbsent(RunningKaraf.class, key -> start(), AutoCloseable.class);
        }
    }

    private static AutoCloseable start() {
        server = NatsServer.start("jetstream { store_dir: $DIR }");
        other = NatsServer.start();
        metricsPort = FreePort.next();
        karaf = KarafProcess.start(Kar.TARGET.resolve(DIRECTORY));
        writeDefaults();
        karaf.deploy(Kar.FILE);
        // Beside another Karaf that starts, the bundles take their time to come up.
        await("the bundles")
                .atMost(SOON.multipliedBy(3))
                .ignoreExceptions()
                .until(() -> karaf.execute("telemetry:status").exit() == 0);
        try {
            here = Nats.connect(server.url());
            there = Nats.connect(other.url());
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return RunningKaraf::stop;
    }

    private static void stop() throws Exception {
        karaf.close();
        here.close();
        there.close();
        server.close();
        other.close();
    }

    @BeforeEach
    void restore_the_configuration() throws Exception {
        writeDefaults();
        Files.deleteIfExists(karaf.etc(SECOND_CFG));
        await().atMost(SOON).ignoreExceptions().until(() -> {
            JsonObject status = status();
            JsonObject nats = find(status, "nats").orElseThrow();
            return status.getAsJsonObject("routes")
                            .toString()
                            .equals(
                                    "{\"V\":[\"nats\"],\"alerts\":[\"nats\"],\"connectivity\":[\"nats\"],\"errors\":[\"nats\"]}")
                    && !status.toString().contains("\"second\"")
                    && status.getAsJsonArray("problems").isEmpty()
                    && !status.get("metrics_address").getAsString().isEmpty()
                    && nats.get("state").getAsString().equals("OK")
                    && nats.getAsJsonObject("details").get("url").getAsString().equals(server.url());
        });
        // The commands of a bundle come a moment after its services.
        await().atMost(SOON).until(() -> karaf.execute("telemetry:tail --help").exit() == 0);
    }

    static void writeDefaults() {
        writeNats(server.url());
        writeHost("records.V = nats", "reliable_ack_sources.V = nats");
    }

    static void writeNats(String url) {
        karaf.writeConfig(NATS_CFG, "url = " + url + "\nreconnect.wait.ms = 100\n");
    }

    static void writeHost(String... lines) {
        karaf.writeConfig(
                HOST_CFG,
                String.join("\n", lines)
                        + "\nrecords.alerts = nats\nrecords.errors = nats\nrecords.connectivity = nats\n"
                        + "prometheus_metrics_port = " + metricsPort + "\n");
    }

    static JsonObject json(String command) {
        KarafProcess.Result result = karaf.execute(command + " --json");
        return JsonParser.parseString(result.out()).getAsJsonObject();
    }

    static JsonObject status() {
        return json("telemetry:status");
    }

    /** A datastore as the status shows it, once it does: one that is configured now comes within two seconds. */
    static JsonObject datastore(String name) {
        return await("the datastore " + name)
                .atMost(SOON)
                .until(() -> find(status(), name), Optional::isPresent)
                .get();
    }

    private static Optional<JsonObject> find(JsonObject status, String name) {
        return status.getAsJsonArray("datastores").asList().stream()
                .map(JsonElement::getAsJsonObject)
                .filter(datastore -> datastore.get("name").getAsString().equals(name))
                .findFirst();
    }

    /** Whether a service offers a datastore of this name, with these other properties. */
    static boolean isOffered(String name, String... properties) {
        return PRODUCER.matcher(karaf.execute("service:list").out())
                .results()
                .map(producer -> producer.group(1))
                .filter(listed -> listed.contains(" telemetry.datastore = " + name + "\n"))
                .anyMatch(listed -> Arrays.stream(properties).allMatch(p -> listed.contains(" " + p + "\n")));
    }

    static JsonObject send(String vin) {
        return json("telemetry:send --type V --vin " + vin + " --hex 0a00");
    }

    static Subscription subscribe(Connection connection, String subject) throws Exception {
        Subscription subscription = connection.subscribe(subject);
        connection.flush(SOON);
        return subscription;
    }
}
