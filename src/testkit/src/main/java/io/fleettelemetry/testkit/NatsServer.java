package io.fleettelemetry.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A real nats-server for one test, on 127.0.0.1. It keeps its port through {@link #kill}, {@link #stop} and
 * {@link #restart}. Not thread-safe.
 *
 * <p>{@link NatsServerBinary} finds the program. Without one, starting throws.
 */
public final class NatsServer implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final int PROBE_MS = 2000;
    private static final int TAIL_LINES = 20;
    /** The unit of {@code ulimit -f} is 512 bytes in POSIX; some shells use 1,024. */
    private static final int ULIMIT_BLOCKS = 2;

    private static final int LEVEL_OF_BATCHES = 4;
    private static final Pattern API_LEVEL = Pattern.compile("\"api_lvl\":(\\d+)");

    private final Path program;
    private final Path directory;
    private final int port;
    private Child process;
    /** The largest size of the server's files, in KiB; 0 for no limit. */
    private int fileLimit;

    private NatsServer(Path program, Path directory, int port) {
        this.program = program;
        this.directory = directory;
        this.port = port;
    }

    /**
     * Starts a server on a free port.
     *
     * @param config lines of a nats-server configuration file, such as <code>max_payload: 64KB</code> or
     *     <code>jetstream { store_dir: $DIR }</code>, where {@code $DIR} is a directory of this server's own; listen
     *     address and port are given
     * @return the server, which accepts connections
     * @throws IllegalStateException if there is no nats-server, or if it does not start; the message then has the end
     *     of its log
     */
    public static NatsServer start(String... config) {
        return startOn(FreePort.next(), config);
    }

    /** Like {@link #start}, on this port. */
    public static NatsServer startOn(int port, String... config) {
        return start(NatsServerBinary.find(), port, config);
    }

    /** Like {@link #start}, with a program of the caller's choice. */
    public static NatsServer start(Path program, String... config) {
        return start(program, FreePort.next(), config);
    }

    private static NatsServer start(Path program, int port, String... config) {
        try {
            var server = new NatsServer(program, Files.createTempDirectory("nats-server-"), port);
            try {
                server.configure(config);
                server.restart();
                return server;
            } catch (RuntimeException e) {
                server.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The server's URL: {@code nats://127.0.0.1:<port>}. */
    public String url() {
        return "nats://127.0.0.1:" + port;
    }

    public int port() {
        return port;
    }

    /** Everything that the server has logged since its first start. */
    public String log() {
        try {
            return Files.exists(logFile()) ? Files.readString(logFile()) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends SIGKILL: clients see a reset of their connection, without any message. */
    public void kill() {
        process.kill();
    }

    /** Sends SIGTERM: the server closes its connections in order. Returns when the process is gone. */
    public void stop() {
        process.stop(LIMIT);
    }

    /** Starts the server again, with the same port, configuration and store. Kills it first if it still runs. */
    public void restart() {
        if (process != null) {
            process.kill();
        }
        String limit = fileLimit == 0 ? "" : "ulimit -f " + fileLimit * ULIMIT_BLOCKS + "; ";
        // The server takes the place of the shell, and so has the pid of this process.
        var command = new ProcessBuilder(
                        "sh",
                        "-c",
                        limit + "exec \"$0\" \"$@\"",
                        program.toString(),
                        "--addr",
                        "127.0.0.1",
                        "--port",
                        Integer.toString(port),
                        "--config",
                        configFile().toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile().toFile()));
        // In quotes, because the server parses the variable's value as a value of its configuration language.
        command.environment().put("DIR", '"' + directory.resolve("store").toString() + '"');
        process = Child.start(command);
        if (!Wait.until(LIMIT, () -> !process.isAlive() || greets()) || !process.isAlive()) {
            process.kill();
            throw new IllegalStateException("nats-server did not start on port " + port + ":\n" + logTail());
        }
    }

    /**
     * Limits the size of the server's files from its next {@link #restart} on. A write beyond it fails, as on a full disk, for
     * which the tests would have to be root.
     *
     * @param kibibytes 0 for no limit
     */
    public void limitFiles(int kibibytes) {
        fileLimit = kibibytes;
    }

    /** Sends SIGSTOP: connections stay open and nothing moves, as with a dead link. */
    public void pause() {
        process.signal("STOP");
        Wait.until(LIMIT, this::isPaused);
    }

    /** Whether all threads have stopped, which is later than the signal. Without {@code /proc} this is not known. */
    private boolean isPaused() {
        Path tasks = Path.of("/proc", Long.toString(process.pid()), "task");
        if (!Files.isDirectory(tasks)) {
            return true;
        }
        try (Stream<Path> threads = Files.list(tasks)) {
            return threads.map(thread -> state(thread.resolve("stat"))).allMatch("T"::equals);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A thread's state, which is the word after its name in parentheses. */
    private static String state(Path stat) {
        try {
            String line = Files.readString(stat);
            return line.substring(line.lastIndexOf(')') + 2).split(" ")[0];
        } catch (IOException e) {
            return "T"; // a thread that has ended
        }
    }

    /** Pauses the server and returns after this time. A stall has no condition to wait for. */
    public void stall(Duration time) {
        pause();
        Wait.until(time, () -> false);
    }

    /** Sends SIGCONT, after {@link #pause} or {@link #stall}. */
    public void resume() {
        process.signal("CONT");
    }

    /**
     * Sends SIGUSR2: the server accepts no more connections and tells its clients to use other servers. After
     * {@code lame_duck_grace_period} (10 s by default) it closes their connections one by one, and exits.
     */
    public void lameDuck() {
        process.signal("USR2");
    }

    /** The id of the running process. */
    public long pid() {
        return process.pid();
    }

    public boolean isRunning() {
        return process.isAlive();
    }

    /**
     * Replaces the configuration of the running server.
     *
     * @param config all lines, as for {@link #start}
     * @throws IllegalStateException if the server refuses it; the message has the end of its log
     */
    public void reload(String... config) {
        configure(config);
        int before = log().length();
        process.signal("HUP");
        Wait.until(
                LIMIT, () -> hasSaid("Reloaded server configuration", before) || hasSaid("Failed to reload", before));
        if (!hasSaid("Reloaded server configuration", before)) {
            throw new IllegalStateException("nats-server did not reload its configuration:\n" + logTail());
        }
    }

    /** Kills the server and deletes its store. */
    @Override
    public void close() {
        if (process != null) {
            process.kill();
        }
        Trees.delete(directory);
    }

    private void configure(String... config) {
        try {
            Files.writeString(configFile(), String.join("\n", config) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The server's JetStream API level: 2 for nats-server 2.12, 4 for 2.14; 0 for older ones, which have none. */
    public int apiLevel() {
        Matcher level = API_LEVEL.matcher(greeting());
        return level.find() ? Integer.parseInt(level.group(1)) : 0;
    }

    /** Whether streams can take batches. */
    public boolean knowsBatches() {
        return apiLevel() >= LEVEL_OF_BATCHES;
    }

    /** Whether the server accepts a connection and sends INFO: then it is ready for clients. */
    private boolean greets() {
        return greeting().startsWith("INFO ");
    }

    /** The first line of a connection; empty if there is none. */
    private String greeting() {
        try (var socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PROBE_MS);
            socket.setSoTimeout(PROBE_MS);
            String line = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))
                    .readLine();
            return line == null ? "" : line;
        } catch (IOException notYet) {
            return "";
        }
    }

    private boolean hasSaid(String text, int since) {
        return log().indexOf(text, since) >= 0;
    }

    private String logTail() {
        String[] lines = log().split("\n");
        return String.join("\n", Arrays.asList(lines).subList(Math.max(0, lines.length - TAIL_LINES), lines.length));
    }

    private Path configFile() {
        return directory.resolve("nats.conf");
    }

    private Path logFile() {
        return directory.resolve("nats.log");
    }
}
