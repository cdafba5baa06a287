package io.fleettelemetry.testkit;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where the nats-server program comes from. In this order: the environment variable {@code NATS_SERVER}, the PATH, what
 * an earlier search has unpacked, and on Debian and Ubuntu the distribution's package: installed by root, unpacked under
 * {@code target/nats-server} by anybody else.
 */
final class NatsServerBinary {

    private static final String PROGRAM = "nats-server";
    // Debian puts it into a directory that is not on the PATH of an ordinary user.
    private static final List<Path> ALSO = List.of(Path.of("/usr/sbin"), Path.of("/usr/local/sbin"));

    private static Path found;

    private final String named;
    private final List<Path> path;
    private final Path directory;
    private final StringBuilder tried = new StringBuilder();

    /**
     * @param named the value of {@code NATS_SERVER}; null if it is not set
     * @param path directories in which programs are looked for
     * @param directory where the package may be unpacked
     */
    NatsServerBinary(String named, List<Path> path, Path directory) {
        this.named = named;
        this.path = path;
        this.directory = directory.toAbsolutePath();
    }

    /**
     * The program, fetched if need be; what it does then is said on standard output. Safe for several threads and
     * several processes at once.
     *
     * @throws IllegalStateException if it cannot be had; the message says how to get it
     */
    static synchronized Path find() {
        if (found == null) {
            var environment = System.getenv();
            var path = Stream.concat(
                            Arrays.stream(environment.getOrDefault("PATH", "").split(File.pathSeparator))
                                    .filter(entry -> !entry.isEmpty())
                                    .map(Path::of),
                            ALSO.stream())
                    .toList();
            var root = Path.of(System.getProperty("fleettelemetry.root", ""));
            found = new NatsServerBinary(environment.get("NATS_SERVER"), path, root.resolve("target/nats-server"))
                    .resolve();
        }
        return found;
    }

    Path resolve() {
        if (named != null) {
            Path program = Path.of(named);
            if (!Files.isRegularFile(program) || !Files.isExecutable(program)) {
                throw new IllegalStateException(
                        "NATS_SERVER=" + named + " is no program that can be run. Correct it or unset it.");
            }
            return program.toAbsolutePath();
        }
        return onPath(PROGRAM)
                .or(() -> unpacked(directory))
                .or(this::fromPackage)
                .orElseThrow(() -> new IllegalStateException("""
                        There is no nats-server, and the tests and the run need a real one. Any of these helps:
                          - set NATS_SERVER to the path of a nats-server program
                          - install it with the system's packages (Debian, Ubuntu: apt-get install nats-server)
                          - put it on the PATH, from https://github.com/nats-io/nats-server/releases
                        """ + tried));
    }

    private Optional<Path> onPath(String program) {
        return path.stream()
                .map(entry -> entry.resolve(program))
                .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
                .findFirst();
    }

    private static Optional<Path> unpacked(Path root) {
        return Stream.of("usr/sbin", "usr/bin")
                .map(bin -> root.resolve(bin).resolve(PROGRAM))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private Optional<Path> fromPackage() {
        if (onPath("apt-get").isEmpty()) {
            tried.append("(No apt-get on the PATH: cannot fetch it for you.)\n");
            return Optional.empty();
        }
        createDirectories("");
        try (var file =
                FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            file.lock();
            // Another process may have fetched it while this one waited for the lock.
            return onPath(PROGRAM)
                    .or(() -> unpacked(directory))
                    .or(() -> isRoot() ? installed() : Optional.empty())
                    .or(this::downloaded);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isRoot() {
        try {
            return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException | UnsupportedOperationException noProc) {
            return false;
        }
    }

    private Optional<Path> installed() {
        say("installing the package nats-server (apt-get install, as root)");
        var install = List.of("install", "-y", "--no-install-recommends", PROGRAM);
        if (!run("apt-get", install) && run("apt-get", List.of("update"))) {
            run("apt-get", install);
        }
        return onPath(PROGRAM);
    }

    /** Needs no rights: the package goes into our own directory, and so do package lists where the system has none. */
    private Optional<Path> downloaded() {
        say("downloading the package nats-server into " + directory);
        if (!run("apt-get", List.of("download", PROGRAM))) {
            say("this system does not know the package: fetching the lists of packages first");
            String state = "Dir::State=" + directory.resolve("state");
            String cache = "Dir::Cache=" + directory.resolve("cache");
            createDirectories("state/lists/partial", "cache/archives/partial");
            if (!run("apt-get", List.of("-o", state, "-o", cache, "update"))
                    || !run("apt-get", List.of("-o", state, "-o", cache, "download", PROGRAM))) {
                return Optional.empty();
            }
        }
        return unpack();
    }

    private void createDirectories(String... names) {
        try {
            for (String name : names) {
                Files.createDirectories(directory.resolve(name));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Optional<Path> unpack() {
        try (var files = Files.newDirectoryStream(directory, PROGRAM + "_*.deb")) {
            for (Path deb : files) {
                Path fresh = directory.resolve("fresh");
                Trees.delete(fresh);
                if (run("dpkg-deb", List.of("-x", deb.toString(), fresh.toString()))) {
                    // In one step: whoever looks here without the lock finds a whole program or none.
                    Files.move(fresh.resolve("usr"), directory.resolve("usr"), StandardCopyOption.ATOMIC_MOVE);
                    Trees.delete(fresh);
                    return unpacked(directory);
                }
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs a program in our directory to its end; if it fails, what it said becomes part of the final message. */
    private boolean run(String program, List<String> arguments) {
        var command = new ArrayList<String>();
        command.add(onPath(program).map(Path::toString).orElse(program));
        command.addAll(arguments);
        var builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
        // The package would start a service of its own, on port 4222.
        builder.environment().put("SYSTEMD_OFFLINE", "1");
        try {
            var process = Child.start(builder).process();
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes(), Charset.defaultCharset());
            int exit = process.waitFor();
            if (exit != 0) {
                tried.append("Tried in vain: " + String.join(" ", command) + " (exit " + exit + ")\n" + said);
            }
            return exit == 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while running " + program, e);
        }
    }

    private static void say(String what) {
        System.out.println("nats-server: " + what);
    }
}
