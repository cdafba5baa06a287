package io.fleettelemetry.features;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.TestCa;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** troubleshooting.md says what one sees when nothing arrives: each of its troubles is brought about, and then seen so. */
class TroubleIT extends RunningKaraf {

    private static final List<List<String>> ROWS =
            Readme.read().section("Troubleshooting").tables().get(0).rows();

    private static final String SEND = "telemetry:send --type V --vin X --hex 0a00";

    /** Brings a trouble about, and returns what a command says of it, if one does. */
    private interface Trouble {
        String make() throws Exception;
    }

    @TempDir
    Path directory;

    private NatsServer own;
    private ServerSocket silent;

    @AfterEach
    void stop() throws IOException {
        if (silent != null) {
            silent.close();
        }
        if (own != null) {
            own.close();
        }
    }

    /** By the first sign in the row of troubleshooting.md. */
    private Map<String, Trouble> troubles() {
        Map<String, Trouble> troubles = new TreeMap<>();
        troubles.put("no route for record type '…'", () -> say("telemetry:send --type probe --vin X --hex 00"));
        troubles.put("no bundle offers it", () -> {
            writeHost("records.V = nobody", "hold.max.ms = 100");
            awaitPart("\"nobody\"");
            return say(SEND);
        });
        troubles.put("connecting to …, records wait: …Connection refused", () -> {
            writeSecond(nowhere(), "confirm.timeout.ms = 3000");
            routeToSecond();
            CompletableFuture.runAsync(() -> say(SEND)); // it waits
            return "";
        });
        troubles.put("connecting to …, records wait: …Authorization Violation", () -> {
            own = NatsServer.start("authorization { user: u, password: p }");
            writeSecond(own.url(), "username = u", ".password = wrong");
            return "";
        });
        troubles.put("connecting to …, records wait: …no CA that is trusted here", () -> {
            TestCa.Identity localhost = TestCa.create(directory, "ca").issue("localhost", "-ext", "san=dns:localhost");
            own = NatsServer.start("tls { cert_file: \"" + localhost.certificate() + "\", key_file: \""
                    + localhost.key() + "\", timeout: 5 }");
            writeSecond("tls://localhost:" + own.port());
            return "";
        });
        troubles.put(
                "connecting to …, records wait: no answer within connect.timeout.ms = …; if the server expects the TLS"
                        + " handshake first, …",
                () -> {
                    silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress()); // Debian's server cannot be one
                    writeSecond("tls://127.0.0.1:" + silent.getLocalPort(), "connect.timeout.ms = 500");
                    return "";
                });
        troubles.put("new settings wait for their connection to …", () -> {
            writeNats(nowhere());
            return "";
        });
        troubles.put("new settings were refused", () -> {
            writeNats("no url");
            return "";
        });
        troubles.put("the connection was closed unexpectedly: …", () -> {
            own = NatsServer.start();
            writeSecond(own.url());
            awaitSecond();
            own.reload("authorization { user: u, password: p }");
            return "";
        });
        troubles.put("DENIED", () -> {
            own = NatsServer.start(
                    "authorization { users: [ { user: u, password: p, permissions: { publish: \"elsewhere.>\" } } ] }");
            writeSecond(own.url(), "username = u", ".password = p");
            awaitSecond();
            return say(SEND);
        });
        troubles.put("TOO_LARGE", () -> {
            own = NatsServer.start("max_payload: 1024");
            writeSecond(own.url());
            awaitSecond();
            return say(SEND + "00".repeat(1024));
        });
        troubles.put("INVALID", () -> say("telemetry:send --type V --vin 'a b' --hex 00"));
        troubles.put("FULL", () -> {
            writeHost("records.V = nobody", "hold.max.bytes = 99", "hold.max.ms = 3000", "dispatch.wait.ms = 10");
            awaitPart("\"nobody\"");
            CompletableFuture<String> held = CompletableFuture.supplyAsync(() -> say(SEND));
            await().atMost(SOON)
                    .until(() -> datastore("nobody").get("held_records").getAsInt() == 1);
            String said = say(SEND);
            held.join();
            return said;
        });
        troubles.put("EXPIRED", () -> {
            writeSecond(nowhere(), "confirm.timeout.ms = 1000");
            routeToSecond();
            return say(SEND);
        });
        troubles.put("no stream stores …", () -> {
            writeSecond(server.url(), "delivery = jetstream");
            return "";
        });
        troubles.put("the server has no JetStream …", () -> {
            writeSecond(other.url(), "delivery = jetstream");
            return "";
        });
        return troubles;
    }

    private static String nowhere() {
        return "nats://127.0.0.1:" + FreePort.next();
    }

    private static void writeSecond(String url, String... lines) {
        karaf.writeConfig(
                SECOND_CFG,
                "url = " + url + "\ndatastore = second\nnamespace = second\nreconnect.wait.ms = 100\n"
                        + String.join("\n", lines) + "\n");
    }

    private static void awaitSecond() {
        await().atMost(SOON)
                .until(() -> datastore("second").get("state").getAsString().equals("OK"));
        routeToSecond();
    }

    private static void routeToSecond() {
        writeHost("records.V = second");
        awaitPart("\"V\":[\"second\"]");
        await().atMost(SOON).until(() -> datastore("second").get("present").getAsBoolean());
    }

    private static void awaitPart(String part) {
        await(part).atMost(SOON).until(() -> status().toString().contains(part));
    }

    private static String say(String command) {
        KarafProcess.Result result = karaf.execute(command);
        return result.out() + result.err();
    }

    /** What is in the status and, since a moment, in the log and the metrics. */
    private static String seen(int logged, Metrics before) throws Exception {
        String grown = Metrics.read(metricsPort).values().entrySet().stream()
                .filter(line -> line.getValue() > before.values().getOrDefault(line.getKey(), 0.0))
                .map(line -> line.getKey().replace("datastore=\"second\",", "").replace(",}", "}"))
                .collect(Collectors.joining("\n"));
        return say("telemetry:status") + karaf.log().substring(logged) + grown;
    }

    private static boolean isIn(String text, String sign) {
        return Pattern.compile(
                        Arrays.stream(sign.split("…")).map(Pattern::quote).collect(Collectors.joining(".*")))
                .matcher(text)
                .find();
    }

    static List<List<String>> rows() {
        return ROWS.stream().map(row -> Readme.code(row.get(0))).toList();
    }

    @ParameterizedTest
    @MethodSource("rows")
    void each_problem_is_seen_as_its_page_says(List<String> signs) throws Exception {
        int logged = karaf.log().length();
        Metrics before = Metrics.read(metricsPort);
        String well = seen(logged, before);
        signs.forEach(sign -> assertTrue(!isIn(well, sign), () -> sign + " is seen although all is well: " + well));
        String said = troubles().get(signs.get(0)).make();
        for (String sign : signs) {
            await(sign)
                    .atMost(SOON)
                    .untilAsserted(() -> assertTrue(
                            isIn(said, sign) || isIn(seen(logged, before), sign),
                            () -> sign + " is not seen; said was " + said));
        }
    }

    @Test
    void the_troubles_are_those_of_the_page() {
        assertEquals(
                troubles().keySet().stream().sorted().toList(),
                rows().stream().map(signs -> signs.get(0)).sorted().toList());
    }
}
