package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds programs of this machine in some directories, runs them to their end, and keeps the output of failed ones. */
final class Programs {

    private final List<Path> path;
    private final StringBuilder tried = new StringBuilder();

    /** @param path directories in which to look for programs */
    Programs(List<Path> path) {
        this.path = path;
    }

    Optional<Path> find(String program) {
        return path.stream()
                .map(entry -> entry.resolve(program))
                .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
                .findFirst();
    }

    /** Runs a program in a directory. If it fails, its output becomes part of {@link #tried}. */
    boolean run(Path directory, String program, List<String> arguments) {
        return output(directory, program, arguments).isPresent();
    }

    /** Runs a program and returns its output; empty if it failed. */
    Optional<String> output(Path directory, String program, List<String> arguments) {
        var command = new ArrayList<String>();
        command.add(find(program).map(Path::toString).orElse(program));
        command.addAll(arguments);
        var builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
        // Otherwise the package of nats-server starts a service of its own, on port 4222.
        builder.environment().put("SYSTEMD_OFFLINE", "1");
        try {
            var process = Child.start(builder).process();
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes(), Charset.defaultCharset());
            int exit = process.waitFor();
            if (exit != 0) {
                tried.append("This failed: " + String.join(" ", command) + " (exit " + exit + ")\n" + said);
            }
            return exit == 0 ? Optional.of(said) : Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while running " + program, e);
        }
    }

    void add(String line) {
        tried.append(line).append('\n');
    }

    /** The programs that failed so far, with their output. */
    String tried() {
        return tried.toString();
    }
}
