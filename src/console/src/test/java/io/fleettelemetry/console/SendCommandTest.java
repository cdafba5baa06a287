package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.HostStatus;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SendCommandTest {

    private static final String VIN = "5YJ3E1EA7NF000001";

    private final Shell shell = new Shell();
    private final MemoryHost host = new MemoryHost();
    private final SendCommand send = new SendCommand();

    @BeforeEach
    void a_complete_command() {
        send.type = "V";
        send.vin = VIN;
        send.hex = "00fF10";
        send.json = true;
        route(Status.State.OK, "connected", "nats");
    }

    /** Sends V and alerts there; the first of the datastores is so. */
    private void route(Status.State state, String summary, String... datastores) {
        List<HostStatus.Datastore> all = new ArrayList<>();
        for (String datastore : datastores) {
            Status status = all.isEmpty()
                    ? new Status(state, summary, Map.of())
                    : new Status(Status.State.OK, "well", Map.of());
            all.add(new HostStatus.Datastore(datastore, true, true, status, 0, 0, 0, 0, 0));
        }
        List<String> names = List.of(datastores);
        host.status = new HostStatus(Map.of("V", names, "alerts", names), Map.of(), List.of(), "", all);
    }

    @Test
    void whoever_waits_is_told_at_once_what_for() throws Exception {
        route(Status.State.WARN, "connecting to nats://a:1, records wait: Connection refused", "nats", "logger");
        host.outcome = record -> null;
        send.json = false;
        CountDownLatch told = new CountDownLatch(1);
        shell.console = new PrintStream(OutputStream.nullOutputStream()) {
            @Override
            public boolean checkError() {
                told.countDown();
                return false;
            }
        };
        Shell.Running running = shell.start(send, host);
        assertTrue(told.await(20, TimeUnit.SECONDS));
        running.thread().interrupt();
        String out = running.result().get(20, TimeUnit.SECONDS).out();
        assertEquals(
                "waiting for    nats (WARN): connecting to nats://a:1, records wait: Connection refused",
                out.lines().findFirst().orElseThrow());
        assertEquals(2, out.lines().count(), out);
    }

    @Test
    void whoever_waits_for_json_gets_nothing_else() throws Exception {
        route(Status.State.WARN, "connecting", "nats");
        CountDownLatch released = new CountDownLatch(1);
        host.outcome = record -> null;
        Shell.Running running = shell.start(send, host);
        released.await(1_500, TimeUnit.MILLISECONDS); // longer than it takes to be told
        running.thread().interrupt();
        Shell.Result result = running.result().get(20, TimeUnit.SECONDS);
        assertEquals(
                "interrupted before the record had ended",
                result.json().get("error").getAsString());
        assertEquals(1, result.out().lines().count(), result.out());
    }

    @Test
    void the_subject_is_that_of_the_datastore_that_failed_or_of_the_first_that_has_one() {
        route(Status.State.OK, "connected", "nats", "logger");
        host.destinations.put("logger", "log");
        assertEquals(
                "fleet." + VIN + ".V",
                shell.run(send, host).json().get("subject").getAsString());
        host.destinations.put("nats", ""); // as for a VIN that can be no part of a subject
        assertEquals("log", shell.run(send, host).json().get("subject").getAsString());
        host.outcome = record -> MemoryHost.failure(Failure.Kind.INVALID, "no token");
        assertEquals("", shell.run(send, host).json().get("subject").getAsString());
        send.json = false;
        assertFalse(shell.run(send, host).out().contains("subject"));
    }

    @Test
    void a_file_without_an_end_or_a_beginning_or_larger_than_what_can_be_held_is_refused(@TempDir Path directory)
            throws Exception {
        new ProcessBuilder("mkfifo", directory.resolve("pipe").toString())
                .start()
                .waitFor();
        send.hex = null;
        for (String name : List.of("/dev/zero", directory.resolve("pipe").toString())) {
            send.file = name;
            String error = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> shell.run(send, host))
                    .json()
                    .get("error")
                    .getAsString();
            assertTrue(error.startsWith("--file \"" + name + "\": cannot be read: it is not a regular file"), error);
        }
        try (RandomAccessFile file =
                new RandomAccessFile(directory.resolve("payload").toFile(), "rw")) {
            send.file = directory.resolve("payload").toString();
            file.setLength(16_777_217);
            String error = shell.run(send, host).json().get("error").getAsString();
            assertTrue(error.contains(": is too large: it has more than 16777216 bytes"), error);
            assertEquals(0, host.offers.get());
            file.setLength(16_777_216);
            assertTrue(shell.run(send, host).ok());
        }
    }

    @Test
    void the_record_has_the_bytes_and_names_that_were_given() {
        send.txid = "t-1";
        Shell.Result result = shell.run(send, host);
        assertTrue(result.ok());
        TelemetryRecord record = host.records.get(0);
        assertEquals(VIN, record.vin());
        assertEquals("V", record.type());
        assertEquals("t-1", record.txid());
        assertArrayEquals(new byte[] {0, (byte) 0xff, 0x10}, record.payload());
        assertEquals("t-1", record.metadata().get("txid"));
        assertEquals(7, record.metadata().size());
    }

    @Test
    void a_confirmed_record_is_told_with_its_subject_and_its_ack() {
        JsonObject answer = shell.run(send, host).json();
        assertEquals("confirmed", answer.get("outcome").getAsString());
        assertEquals("fleet." + VIN + ".V", answer.get("subject").getAsString());
        assertEquals("", answer.get("reason").getAsString());
        assertTrue(answer.get("reliable_ack").getAsBoolean());
        assertFalse(answer.get("txid").getAsString().isEmpty());
        assertEquals(3, answer.get("payload_bytes").getAsInt());

        send.type = "alerts";
        assertFalse(shell.run(send, host).json().get("reliable_ack").getAsBoolean());
    }

    @Test
    void a_failed_record_is_told_with_its_reason_and_is_an_error() {
        host.outcome = record -> MemoryHost.failure(Failure.Kind.INVALID, "no token");
        Shell.Result result = shell.run(send, host);
        assertFalse(result.ok());
        JsonObject answer = result.json();
        assertEquals("failed", answer.get("outcome").getAsString());
        assertEquals("nats", answer.get("datastore").getAsString());
        assertEquals("INVALID", answer.get("kind").getAsString());
        assertEquals("no token", answer.get("reason").getAsString());
        assertEquals(1, result.out().lines().count(), result.out());

        send.json = false;
        Shell.Result text = shell.run(send, host);
        assertFalse(text.ok());
        assertTrue(text.out().contains("failed"), text.out());
        assertTrue(text.out().contains("nats: no token"), text.out());
    }

    @Test
    void an_empty_payload_is_sent() {
        send.hex = "";
        assertTrue(shell.run(send, host).ok());
        assertEquals(0, host.records.get(0).payload().length);
    }

    @Test
    void what_is_no_token_is_left_to_the_host() {
        send.vin = "";
        send.type = "a.b *";
        assertTrue(shell.run(send, host).ok());
        assertEquals("", host.records.get(0).vin());
        assertEquals("a.b *", host.records.get(0).type());
    }

    @Test
    void a_file_is_found_from_the_current_directory_of_the_session(@TempDir Path directory) throws Exception {
        Files.write(directory.resolve("payload"), new byte[] {1, 2, 3});
        shell.directory = directory;
        send.hex = null;
        send.file = "payload";
        assertTrue(shell.run(send, host).ok());
        assertArrayEquals(new byte[] {1, 2, 3}, host.records.get(0).payload());
    }

    @Test
    void options_that_make_no_sense_are_named_with_value_reason_and_usage(@TempDir Path directory) {
        send.json = false;
        send.hex = "abc";
        refused("--hex \"abc\": has an odd number of digits, 3");
        send.hex = "0x";
        refused("--hex \"0x\": 'x' at position 2 is not a hex digit");
        send.hex = "\u0661\u0662";
        refused("at position 1 is not a hex digit");
        send.hex = null;
        refused("--hex or --file: ");
        send.file = directory.resolve("absent").toString();
        refused("--file \"" + send.file + "\": cannot be read: ");
        send.file = directory.toString();
        refused("--file \"" + send.file + "\": cannot be read: ");
        send.file = "\0";
        refused("--file \"?\": cannot be read: "); // it would command a terminal
        send.hex = "00";
        refused("--file \"?\": give either --hex or --file, not both");
        send.file = null;
        send.vin = null;
        refused("--vin: is missing");
        send.type = null;
        refused("--type: is missing");
    }

    private void refused(String why) {
        Shell.Result result = shell.run(send, host);
        assertFalse(result.ok());
        assertTrue(result.out().contains(why), result.out());
        assertTrue(result.out().contains("usage: " + send.usage()), result.out());
        assertEquals(0, host.offers.get());
    }

    @Test
    void options_that_make_no_sense_are_json_too_if_that_was_asked_for() {
        send.hex = "0";
        Shell.Result result = shell.run(send, host);
        assertFalse(result.ok());
        assertTrue(result.json().get("error").getAsString().startsWith("--hex \"0\""));
    }

    @Test
    void it_waits_until_the_record_has_ended_or_it_is_interrupted() throws Exception {
        host.outcome = record -> null;
        Shell.Running running = shell.start(send, host);
        Awaitility.await().until(() -> host.offers.get() == 1);
        assertFalse(running.result().isDone());
        running.thread().interrupt();
        Shell.Result result = running.result().get(10, TimeUnit.SECONDS);
        assertFalse(result.ok());
        assertTrue(result.json().get("error").getAsString().startsWith("interrupted"));
    }

    @Test
    void without_a_host_every_command_says_so() {
        for (HostCommand command : new HostCommand[] {send, new SimulateCommand(), new StatusCommand()}) {
            Shell.Result result = shell.run(command, null);
            assertFalse(result.ok());
            assertTrue(result.out().contains("There is no telemetry host"), result.out());
        }
    }
}
