package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * A stock Karaf in a process of its own, on 127.0.0.1 and free ports. It has no remote repositories and an empty local
 * one, so every bundle in it comes from the distribution or was deployed.
 *
 * <p>Several threads at once may run commands and change files, but not start and close it.
 */
public final class KarafProcess implements AutoCloseable {

    /** System property with the directory of an unpacked stock Karaf. */
    public static final String DISTRIBUTION = "fleettelemetry.karaf";

    /**
     * System property with options for the JVMs of Karaf and of {@code bin/client}; Karaf's own are used if it is not
     * set.
     */
    public static final String OPTIONS = "fleettelemetry.karaf.options";

    private static final Duration START_LIMIT = Duration.ofSeconds(120);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(30);
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(120);
    private static final Duration LOG_LIMIT = Duration.ofSeconds(60);
    private static final int PROBE_MS = 2000;

    private final KarafHome files;
    private final int sshPort;
    private final Shell shell;
    private Child process;
    /** The value of {@code -Xmx}; empty for the default of {@code bin/karaf}. */
    private String maxMemory = "";

    private KarafProcess(KarafHome files, int sshPort) {
        this.files = files;
        this.sshPort = sshPort;
        this.shell = new Shell(sshPort, COMMAND_LIMIT);
    }

    /**
     * The result of commands in Karaf.
     *
     * @param exit 0, or another number if a command failed
     * @param out the commands' standard output
     * @param err their standard error
     */
    public record Result(int exit, String out, String err) {}

    /**
     * Copies the distribution that the system property {@link #DISTRIBUTION} names, and starts the copy. It reads
     * changes in {@code etc/} and {@code deploy/} sooner than a stock Karaf, and does not write into these files.
     *
     * @param home directory for the copy; it is deleted first, and stays after {@link #close}, so that the log can be
     *     read
     * @return the running Karaf, which takes commands
     * @throws IllegalStateException if it does not start; the message has its log
     */
    public static KarafProcess start(Path home) {
        return start(home, KarafHome::hurryFileInstall);
    }

    /** Like {@link #start}, but Karaf reads changed files as a stock one does. */
    public static KarafProcess startStock(Path home) {
        return start(home, files -> {});
    }

    private static KarafProcess start(Path home, Consumer<KarafHome> more) {
        String distribution = System.getProperty(DISTRIBUTION);
        if (distribution == null) {
            throw new IllegalStateException("The system property " + DISTRIBUTION + " must name an unpacked Karaf.");
        }
        int sshPort = FreePort.next();
        var files = KarafHome.copy(Path.of(distribution), home, sshPort);
        more.accept(files);
        var karaf = new KarafProcess(files, sshPort);
        // With daemon, unlike server, no shell waits for the JVM: the process is the JVM itself.
        karaf.run("daemon");
        return karaf;
    }

    /**
     * Starts a Karaf that has ended again, with its configuration, its data and its deployed files.
     *
     * @param way an argument of {@code bin/karaf}: {@code daemon}, which service managers use, or {@code server}, with
     *     which the script stays and starts a new JVM if this one asks for it; {@link #pid} is then the script's
     * @throws IllegalStateException if it does not start; the message has its log
     */
    public void startAgain(String way) {
        if (process.isAlive()) {
            throw new IllegalStateException("it still runs");
        }
        run(way);
    }

    /**
     * Waits until the process has ended by itself.
     *
     * @param limit longest wait
     * @return the exit code of {@code bin/karaf}
     * @throws IllegalStateException if it does not end within the limit; the message has its log
     */
    public int awaitExit(Duration limit) {
        if (!Wait.until(limit, () -> !process.isAlive())) {
            throw new IllegalStateException("Karaf has not ended within " + limit + ":\n" + log());
        }
        return process.process().exitValue();
    }

    private void run(String... way) {
        var command = command("bin/karaf", way)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(files.console().toFile()));
        process = Child.start(command);
        if (!Wait.until(START_LIMIT, () -> !process.isAlive() || sshAnswers() && takesCommands())
                || !process.isAlive()) {
            close();
            throw new IllegalStateException("Karaf did not start in " + home() + ":\n" + log());
        }
    }

    /**
     * Stops Karaf in order and starts it again, as {@code bin/karaf clean} does: without {@code data/} and the log in
     * it, so only with the files in {@code etc/} and {@code deploy/}.
     *
     * @throws IllegalStateException if it does not start; the message has its log
     */
    public void restartClean() {
        process.stop(STOP_LIMIT);
        run("daemon", "clean");
    }

    /**
     * Stops Karaf in order, and by force if that takes more than half a minute; {@link #startAgain} starts it again.
     */
    public void stop() {
        process.stop(STOP_LIMIT);
    }

    /**
     * Sets the largest size of the heap from the next start on.
     *
     * @param size a value for {@code -Xmx}, for example {@code 128m}
     */
    public void maxMemory(String size) {
        maxMemory = size;
    }

    /** The directory that Karaf runs in. */
    public Path home() {
        return files.directory();
    }

    /** The process id of Karaf's JVM. */
    public long pid() {
        return process.pid();
    }

    /** Whether the process runs. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /**
     * Runs commands in one session over SSH, as {@code bin/client} does, but without a JVM of its own.
     *
     * @param commands the commands as typed, in their order; the first one that fails ends the session
     * @throws IllegalStateException if they take longer than two minutes
     */
    public Result execute(String... commands) {
        try {
            return shell.execute(List.of(commands));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Starts commands in one session of {@code bin/client}, for callers that read the output while the commands run.
     *
     * @param commands the commands as typed, in their order
     * @return the process of the client, with the commands' standard output and error; it ends with this JVM
     */
    public Process client(String... commands) {
        // Commands come through standard input: without a terminal, commands given as arguments cannot print.
        var client = Child.start(command("bin/client", "-b")).process();
        try (var in = client.getOutputStream()) {
            in.write((String.join("\n", commands) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException gone) {
            // The client has ended before it read the commands: its exit status and standard error say why.
            return client;
        }
        return client;
    }

    /** Puts a file, usually a KAR, into {@code deploy/}, in one step, so that Karaf never sees half of it. */
    public void deploy(Path file) {
        files.deploy(file);
    }

    /** Removes the file of this name from {@code deploy/}. */
    public void undeploy(Path file) {
        files.undeploy(file);
    }

    /**
     * Replaces a file of {@code etc/} in one step. The change takes effect within two seconds.
     *
     * @param name for example {@code io.fleettelemetry.host.cfg}
     * @param text the whole file
     */
    public void writeConfig(String name, String text) {
        files.writeConfig(name, text);
    }

    /** The path of a file in {@code etc/}, whether the file exists or not. */
    public Path etc(String name) {
        return files.etc(name);
    }

    /** The output of the process to its console so far, followed by Karaf's log. */
    public String log() {
        return files.log();
    }

    /**
     * Waits until the log contains a match of a regular expression, for at most a minute.
     *
     * @param regex the regular expression
     * @throws IllegalStateException if there is no match in time; the message has the log
     */
    public void awaitLog(String regex) {
        var pattern = Pattern.compile(regex);
        if (!Wait.until(LOG_LIMIT, () -> pattern.matcher(log()).find())) {
            throw new IllegalStateException("no \"" + regex + "\" in the log:\n" + log());
        }
    }

    /** A dump of all threads of Karaf with their names and stacks, as {@code jcmd} prints it. */
    public String threads() {
        try {
            var jcmd =
                    new ProcessBuilder(javaHome().resolve("bin/jcmd").toString(), Long.toString(pid()), "Thread.print");
            return text(jcmd.redirectErrorStream(true).start().getInputStream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Stops Karaf in order, and by force if that takes more than half a minute. Returns when the process is gone. */
    @Override
    public void close() {
        shell.close();
        process.stop(STOP_LIMIT);
    }

    private boolean sshAnswers() {
        try (var socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), sshPort), PROBE_MS);
            socket.setSoTimeout(PROBE_MS);
            return "SSH-".equals(new String(socket.getInputStream().readNBytes(4), StandardCharsets.US_ASCII));
        } catch (IOException notYet) {
            return false;
        }
    }

    private boolean takesCommands() {
        try {
            return shell.execute(List.of("bundle:list")).exit() == 0;
        } catch (IOException notYet) {
            return false;
        }
    }

    private ProcessBuilder command(String program, String... arguments) {
        var command = new ProcessBuilder(home().resolve(program).toString()).directory(home().toFile());
        command.command().addAll(List.of(arguments));
        var environment = command.environment();
        // Tests decide what changes Karaf or our bundles, so variables of the caller's environment must not.
        environment
                .keySet()
                .removeIf(name ->
                        name.startsWith("KARAF_") || name.equals("JAVA_OPTS") || name.equals("AIRBRAKE_PROJECT_KEY"));
        environment.put("JAVA_HOME", javaHome().toString());
        // bin/karaf does not know JAVA_MAX_MEM. If there are two -Xmx, the last one counts.
        environment.put(
                "EXTRA_JAVA_OPTS", System.getProperty(OPTIONS, "") + (maxMemory.isEmpty() ? "" : " -Xmx" + maxMemory));
        return command;
    }

    private static Path javaHome() {
        return KarafJdk.find()
                .orElseThrow(() -> new IllegalStateException(
                        "There is no JDK for Karaf, which runs on 17 to 23: set KARAF_JAVA_HOME to one"));
    }

    private static String text(InputStream in) {
        try (in) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
