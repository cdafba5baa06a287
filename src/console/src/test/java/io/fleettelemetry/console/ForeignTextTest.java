package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.host.HostStatus;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Text from outside commands no terminal and begins no line of ours, whichever command shows it, and in which form. */
class ForeignTextTest {

    /** What a terminal, a log or a reader of the screen would take for something else than text. */
    private static final String HOSTILE = "a\u001b[2J\r\n  state OK\u009b1m\u007f\u202e\u2028\u2029\u2066\ufeffz";

    private static final String SHOWN = "a?[2J??  state OK?1m??????z";

    @TempDir
    Path directory;

    private final Shell shell = new Shell();
    private final MemoryHost host = new MemoryHost();

    /** Lines as they are; none of them may hold anything that is no text. */
    private static List<String> lines(Shell.Result result) {
        List<String> lines = result.out().lines().toList();
        lines.forEach(
                line -> assertFalse(line.matches(".*[\\p{Cc}\\p{Cf}\u2028\u2029].*"), () -> new Gson().toJson(line)));
        return lines;
    }

    private static String json(Shell.Result result) {
        assertEquals(1, lines(result).size(), result.out());
        return result.json().toString();
    }

    @Test
    void status_shows_what_a_server_a_vehicle_or_a_file_says() {
        Status status = new Status(Status.State.OK, HOSTILE, Map.of("server_version", HOSTILE));
        host.status = new HostStatus(
                Map.of(HOSTILE, List.of(HOSTILE)),
                Map.of(HOSTILE, HOSTILE),
                List.of(HOSTILE),
                HOSTILE,
                List.of(new HostStatus.Datastore(HOSTILE, true, true, status, 0, 0, 0, 0, 0)));
        StatusCommand command = new StatusCommand();
        List<String> lines = lines(shell.run(command, host));
        assertEquals(
                1,
                lines.stream().filter(line -> line.strip().startsWith("state")).count(),
                lines::toString);
        assertTrue(lines.contains("  server_version            " + SHOWN), lines::toString);
        command.json = true;
        assertTrue(json(shell.run(command, host)).contains("state OK"));
    }

    @Test
    void send_shows_what_was_typed_and_why_a_record_failed() {
        host.outcome = record -> MemoryHost.failure(Failure.Kind.ERROR, HOSTILE);
        for (boolean asJson : new boolean[] {false, true}) {
            SendCommand failing = send(asJson);
            failing.hex = "00";
            SendCommand misused = send(asJson);
            misused.hex = HOSTILE;
            SendCommand missing = send(asJson);
            missing.file = HOSTILE;
            Stream.of(failing, misused, missing).forEach(command -> {
                Shell.Result result = shell.run(command, host);
                assertTrue(lines(result).size() < 12, result.out());
                assertTrue(result.out().contains("state OK"), result.out());
                assertFalse(result.out().lines().anyMatch(line -> line.startsWith("  state OK")), result.out());
            });
        }
    }

    private static SendCommand send(boolean asJson) {
        SendCommand send = new SendCommand();
        send.type = HOSTILE;
        send.vin = HOSTILE;
        send.txid = HOSTILE;
        send.json = asJson;
        return send;
    }

    @Test
    void import_config_shows_what_a_file_has() throws Exception {
        Path etc = Files.createDirectory(directory.resolve("etc"));
        Files.writeString(etc.resolve(GoImport.HOST), "records.V = logger\u009b1m\u007f\n");
        String hostile = new Gson().toJson(HOSTILE);
        List<String> files = List.of(
                "{%s: 1, \"records\": {\"V\": [\"nats\", %s]}, \"nats\": {\"name\": %s}}"
                        .formatted(hostile, hostile, hostile),
                "{\"namespace\": %s, \"records\": {%s: [\"nats\"]}}".formatted(hostile, hostile));
        shell.directory = directory;
        for (String file : files) {
            Files.writeString(directory.resolve("go.json"), file);
            for (boolean asJson : new boolean[] {false, true}) {
                ImportConfigCommand command = new ImportConfigCommand();
                command.etc = etc.toString();
                command.variables = Map.of();
                command.file = "go.json";
                command.json = asJson;
                Shell.Result result = shell.run(command);
                assertTrue(result.out().contains("state OK"), result.out());
                assertFalse(lines(result).stream().anyMatch(line -> line.startsWith("  state OK")), result.out());
            }
        }
    }
}
