package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A separate JVM with the class path of this one, for tests in which a JVM dies. */
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
     * @param options options of the JVM, for example {@code -Xmx64m}
     * @param main the class to run
     * @param arguments arguments of its {@code main}
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

    /** The output of the process so far, standard output and standard error. */
    public String output() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends SIGKILL: no shutdown hook and no finally block runs. Returns when the process is gone. */
    public void kill() {
        process.kill();
    }

    /** Kills the process and deletes its output. */
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
