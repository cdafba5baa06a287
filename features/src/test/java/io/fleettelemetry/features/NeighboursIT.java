package io.fleettelemetry.features;

import static java.util.stream.Collectors.toMap;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.fleettelemetry.features.foreign.CamelNeighbour;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * A Karaf in which a foreign bundle publishes to NATS too, with Apache Camel and another jnats: neither notices when the other
 * comes, is replaced, or goes.
 */
@InKaraf
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class NeighboursIT {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Path JNATS = Kar.TARGET.resolve("neighbours/jnats.jar");

    private static String ourJnats;
    private static String camelsJnats;
    private static NatsServer nats;
    private static int monitoring;
    private static Connection here;
    private static KarafProcess karaf;
    private static Map<String, Path> ours;
    /** Bundles that were there before ours, by id, with where they are from. */
    private static Map<String, String> before;

    private static Subscription ticks;
    /** The number that Camel sends next. */
    private static int next;

    private static long camelsConnection;

    @BeforeAll
    static void start() throws Exception {
        ours = Kar.unpackOurs(Kar.TARGET.resolve("neighbours"));
        ourJnats = header(ours.get("io.fleettelemetry.jnats"), "Export-Package")
                .replaceFirst("^io\\.nats\\.client;[^,]*?;version=\"([^\"]*)\".*", "$1");
        camelsJnats = header(JNATS, "Bundle-Version");
        monitoring = FreePort.next();
        nats = NatsServer.start("http: \"127.0.0.1:" + monitoring + "\"");
        here = Nats.connect(
                Options.builder().server(nats.url()).connectionName("test").build());
        ticks = here.subscribe("neighbour");
        here.flush(SOON);
        karaf = KarafProcess.start(Kar.TARGET.resolve("karaf-neighbours"));
        karaf.writeConfig("io.fleettelemetry.datastore.nats-default.cfg", "url = " + nats.url() + "\n");
        Kar.unpackRepository(karaf.home().resolve("system"));
        assertDone("feature:repo-add " + camelsFeature().toUri(), "feature:install camel-nats");
        assertEquals("0", tick());
        camelsConnection = connections().get(camelsJnats);
        before = bundles();
    }

    private static String header(Path jar, String name) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.getManifest().getMainAttributes().getValue(name);
        }
    }

    /** As Camel's own feature camel-nats brings jnats, and Camel's own bundle imports it. */
    private static Path camelsFeature() throws IOException {
        Path[] camel = Stream.of(System.getProperty("java.class.path").split(":"))
                .map(Path::of)
                .filter(jar -> jar.getFileName().toString().startsWith("camel-"))
                .toArray(Path[]::new);
        Path bundle = ForeignBundle.of(
                "camel-neighbour",
                CamelNeighbour.class,
                Map.of(
                        "Import-Package", "io.nats.client,io.nats.client.impl,org.osgi.framework,org.slf4j",
                        "DynamicImport-Package", "javax.*,org.w3c.*,org.xml.*",
                        "Nats-Server", "127.0.0.1:" + nats.port()),
                camel);
        return Files.writeString(Kar.TARGET.resolve("neighbours/camel-features.xml"), """
                <features name="camel" xmlns="http://karaf.apache.org/xmlns/features/v1.6.0">
                  <feature name="camel-nats" version="1.0.0">
                    <bundle dependency="true">wrap:%1$s$overwrite=merge&amp;Bundle-Name=Wrap%%20of%%20Jnats&amp;Bundle-SymbolicName=wrap_io.nats.jnats&amp;Bundle-Version=%2$s&amp;Export-Package=io.nats.client.*;version=%2$s</bundle>
                    <bundle>%3$s</bundle>
                  </feature>
                </features>
                """.formatted(
                        JNATS.toUri(), camelsJnats, bundle.toUri()));
    }

    @AfterAll
    static void stop() throws Exception {
        karaf.close();
        here.close();
        nats.close();
    }

    @Test
    @Order(1)
    void installing_the_feature_would_refresh_update_and_uninstall_nothing() {
        assertDone("feature:repo-add mvn:io.fleettelemetry/fleet-telemetry/1.0.0/xml/features");
        String plan = plan("fleet-telemetry");
        assertTrue(plan.contains("Bundles to install:"), plan);
        assertTrue(Kar.bundles().keySet().containsAll(locations(plan)), plan);
        assertOnlyInstalls(plan);
    }

    @Test
    @Order(2)
    void camel_and_we_publish_beside_each_other_each_with_its_own_jnats() {
        assertDone("feature:install fleet-telemetry");
        awaitOurs();
        assertEquals(Set.of(camelsJnats, ourJnats), connections().keySet());
        assertUndisturbed();
    }

    @Test
    @Order(3)
    void camel_does_not_notice_that_we_are_updated_uninstalled_and_installed() {
        assertDone(Stream.concat(
                        ours.entrySet().stream()
                                .map(bundle -> "bundle:update " + bundle.getKey() + " "
                                        + bundle.getValue().toUri()),
                        Stream.of("bundle:refresh " + String.join(" ", ours.keySet())))
                .toArray(String[]::new));
        awaitOurs();
        assertDone("feature:uninstall fleet-telemetry");
        await().atMost(SOON).until(() -> connections().keySet().equals(Set.of(camelsJnats)));
        assertEquals(before, bundles());
        assertDone("feature:install fleet-telemetry");
        awaitOurs();
        assertUndisturbed();
    }

    @Test
    @Order(4)
    void we_do_not_notice_that_camel_goes_and_comes() {
        long connection = connections().get(ourJnats);
        Map<String, String> others = bundles();
        try (FleetLoad load = new FleetLoad(karaf, 500)) {
            assertDone("feature:uninstall camel-nats");
            await().atMost(SOON).until(() -> connections().keySet().equals(Set.of(ourJnats)));
            String plan = plan("camel-nats");
            assertTrue(plan.contains("wrap:"), () -> "Camel gets its own jnats: " + plan);
            assertOnlyInstalls(plan);
            assertDone("feature:install camel-nats");
            await().atMost(SOON).until(() -> connections().containsKey(camelsJnats));
        }
        assertEquals(connection, connections().get(ourJnats));
        assertTrue(bundles()
                .entrySet()
                .containsAll(others.entrySet().stream()
                        .filter(bundle -> bundle.getValue().contains("io.fleettelemetry"))
                        .toList()));
    }

    /** All numbers so far have come, on the same connection, and Camel's bundles are those that they were. */
    private static void assertUndisturbed() {
        assertEquals(camelsConnection, connections().get(camelsJnats));
        assertTrue(bundles().entrySet().containsAll(before.entrySet()));
        int number = next;
        while (next < number + 20 || ticks.getPendingMessageCount() > 0) {
            tick();
        }
    }

    private static String tick() {
        try {
            Message tick = ticks.nextMessage(SOON);
            String number = new String(tick.getData());
            assertEquals(String.valueOf(next++), number);
            return number;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void awaitOurs() {
        await("a record of ours")
                .atMost(SOON)
                .until(() -> karaf.execute("telemetry:send --type V --vin A --hex 0a00")
                                .exit()
                        == 0);
    }

    private static void assertDone(String... commands) {
        done(commands);
    }

    private static String done(String... commands) {
        KarafProcess.Result result = karaf.execute(commands);
        assertEquals(0, result.exit(), () -> String.join("; ", commands) + ": " + result.out() + result.err());
        return result.out();
    }

    /** What installing a feature would do: the verbose command puts it into the log, with what it is part of before it. */
    private static String plan(String feature) {
        int before = karaf.log().length();
        assertDone("feature:install -t -v " + feature);
        return karaf.log()
                .substring(before)
                .lines()
                .filter(line -> line.contains("FeaturesServiceImpl"))
                .map(line -> line.substring(line.lastIndexOf("| ") + 2))
                .collect(Collectors.joining("\n"));
    }

    private static void assertOnlyInstalls(String plan) {
        assertEquals(
                Set.of("Bundles to install:"),
                plan.lines()
                        .map(String::strip)
                        .filter(line -> line.startsWith("Bundles to "))
                        .collect(Collectors.toSet()),
                plan);
    }

    private static Set<String> locations(String plan) {
        return Pattern.compile("(mvn|wrap|file):\\S+")
                .matcher(plan)
                .results()
                .map(found -> found.group())
                .filter(location -> !location.contains("xml/features"))
                .collect(Collectors.toSet());
    }

    /** Where each bundle is from, by its id. */
    private static Map<String, String> bundles() {
        return done("bundle:list -t 0 -l --no-format")
                .lines()
                .map(line -> line.split("\t"))
                .filter(columns -> columns.length == 5)
                .collect(
                        toMap(columns -> columns[0].strip(), columns -> columns[4].strip(), (a, b) -> a, TreeMap::new));
    }

    /** Ids of the server's connections but the test's own, by the version of jnats at their other end. */
    private static Map<String, Long> connections() {
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + monitoring + "/connz"))
                    .build();
            String body = HttpClient.newHttpClient()
                    .send(request, HttpResponse.BodyHandlers.ofString())
                    .body();
            return JsonParser.parseString(body).getAsJsonObject().getAsJsonArray("connections").asList().stream()
                    .map(JsonElement::getAsJsonObject)
                    .filter(one ->
                            !one.has("name") || !one.get("name").getAsString().equals("test"))
                    .collect(toMap(
                            one -> one.get("version").getAsString(),
                            one -> one.get("cid").getAsLong()));
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
