package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImportConfigCommandTest {

    private static final String GO = """
            {"namespace": "fleet", "records": {"V": ["nats", "kafka"]}, "nats": {"url": "nats://me:s3cret@10.0.0.1:4222"},
             "kafka": {}, "verbose": true}""";

    @TempDir
    Path directory;

    private Path etc;
    private final Shell shell = new Shell();
    private final ImportConfigCommand command = new ImportConfigCommand();

    @BeforeEach
    void a_file_and_an_empty_etc() throws IOException {
        etc = Files.createDirectory(directory.resolve("etc"));
        shell.directory = directory;
        command.file = "config.json";
        command.etc = etc.toString();
        command.variables = Map.of();
        command.json = true;
        go(GO);
    }

    private void go(String json) throws IOException {
        Files.writeString(directory.resolve("config.json"), json);
    }

    /** All files in etc with their texts. */
    private Map<String, String> files() throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (var paths = Files.list(etc)) {
            for (Path path : (Iterable<Path>) paths::iterator) {
                files.put(path.getFileName().toString(), Files.readString(path));
            }
        }
        return files;
    }

    @Test
    void files_that_are_not_there_are_made() throws IOException {
        Shell.Result result = shell.run(command);
        assertTrue(result.ok(), result.out());
        assertEquals("written", result.json().get("outcome").getAsString());
        String header = "# From the Go server's configuration, by telemetry:import-config.\n";
        assertEquals(
                Map.of(
                        GoImport.NATS,
                        header + "namespace = fleet\nurl = nats://me:s3cret@10.0.0.1:4222\n",
                        GoImport.HOST,
                        header + "records.V = nats\n"),
                files());
    }

    @Test
    void a_new_file_is_its_owners_alone() throws IOException {
        assertTrue(shell.run(command).ok());
        assertEquals(
                "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(etc.resolve(GoImport.NATS))));
    }

    @Test
    void json_has_all_of_it_and_no_secret() {
        Shell.Result result = shell.run(command);
        assertEquals(1, result.out().lines().count());
        JsonObject answer = result.json();
        assertEquals(
                "{\"key\":\"namespace\",\"file\":\"io.fleettelemetry.datastore.nats-default.cfg\",\"setting\":\"namespace\","
                        + "\"value\":\"fleet\"}",
                answer.getAsJsonArray("taken_over").get(0).toString());
        assertEquals(3, answer.getAsJsonArray("taken_over").size());
        assertEquals(
                "{\"kafka\":\"there is no Kafka datastore here\",\"records.V: kafka\":\"there is no such datastore here\"}",
                answer.getAsJsonObject("no_counterpart").toString());
        assertEquals("[\"verbose\"]", answer.getAsJsonArray("ignored").toString());
        assertEquals(
                "{\"io.fleettelemetry.datastore.nats-default.cfg\":[\"+ namespace = fleet\",\"+ url ="
                        + " nats://(hidden)@10.0.0.1:4222\"],\"io.fleettelemetry.host.cfg\":[\"+ records.V = nats\"]}",
                answer.getAsJsonObject("changes").toString());
        assertFalse(result.out().contains("s3cret"));
    }

    @Test
    void people_see_the_same_in_lines() {
        command.json = false;
        assertEquals("""
                Taken over
                  namespace                           namespace = fleet
                  nats.url                            url = nats://(hidden)@10.0.0.1:4222
                  records.V                           records.V = nats
                No counterpart here
                  kafka                               there is no Kafka datastore here
                  records.V: kafka                    there is no such datastore here
                Ignored, because the Go server has no such key either
                  verbose
                io.fleettelemetry.datastore.nats-default.cfg (a new file)
                  + namespace = fleet
                  + url = nats://(hidden)@10.0.0.1:4222
                io.fleettelemetry.host.cfg (a new file)
                  + records.V = nats
                Written to ETC; takes effect within two seconds, see telemetry:status
                """, shell.run(command).out().replace(etc.toString(), "ETC"));
    }

    @Test
    void a_file_that_would_change_is_shown_and_nothing_is_written() throws IOException {
        Files.writeString(etc.resolve(GoImport.HOST), "# mine\nrecords.V = logger\nrecords.errors = nats\n");
        Map<String, String> before = files();
        Shell.Result result = shell.run(command);
        assertFalse(result.ok());
        assertEquals(before, files());
        JsonObject answer = result.json();
        assertEquals("differs", answer.get("outcome").getAsString());
        assertEquals(
                "[\"- records.errors = nats\",\"- records.V = logger\",\"+ records.V = nats\"]",
                answer.getAsJsonObject("changes").get(GoImport.HOST).toString());
        assertTrue(answer.get("error").getAsString().contains("use --force to write them"));
        command.json = false;
        String text = shell.run(command).out();
        assertTrue(text.contains("io.fleettelemetry.host.cfg\n  - records.errors = nats\n"), text);
        assertTrue(text.contains("Nothing was written, because files in " + etc), text);
    }

    @Test
    void with_force_it_is_written_and_what_else_is_in_the_file_stays() throws IOException {
        Files.writeString(etc.resolve(GoImport.HOST), "# mine\nrecords.V = logger\nhold.max.ms = 5\n");
        command.force = true;
        assertTrue(shell.run(command).ok());
        assertEquals("# mine\nrecords.V = nats\nhold.max.ms = 5\n", files().get(GoImport.HOST));
        assertEquals(2, files().size(), "nothing else lies about");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inflight.max.records = I\"500\"", "name = \"x\"", "url = [ \\\n \"a\", \\\n \"b\" ]"})
    void a_file_with_typed_values_is_left_alone_and_named(String line) throws IOException {
        Files.writeString(etc.resolve(GoImport.NATS), line + "\n");
        Map<String, String> before = files();
        command.force = true;
        Shell.Result result = shell.run(command);
        assertFalse(result.ok());
        assertEquals("refused", result.json().get("outcome").getAsString());
        String error = result.json().get("error").getAsString();
        assertTrue(error.startsWith("Nothing was written: " + etc.resolve(GoImport.NATS) + " has typed values"), error);
        assertTrue(error.contains(line.substring(0, line.indexOf(' ')) + " = value"), error);
        assertEquals(before, files());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "io.fleettelemetry.host.config",
                "io.fleettelemetry.host.cfg.json",
                "io.fleettelemetry.datastore.nats-default.config",
                "io.fleettelemetry.datastore.nats~default.cfg.json"
            })
    void no_second_file_is_written_for_one_pid(String name) throws IOException {
        Files.writeString(etc.resolve(name), "");
        command.force = true;
        Shell.Result result = shell.run(command);
        assertFalse(result.ok());
        String error = result.json().get("error").getAsString();
        assertTrue(
                error.startsWith("Nothing was written: " + etc.resolve(name) + " already has the settings of "), error);
        assertEquals(Map.of(name, ""), files());
    }

    @Test
    void a_file_in_another_syntax_that_nothing_would_change_is_none_of_its_business() throws IOException {
        Files.writeString(etc.resolve("io.fleettelemetry.airbrake.config"), "project_id = I\"5\"\n");
        assertTrue(shell.run(command).ok());
    }

    @Test
    void the_same_again_changes_nothing_and_is_no_error() throws IOException {
        shell.run(command);
        Map<String, String> before = files();
        Shell.Result result = shell.run(command);
        assertTrue(result.ok(), result.out());
        assertEquals("unchanged", result.json().get("outcome").getAsString());
        assertEquals(before, files());
        command.json = false;
        assertTrue(shell.run(command).out().contains("Nothing to write: " + etc));
    }

    @Test
    void a_wrong_file_writes_nothing_and_every_reason_is_named() throws IOException {
        go("{\"namespace\":\"\",\"records\":{\"V\":[]},\"nats\":{\"url\":\"nats://x:s3cret@\"}}");
        command.force = true;
        Shell.Result result = shell.run(command);
        assertFalse(result.ok());
        assertEquals(2, result.json().getAsJsonArray("problems").size(), result.out());
        assertFalse(result.out().contains("s3cret"));
        assertEquals(Map.of(), files());
        command.json = false;
        String text = shell.run(command).out();
        assertTrue(text.contains("config.json is wrong, and nothing was written:\n  nats.url = "), text);
        assertTrue(text.contains("\n  records.V = []: "), text);
    }

    @Test
    void a_file_in_which_nothing_has_a_counterpart_is_an_error() throws IOException {
        go("{\"kafka\":{}}");
        Files.writeString(etc.resolve(GoImport.HOST), "records.V = nats\n");
        command.force = true;
        Shell.Result result = shell.run(command);
        assertFalse(result.ok());
        assertEquals("nothing", result.json().get("outcome").getAsString());
        assertEquals(Map.of(GoImport.HOST, "records.V = nats\n"), files());
    }

    @Test
    void a_file_that_would_leave_no_route_at_all_is_wrong_whatever_else_is_in_it() throws IOException {
        Files.writeString(etc.resolve(GoImport.HOST), "records.V = nats\n");
        command.force = true;
        for (String json : List.of(
                "{\"records\":{\"V\":[\"kafka\"]}}",
                "{\"records\":{\"V\":[\"kafka\"]},\"namespace\":\"x\"}",
                "{\"records\":{}}")) {
            go(json);
            Shell.Result result = shell.run(command);
            assertFalse(result.ok(), json);
            assertTrue(
                    result.json()
                            .get("problems")
                            .getAsString()
                            .endsWith("or remove records to keep the routes that are configured here"),
                    result.out());
            assertEquals(Map.of(GoImport.HOST, "records.V = nats\n"), files(), json);
        }
    }

    @Test
    void a_replaced_file_keeps_its_permissions_and_a_link_stays_a_link() throws IOException {
        Path elsewhere = Files.writeString(directory.resolve("elsewhere.cfg"), "url = nats://a:1\n");
        Files.setPosixFilePermissions(elsewhere, PosixFilePermissions.fromString("rw-------"));
        Files.createSymbolicLink(etc.resolve(GoImport.NATS), elsewhere);
        command.force = true;
        assertTrue(shell.run(command).ok());
        assertTrue(Files.isSymbolicLink(etc.resolve(GoImport.NATS)));
        assertEquals("url = nats://me:s3cret@10.0.0.1:4222\nnamespace = fleet\n", Files.readString(elsewhere));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(elsewhere)));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothing_is_written_where_a_link_beside_the_file_points_to(boolean there) throws IOException {
        Path precious = Files.writeString(directory.resolve("precious"), "mine");
        Path part = Files.createSymbolicLink(etc.resolve(GoImport.NATS + ".part"), precious);
        if (there) {
            Files.writeString(etc.resolve(GoImport.NATS), "url = nats://a:1\n");
        }
        command.force = true;
        Shell.Result result = shell.run(command);
        assertFalse(result.ok());
        assertTrue(result.json().get("error").getAsString().contains(part + " exists already"), result.out());
        assertEquals("mine", Files.readString(precious));
        assertTrue(Files.isSymbolicLink(part), "it is somebody else's");
        assertFalse(Files.exists(etc.resolve(GoImport.HOST)), "all or none");
        Files.delete(part);
        assertTrue(shell.run(command).ok());
        assertEquals(2, files().size(), files()::toString);
    }

    @Test
    void a_file_without_an_end_or_a_beginning_is_refused() throws Exception {
        new ProcessBuilder("mkfifo", directory.resolve("pipe").toString())
                .start()
                .waitFor();
        Files.createSymbolicLink(directory.resolve("link"), Path.of("/dev/zero"));
        for (String name : List.of("/dev/zero", "link", "pipe")) {
            command.file = name;
            String error = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> shell.run(command))
                    .json()
                    .get("error")
                    .getAsString();
            assertTrue(error.startsWith("FILE \"" + name + "\": cannot be read: it is not a regular file"), error);
        }
        try (RandomAccessFile large =
                new RandomAccessFile(directory.resolve("large").toFile(), "rw")) {
            large.setLength(1_048_577);
        }
        command.file = "large";
        String error = shell.run(command).json().get("error").getAsString();
        assertTrue(error.startsWith("FILE \"large\": is too large: it has more than 1048576 bytes"), error);
    }

    @Test
    void a_folder_that_cannot_be_written_is_an_error_and_leaves_everything() throws IOException {
        command.etc = directory.resolve("absent").toString();
        Shell.Result result = shell.run(command);
        assertFalse(result.ok());
        assertTrue(result.json().get("error").getAsString().contains("NoSuchFileException"), result.out());
        command.etc = null;
        assertTrue(shell.run(command).json().get("error").getAsString().contains("karaf.etc"));
    }

    @Test
    void a_file_that_cannot_be_read_is_named_with_the_usage() {
        command.json = false;
        command.file = "absent.json";
        assertTrue(shell.run(command).out().contains("FILE \"absent.json\": cannot be read: "));
        command.file = "etc";
        assertTrue(shell.run(command).out().contains("FILE \"etc\": cannot be read: "));
        command.file = null;
        String out = shell.run(command).out();
        assertTrue(out.contains("FILE: is missing"), out);
        assertTrue(out.contains("usage: telemetry:import-config [--force] [--json] FILE"), out);
    }
}
