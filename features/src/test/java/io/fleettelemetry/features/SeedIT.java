package io.fleettelemetry.features;

import static java.util.stream.Collectors.toSet;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * What the customer's description and the contracts say of the whole, in a running Karaf, and no other test does;
 * statements.txt has all of it.
 */
class SeedIT extends RunningKaraf {

    private static final String BAD_RECORD = "telemetry:send --type V --vin 'a b' --hex 00";

    /** Waits for a line in the log, behind what was there before. */
    private static void awaitEvent(int from, String level, String event) {
        Pattern line = Pattern.compile("\\| " + level + " +\\|.*\\| " + event);
        await(level + " " + event)
                .atMost(SOON)
                .until(() -> line.matcher(karaf.log().substring(from)).find());
    }

    private static int logged() {
        return karaf.log().length();
    }

    @Test
    void every_connection_event_is_logged_by_its_name_and_level_and_none_ends_the_process() throws Exception {
        int start = logged();
        try (NatsServer mortal = NatsServer.start()) {
            String second = "datastore=second ";
            karaf.writeConfig(
                    SECOND_CFG,
                    "url = " + mortal.url() + "\ndatastore = second\nnamespace = seed\nreconnect.wait.ms = 100\n");
            awaitEvent(start, "INFO", "nats_registered " + second + "namespace=seed url=" + mortal.url());
            awaitEvent(start, "INFO", "nats_connected " + second + "server=" + mortal.url());

            mortal.kill();
            awaitEvent(start, "WARN", "nats_disconnected " + second + "error=\"[^\"]+\"");
            mortal.restart();
            awaitEvent(start, "INFO", "nats_reconnected " + second + "server=" + mortal.url());

            mortal.reload("authorization { user: u, password: p }");
            awaitEvent(start, "ERROR", "nats_closed " + second + "error=\"[^\"]*Authorization Violation");
            awaitEvent(start, "ERROR", "nats_error " + second + "error=\"[^\"]*Authorization Violation");
            awaitEvent(
                    start, "WARN", "nats_connect_failed " + second + ".*cannot connect: [^\"]*Authorization Violation");
            int mended = logged();
            mortal.reload();
            awaitEvent(mended, "INFO", "nats_connected " + second + "server=" + mortal.url());

            writeHost("records.V = second");
            await().atMost(SOON)
                    .until(() -> send("X").get("subject").getAsString().equals("seed.X.data"));
            karaf.execute(BAD_RECORD);
            awaitEvent(mended, "ERROR", "nats_err " + second + "kind=INVALID reason=\"the VIN has a blank");

            Files.delete(karaf.etc(SECOND_CFG));
            awaitEvent(mended, "INFO", "nats_closed " + second + "reason=\"closed on purpose\"");
        }
    }

    @Test
    void a_failed_record_is_counted_and_triggers_no_reliable_ack() throws Exception {
        Metrics before = Metrics.read(metricsPort);
        assertFalse(json(BAD_RECORD).get("reliable_ack").getAsBoolean());
        assertTrue(send("GOOD").get("reliable_ack").getAsBoolean());
        Metrics after = Metrics.read(metricsPort);
        assertEquals(1, difference(before, after, "nats_err"));
        assertEquals(1, difference(before, after, "nats_reliable_ack_total"));
        assertEquals(2, difference(before, after, "nats_produce_total"));
    }

    private static double difference(Metrics before, Metrics after, String counter) {
        return after.value(counter, "record_type", "V") - before.value(counter, "record_type", "V");
    }

    @Test
    void metrics_are_exported_only_when_a_port_is_configured() throws Exception {
        Metrics.read(metricsPort);
        karaf.writeConfig(HOST_CFG, "records.V = nats\n");
        await().atMost(SOON)
                .until(() -> status().get("metrics_address").getAsString().isEmpty());
        assertThrows(ConnectException.class, () -> Metrics.read(metricsPort));
    }

    @Test
    void the_values_of_the_metrics_survive_a_reconfiguration() throws Exception {
        send("BEFORE");
        Metrics before = Metrics.read(metricsPort);
        karaf.writeConfig(NATS_CFG, "url = " + server.url() + "\nnamespace = moved\n");
        await().atMost(SOON)
                .until(() -> datastore("nats")
                        .getAsJsonObject("details")
                        .get("namespace")
                        .getAsString()
                        .equals("moved"));
        assertEquals("moved.AFTER.data", send("AFTER").get("subject").getAsString());
        assertEquals(1, difference(before, Metrics.read(metricsPort), "nats_produce_ack_total"));
        assertTrue(before.value("nats_produce_ack_total", "record_type", "V") >= 1);
    }

    @Test
    void the_service_has_the_properties_of_the_contract_and_no_password() {
        int start = logged();
        karaf.writeConfig(
                NATS_CFG, "url = " + server.url() + "\nusername = u\n.password = hush\nservice.ranking = 3\n");
        awaitEvent(start, "INFO", "nats_switched datastore=nats ");
        String services = karaf.execute("service:list").out();
        assertFalse(services.contains("hush"), services);
        String nats = Pattern.compile("\\[io\\.fleettelemetry\\.api\\.Producer]\\s+-+\\s+([^\\[]*?)Provided by")
                .matcher(services)
                .results()
                .map(found -> found.group(1))
                .filter(properties -> properties.contains("telemetry.datastore = nats\n"))
                .findFirst()
                .orElseThrow();
        assertTrue(nats.contains("service.ranking = 3\n"), nats);
        assertEquals(
                Set.of("telemetry.datastore", "service.ranking", "service.id", "service.bundleid", "service.scope"),
                Set.copyOf(
                        nats.lines().map(line -> line.split(" = ")[0].strip()).toList()));
        assertFalse(karaf.log().substring(start).contains("hush"));
        assertFalse(status().toString().contains("hush"));
    }

    @Test
    void a_datastore_that_no_bundle_offers_is_accepted_and_logged_once() {
        int start = logged();
        writeHost("records.V = nobody", "hold.max.ms = 10");
        awaitEvent(start, "WARN", "datastore_absent datastore=nobody ");
        for (int i = 0; i < 3; i++) {
            assertTrue(send("X").get("reason").getAsString().contains("the datastore 'nobody' is absent"));
        }
        assertEquals(2, karaf.log().substring(start).split("datastore_absent datastore=nobody").length);
        assertEquals(
                "[\"datastore nobody is CRITICAL: no bundle offers it\"]",
                status().getAsJsonArray("problems").toString());
    }

    /** Whether they did what they were asked or not. */
    @Test
    void commands_answer_json_with_one_object_and_nothing_else() {
        List<String> commands = List.of(
                "telemetry:status",
                "telemetry:send --type V --vin X --hex 00",
                BAD_RECORD,
                "telemetry:send --vin X",
                "telemetry:simulate --vehicles 2 --rate 10 --seconds 1",
                "telemetry:simulate --rate 0",
                "telemetry:import-config no-such-file",
                "telemetry:tail --datastore no-such-datastore");
        for (String command : commands) {
            KarafProcess.Result result = karaf.execute(command.replaceFirst(":\\S+", "$0 --json"));
            assertOneObject(result.out());
            assertEquals("", result.err());
        }
        assertEquals(
                Sources.commands(),
                commands.stream().map(command -> command.split(" ")[0]).collect(toSet()),
                "all commands that there are");
    }

    @Test
    void the_answers_have_the_members_of_the_contract() {
        JsonObject sent = send("X");
        assertTrue(sent.keySet().containsAll(Set.of("outcome", "subject", "reason")), sent.toString());
        JsonObject run = json("telemetry:simulate --vehicles 1 --rate 1 --seconds 1");
        assertTrue(run.keySet().containsAll(Set.of("offered", "confirmed", "failed", "reliable_acks")), run.toString());
    }

    @Test
    void bin_client_exits_with_an_error_exactly_if_the_command_did_not_do_what_it_was_asked() throws Exception {
        Process good = karaf.client("telemetry:send --type V --vin X --hex 00 --json");
        assertOneObject(new String(good.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, good.waitFor());
        Process bad = karaf.client(BAD_RECORD + " --json");
        assertOneObject(new String(bad.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertNotEquals(0, bad.waitFor());
    }

    private static void assertOneObject(String said) {
        assertEquals(1, said.lines().count(), said);
        assertTrue(JsonParser.parseString(said).isJsonObject(), said);
    }
}
