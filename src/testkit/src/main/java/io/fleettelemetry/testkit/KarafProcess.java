package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * A stock Karaf in a process of its own, on 127.0.0.1 and free ports, without a network: it has no remote repositories
 * and an empty local one, so whatever runs in it was in the distribution or in what was deployed.
 *
 * <p>Commands and file operations may come from several threads at once; starting and closing may not.
 */
public final class KarafProcess implements AutoCloseable {

    /** System property with the directory of an unpacked stock Karaf. */
    public static final String DISTRIBUTION = "fleettelemetry.karaf";

    /** System property with options for the JVMs of Karaf and of {@code bin/client}; Karaf's own are used if it is not set. */
    public static final String OPTIONS = "fleettelemetry.karaf.options";

    private static final Duration START_LIMIT = Duration.ofSeconds(120);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(30);
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(120);
    private static final Duration LOG_LIMIT = Duration.ofSeconds(60);
    private static final int PROBE_MS = 2000;

    private final Path home;
    private final int sshPort;
    private final Shell shell;
    private Child process;
    /** Empty for what {@code bin/karaf} takes by itself. */
    private String maxMemory = "";

    private KarafProcess(Path home, int sshPort) {
        this.home = home;
        this.sshPort = sshPort;
        this.shell = new Shell(sshPort, COMMAND_LIMIT);
    }

    /**
     * What a command in Karaf came to.
     *
     * @param exit 0, or another number if a command failed
     * @param out what the commands wrote to standard output
     * @param err what they wrote to standard error
     */
    public record Result(int exit, String out, String err) {}

    /**
     * Copies the distribution that the system property {@link #DISTRIBUTION} names, and starts the copy. It takes up files
     * of {@code etc/} and {@code deploy/} sooner than a stock one, and writes nothing back into them.
     *
     * @param home where to put it; what is there is deleted first, and stays after {@link #close} for its log to be read
     * @return the running Karaf, which takes commands
     * @throws IllegalStateException if it does not start; with its log
     */
    public static KarafProcess start(Path home) {
        return start(home, KarafProcess::hurryFileInstall);
    }

    /** As {@link #start}, but with files taken up as a stock Karaf does it. */
    public static KarafProcess startStock(Path home) {
        return start(home, karaf -> {});
    }

    private static KarafProcess start(Path home, Consumer<KarafProcess> more) {
        String distribution = System.getProperty(DISTRIBUTION);
        if (distribution == null) {
            throw new IllegalStateException("The system property " + DISTRIBUTION + " must name an unpacked Karaf.");
        }
        Path directory = home.toAbsolutePath();
        Trees.delete(directory);
        Trees.copy(Path.of(distribution), directory);
        var karaf = new KarafProcess(directory, FreePort.next());
        karaf.configure();
        more.accept(karaf);
        // daemon is server without a shell that waits for the JVM: the process is the JVM itself.
        karaf.run("daemon");
        return karaf;
    }

    /**
     * Starts one that has ended again, as it is: with its configuration, its data and what was deployed.
     *
     * @param way as {@code bin/karaf} calls it: {@code daemon}, which service managers use, or {@code server}, where the
     *     script stays, to start a new JVM if this one asks for it; {@link #pid} is then the script's
     * @throws IllegalStateException if it does not start; with its log
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
     * @return its exit code, as whoever started {@code bin/karaf} sees it
     * @throws IllegalStateException if it does not end within the limit; with its log
     */
    public int awaitExit(Duration limit) {
        if (!Wait.until(limit, () -> !process.isAlive())) {
            throw new IllegalStateException("Karaf has not ended within " + limit + ":\n" + log());
        }
        return process.process().exitValue();
    }

    private void configure() {
        // An RSA key takes seconds to make, and most of the time of a command to sign with.
        edit(
                "org.apache.karaf.shell.cfg",
                Map.of(
                        "sshHost", "127.0.0.1",
                        "sshPort", Integer.toString(sshPort),
                        "algorithm", "EC",
                        "keySize", "256"));
        edit(
                "org.apache.karaf.management.cfg",
                Map.of(
                        "rmiRegistryPort", Integer.toString(FreePort.next()),
                        "rmiServerPort", Integer.toString(FreePort.next())));
        edit(
                "org.ops4j.pax.url.mvn.cfg",
                Map.of(
                        "org.ops4j.pax.url.mvn.repositories",
                        "",
                        "org.ops4j.pax.url.mvn.localRepository",
                        home.resolve("data/no-repository").toString()));
        try {
            // Stock Karaf has the user as a comment.
            Files.writeString(
                    etc("users.properties"),
                    "\nkaraf = karaf,_g_:admingroup\n_g_\\:admingroup = group,admin,manager,viewer,systembundles,ssh\n",
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * FileInstall writes what it has read back into the file. Within a tenth of a second that undoes the next edit: too slow
     * for people to meet it, but not for tests, which also need not wait a second for it to look.
     */
    private void hurryFileInstall() {
        edit(
                "custom.properties",
                Map.of("felix.fileinstall.enableConfigSave", "false", "felix.fileinstall.poll", "200"));
    }

    private void run(String... way) {
        var command = command("bin/karaf", way)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        home.resolve("console.log").toFile()));
        process = Child.start(command);
        if (!Wait.until(START_LIMIT, () -> !process.isAlive() || sshAnswers() && takesCommands())
                || !process.isAlive()) {
            close();
            throw new IllegalStateException("Karaf did not start in " + home + ":\n" + log());
        }
    }

    /**
     * Stops it in order and starts it again, as {@code bin/karaf clean} does: without anything that it had in
     * {@code data/}, the log too, and so with what is in {@code etc/} and {@code deploy/} alone.
     *
     * @throws IllegalStateException if it does not start; with its log
     */
    public void restartClean() {
        process.stop(STOP_LIMIT);
        run("daemon", "clean");
    }

    /** Stops it in order, and by force if that takes more than half a minute; {@link #startAgain} starts it again. */
    public void stop() {
        process.stop(STOP_LIMIT);
    }

    /**
     * How large its heap may become from the next start on.
     *
     * @param size as {@code -Xmx} takes it, for example {@code 128m}
     */
    public void maxMemory(String size) {
        maxMemory = size;
    }

    /** The directory it runs in. */
    public Path home() {
        return home;
    }

    /** The process id of its JVM. */
    public long pid() {
        return process.pid();
    }

    /** Whether the process is there. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /**
     * Runs commands in one session, by the way that {@code bin/client} takes too, but without starting a JVM for it.
     *
     * @param commands as one would type them, in their order; the first that fails ends it
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
     * Starts commands in one session of {@code bin/client}, for those who read along.
     *
     * @return the client, whose standard output and error are the commands'; it ends with this JVM
     */
    public Process client(String... commands) {
        // Commands come by standard input: without a terminal, commands given as arguments can print nothing.
        var client = Child.start(command("bin/client", "-b")).process();
        try (var in = client.getOutputStream()) {
            in.write((String.join("\n", commands) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException gone) {
            // It has ended before it read them: its exit status and standard error say why.
            return client;
        }
        return client;
    }

    /** Puts a file, usually a KAR, into {@code deploy/}, in one step so that Karaf never sees half of it. */
    public void deploy(Path file) {
        try {
            Path outside = home.resolve(file.getFileName() + ".part");
            Files.copy(file, outside, StandardCopyOption.REPLACE_EXISTING);
            Files.move(outside, deployed(file), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Takes a file of this name out of {@code deploy/}. */
    public void undeploy(Path file) {
        try {
            Files.delete(deployed(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Replaces a file of {@code etc/} in one step. Karaf takes it up within two seconds.
     *
     * @param name for example {@code io.fleettelemetry.host.cfg}
     * @param text the whole file
     */
    public void writeConfig(String name, String text) {
        try {
            Path outside = home.resolve(name + ".part");
            Files.writeString(outside, text);
            Files.move(outside, etc(name), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A file of {@code etc/}, whether it is there or not. */
    public Path etc(String name) {
        return home.resolve("etc").resolve(name);
    }

    /** Karaf's log so far, and before it what the process wrote to its console. */
    public String log() {
        return textOf(home.resolve("console.log")) + textOf(home.resolve("data/log/karaf.log"));
    }

    /**
     * Waits until something is in the log, for at most a minute.
     *
     * @param regex found anywhere in the log
     * @throws IllegalStateException if it is not; with the log
     */
    public void awaitLog(String regex) {
        var pattern = Pattern.compile(regex);
        if (!Wait.until(LOG_LIMIT, () -> pattern.matcher(log()).find())) {
            throw new IllegalStateException("no \"" + regex + "\" in the log:\n" + log());
        }
    }

    /** A dump of all its threads with their names and stacks, as {@code jcmd} prints it. */
    public String threads() {
        try {
            var jcmd =
                    new ProcessBuilder(javaHome().resolve("bin/jcmd").toString(), Long.toString(pid()), "Thread.print");
            return text(jcmd.redirectErrorStream(true).start().getInputStream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Stops it in order, and by force if that takes more than half a minute. Returns when the process is gone. */
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
        var command = new ProcessBuilder(home.resolve(program).toString()).directory(home.toFile());
        command.command().addAll(List.of(arguments));
        var environment = command.environment();
        // What changes Karaf, or our bundles in it, is the test's business, not that of whoever runs the tests.
        environment
                .keySet()
                .removeIf(name ->
                        name.startsWith("KARAF_") || name.equals("JAVA_OPTS") || name.equals("AIRBRAKE_PROJECT_KEY"));
        environment.put("JAVA_HOME", javaHome().toString());
        // bin/karaf knows no JAVA_MAX_MEM; of two the last one counts.
        environment.put(
                "EXTRA_JAVA_OPTS", System.getProperty(OPTIONS, "") + (maxMemory.isEmpty() ? "" : " -Xmx" + maxMemory));
        return command;
    }

    private static Path javaHome() {
        return KarafJdk.find()
                .orElseThrow(() -> new IllegalStateException(
                        "There is no JDK for Karaf, which runs on 17 to 23: set KARAF_JAVA_HOME to one"));
    }

    private Path deployed(Path file) {
        return home.resolve("deploy").resolve(file.getFileName());
    }

    private void edit(String name, Map<String, String> changes) {
        var properties = new Properties();
        try {
            try (var in = Files.newBufferedReader(etc(name))) {
                properties.load(in);
            }
            properties.putAll(changes);
            try (var out = Files.newBufferedWriter(etc(name))) {
                properties.store(out, null);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String textOf(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(InputStream in) {
        try (in) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
