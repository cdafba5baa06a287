package io.fleettelemetry.testkit;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds the nats-server program. It looks in this order: the environment variable {@code NATS_SERVER}; the PATH; the
 * package that an earlier search has unpacked; and on Debian and Ubuntu the distribution's package, which root
 * installs, and which any other user unpacks under {@code target/nats-server}.
 */
final class NatsServerBinary {

    private static final String PROGRAM = "nats-server";
    // Debian installs it in a directory that is not on the PATH of an ordinary user.
    private static final List<Path> ALSO = List.of(Path.of("/usr/sbin"), Path.of("/usr/local/sbin"));

    private static Path found;

    private final String named;
    private final Programs programs;
    private final Path directory;

    /**
     * @param named the value of {@code NATS_SERVER}; null if it is not set
     * @param path directories in which to look for programs
     * @param directory directory in which to unpack the package
     */
    NatsServerBinary(String named, List<Path> path, Path directory) {
        this.named = named;
        this.programs = new Programs(path);
        this.directory = directory.toAbsolutePath();
    }

    /**
     * Returns the path of the program, and fetches the program if necessary; it then reports its steps on standard
     * output. Safe for several threads and several processes at once.
     *
     * @throws IllegalStateException if there is no program; the message says how to get one
     */
    static synchronized Path find() {
        if (found == null) {
            found = new NatsServerBinary(System.getenv("NATS_SERVER"), path(), directory()).resolve();
        }
        return found;
    }

    /** The directories of this machine in which to look for programs. */
    static List<Path> path() {
        var path = System.getenv().getOrDefault("PATH", "").split(File.pathSeparator);
        return Stream.concat(
                        Arrays.stream(path).filter(entry -> !entry.isEmpty()).map(Path::of), ALSO.stream())
                .toList();
    }

    /** The directory in which packages are unpacked. */
    static Path directory() {
        return Path.of(System.getProperty("fleettelemetry.root", "")).resolve("target/nats-server");
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
        return programs.find(PROGRAM)
                .or(() -> unpacked(directory))
                .or(this::fromPackage)
                .orElseThrow(() -> new IllegalStateException("""
                        There is no nats-server, and the tests and the run need a real one. Any of these helps:
                          - set NATS_SERVER to the path of a nats-server program
                          - install it with the system's packages (Debian, Ubuntu: apt-get install nats-server)
                          - put it on the PATH, from https://github.com/nats-io/nats-server/releases
                        """ + programs.tried()));
    }

    static Optional<Path> unpacked(Path root) {
        return Stream.of("usr/sbin", "usr/bin")
                .map(bin -> root.resolve(bin).resolve(PROGRAM))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private Optional<Path> fromPackage() {
        if (programs.find("apt-get").isEmpty()) {
            programs.add("(No apt-get on the PATH: cannot fetch it for you.)");
            return Optional.empty();
        }
        createDirectories("");
        try (var file =
                FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            file.lock();
            // Another process may have fetched it while this one waited for the lock.
            return programs.find(PROGRAM)
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
        return programs.find(PROGRAM);
    }

    /** Needs no privileges: the package goes into our own directory, and so do package lists if the system has none. */
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
                    // In one step, so that a process without the lock finds the whole program or none.
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

    private boolean run(String program, List<String> arguments) {
        return programs.run(directory, program, arguments);
    }

    static void say(String what) {
        System.out.println("nats-server: " + what);
    }
}
