package io.fleettelemetry.features;

import static java.util.stream.Collectors.groupingBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.FreePort;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import io.fleettelemetry.testkit.TestCa;
import io.fleettelemetry.testkit.TestCa.Identity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command that reads along at NATS, in Karaf. */
class TailIT extends RunningKaraf {

    private static final byte[] WITH_VIN_5YJ = {0x1a, 3, '5', 'Y', 'J'};

    private static String out(Process process) throws IOException {
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    @Test
    void records_are_shown_decoded_as_they_arrive_and_undecodable_ones_raw() throws Exception {
        Process tail = karaf.client("telemetry:tail --count 4 'tesla_telemetry.>' --json");
        // Again and again, because it is not known when the tail listens.
        await().atMost(SOON).until(() -> {
            here.publish("elsewhere.TAILED.data", WITH_VIN_5YJ);
            here.publish("tesla_telemetry.TAILED.data", WITH_VIN_5YJ);
            here.publish("tesla_telemetry.TAILED.alerts", new byte[] {(byte) 0xff});
            return !tail.isAlive();
        });
        assertEquals(0, tail.exitValue());
        Map<String, List<JsonObject>> records = out(tail)
                .lines()
                .map(line -> JsonParser.parseString(line).getAsJsonObject())
                .collect(groupingBy(record -> record.get("subject").getAsString()));
        assertEquals(Set.of("tesla_telemetry.TAILED.data", "tesla_telemetry.TAILED.alerts"), records.keySet());
        assertEquals(4, records.values().stream().mapToInt(List::size).sum());
        records.get("tesla_telemetry.TAILED.data")
                .forEach(record -> assertEquals(
                        "{\"subject\":\"tesla_telemetry.TAILED.data\",\"vin\":\"TAILED\",\"type\":\"V\","
                                + "\"payload\":{\"vin\":\"5YJ\"}}",
                        record.toString()));
        records.get("tesla_telemetry.TAILED.alerts")
                .forEach(record -> assertEquals("ff", record.get("payload_hex").getAsString()));
    }

    @Test
    void it_reads_with_the_certificates_of_the_datastore_that_it_names(@TempDir Path directory) throws Exception {
        TestCa ca = TestCa.create(directory, "ca");
        Identity localhost = ca.issue("localhost", "-ext", "san=dns:localhost");
        Identity client = ca.issue("client");
        try (NatsServer secure = NatsServer.start("tls { cert_file: \"" + localhost.certificate() + "\", key_file: \""
                + localhost.key() + "\", ca_file: \"" + ca.certificate() + "\", verify: true, timeout: 5 }")) {
            karaf.writeConfig(
                    SECOND_CFG,
                    "datastore = second\nnamespace = fleet.eu\nurl = tls://localhost:" + secure.port()
                            + "\ntls.ca.file = " + ca.certificate() + "\ntls.cert.file = " + client.certificate()
                            + "\ntls.key.file = " + client.key() + "\n");
            writeHost("records.V = second");
            await().atMost(SOON)
                    .until(() -> status().toString().contains("\"max_payload\"")
                            && datastore("second").get("state").getAsString().equals("OK"));
            Process tail = karaf.client("telemetry:tail 'fleet.*.TAILED.>' --datastore second --count 1");
            await().atMost(SOON).until(() -> {
                karaf.execute("telemetry:send --type V --vin TAILED --hex 1a0335594a");
                return !tail.isAlive();
            });
            assertEquals(0, tail.exitValue());
            String out = out(tail);
            assertTrue(
                    out.matches("# listening to fleet\\.\\*\\.TAILED\\.>\n"
                            + "\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  TAILED  V  \\{\"vin\":\"5YJ\"}\n"),
                    out);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--datastore third|there is no NATS datastore \"third\"; there are: nats, second",
                "--datastore second|cannot connect to nats://127.0.0.1:",
                "a..b|subject \"a..b\": must be tokens joined by dots, with * for one token and > only at the end; '' is empty",
                "--count -1|--count = -1: must be a whole number, 0 or more",
                "--count many|--count = many: must be a whole number, 0 or more",
                "a --count x|--count = x: must be a whole number, 0 or more",
                "a --what|\"--what\": is not an option, or has no value",
                "a --count|\"--count\": is not an option, or has no value",
            })
    void a_command_that_fails_says_the_reason_and_exits_non_zero(String words, String reason) {
        karaf.writeConfig(SECOND_CFG, "datastore = second\nurl = nats://u:hush@127.0.0.1:" + FreePort.next() + "\n");
        await().atMost(SOON).until(() -> status().toString().contains("\"second\""));
        KarafProcess.Result text = karaf.execute("telemetry:tail " + words);
        assertNotEquals(0, text.exit());
        assertTrue(text.out().contains(reason), text.out());
        assertFalse(text.out().contains("hush"), text.out());

        KarafProcess.Result json = karaf.execute("telemetry:tail --json " + words);
        assertNotEquals(0, json.exit());
        JsonObject error = JsonParser.parseString(json.out()).getAsJsonObject();
        assertTrue(error.get("error").getAsString().contains(reason), json.out());
    }

    @Test
    void it_ends_with_its_session_and_leaves_no_thread() {
        Process tail = karaf.client("telemetry:tail");
        await().atMost(SOON).until(() -> karaf.threads().contains("\"fleet-telemetry-tail"));
        tail.destroyForcibly();
        await().atMost(SOON).until(() -> !karaf.threads().contains("\"fleet-telemetry-tail"));
    }

    @Test
    void it_ends_with_its_bundle() throws Exception {
        Process tail = karaf.client("telemetry:tail");
        await().atMost(SOON).until(() -> karaf.threads().contains("\"fleet-telemetry-tail"));
        assertEquals(
                0, karaf.execute("bundle:stop io.fleettelemetry.datastore.nats").exit());
        try {
            assertTrue(tail.waitFor(SOON.toSeconds(), TimeUnit.SECONDS));
            await().atMost(SOON).until(() -> !karaf.threads().contains("\"fleet-telemetry-tail"));
        } finally {
            karaf.execute("bundle:start io.fleettelemetry.datastore.nats");
        }
    }
}
