package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A JVM of one's own with the class path of this one: for what must survive that a JVM dies. */
public final class JavaProcess implements AutoCloseable {

    private final Path output;
    private final Child process;

    private JavaProcess(Path output, Child process) {
        this.output = output;
        this.process = process;
    }

    /** Starts the JVM that runs this class, on the same Java. */
    public static JavaProcess start(Class<?> main, String... arguments) {
        return start(List.of(), main, arguments);
    }

    /**
     * Starts the JVM that runs this class, on the same Java.
     *
     * @param options of the JVM, {@code -Xmx64m} for example
     */
    public static JavaProcess start(List<String> options, Class<?> main, String... arguments) {
        try {
            Path output = Files.createTempFile("java-process-", ".log");
            var command = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java")
                            .toString())
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile());
            command.command().addAll(options);
            command.command().addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
            command.command().addAll(List.of(arguments));
            return new JavaProcess(output, Child.start(command));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public boolean isRunning() {
        return process.isAlive();
    }

    /** What it has written to its standard output and standard error so far. */
    public String output() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** SIGKILL: nothing in it runs any more, no hook and no finally. Returns when it has gone. */
    public void kill() {
        process.kill();
    }

    /** Kills it and forgets what it wrote. */
    @Override
    public void close() {
        kill();
        try {
            Files.deleteIfExists(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
