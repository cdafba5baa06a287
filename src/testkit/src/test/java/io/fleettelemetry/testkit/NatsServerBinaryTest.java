package io.fleettelemetry.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NatsServerBinaryTest {

    @TempDir
    private Path directory;

    @Test
    void nats_server_names_the_program_and_the_path_does_not_matter() throws IOException {
        Path named = program("mine/my-nats");
        program("bin/nats-server");
        assertEquals(named, binary(named.toString()).resolve());
    }

    @Test
    void a_nats_server_that_cannot_be_run_is_an_error_even_if_the_path_has_one() throws IOException {
        program("bin/nats-server");
        var failure = assertThrows(
                IllegalStateException.class,
                () -> binary("/nowhere/nats-server").resolve());
        assertTrue(failure.getMessage().contains("NATS_SERVER=/nowhere/nats-server"), failure.getMessage());
    }

    @Test
    void the_path_comes_before_an_unpacked_program() throws IOException {
        Path unpacked = program("target/nats-server/usr/sbin/nats-server");
        assertEquals(unpacked, binary(null).resolve());
        Path onPath = program("bin/nats-server");
        assertEquals(onPath, binary(null).resolve());
    }

    @Test
    void where_there_is_none_and_no_package_either_the_message_names_every_way_to_get_one() {
        var failure =
                assertThrows(IllegalStateException.class, () -> binary(null).resolve());
        for (String way : List.of("NATS_SERVER", "apt-get install", "PATH", "https://github.com/nats-io/nats-server")) {
            assertTrue(failure.getMessage().contains(way), failure.getMessage());
        }
    }

    @Test
    void the_output_of_the_package_tools_is_in_the_message() throws IOException {
        Path apt = program("bin/apt-get");
        Files.writeString(apt, "#!/bin/sh\necho no such luck: $1\nexit 100\n");
        var failure =
                assertThrows(IllegalStateException.class, () -> binary(null).resolve());
        assertTrue(failure.getMessage().contains("no such luck: download"), failure.getMessage());
    }

    private NatsServerBinary binary(String named) {
        return new NatsServerBinary(named, List.of(directory.resolve("bin")), directory.resolve("target/nats-server"));
    }

    private Path program(String name) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        Files.createFile(file);
        assertTrue(file.toFile().setExecutable(true));
        return file;
    }
}
