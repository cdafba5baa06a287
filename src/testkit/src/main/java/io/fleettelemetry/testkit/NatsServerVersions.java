package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * nats-server programs of several versions: those that the environment variable {@code NATS_SERVERS} names (paths,
 * separated by commas or colons), or else the one that every test uses and, on Debian and Ubuntu, those of newer suites of
 * the distribution's archive. These are unpacked under {@code target/nats-server}; the system's lists of packages and its
 * packages stay as they are.
 */
public final class NatsServerVersions {

    /**
     * @param version as it says itself
     * @param from where it comes from
     */
    public record Version(Path program, String version, String from) {}

    private static final Pattern VERSION = Pattern.compile("v?(\\d+(?:\\.\\d+)+\\S*)");
    private static final Pattern ARCHIVE =
            Pattern.compile("(?:^URIs:\\s*|^deb\\s+(?:\\[[^]]*\\]\\s+)?)(https?://\\S+)");
    private static final Pattern PACKAGE = Pattern.compile("nats-server\\s*\\|\\s*(\\S+)\\s*\\|");
    private static final Map<String, Distribution> DISTRIBUTIONS = Map.of(
            "debian",
            new Distribution(
                    List.of("stable", "testing", "unstable"), "main", "/usr/share/keyrings/debian-archive-keyring.gpg"),
            "ubuntu",
            new Distribution(List.of("devel"), "universe", "/usr/share/keyrings/ubuntu-archive-keyring.gpg"));

    /** @param suites newer ones than any release that is in use, the oldest first */
    private record Distribution(List<String> suites, String component, String keyring) {}

    private final Programs programs;
    private final Path directory;
    private final Consumer<String> say;

    private NatsServerVersions(Programs programs, Path directory, Consumer<String> say) {
        this.programs = programs;
        this.directory = directory;
        this.say = say;
    }

    /**
     * All that can be had, the oldest first, each version once.
     *
     * @param say takes lines about what is done and what is lacking
     */
    public static List<Version> find(Consumer<String> say) {
        var programs = new Programs(NatsServerBinary.path());
        var versions = new NatsServerVersions(
                programs, NatsServerBinary.directory().toAbsolutePath().resolve("suites"), say);
        String named = System.getenv("NATS_SERVERS");
        return versions.distinct(
                named != null
                        ? Arrays.stream(named.split("[,:\\s]+"))
                                .filter(path -> !path.isEmpty())
                                .map(path -> versions.version(Path.of(path), "NATS_SERVERS"))
                        : Stream.concat(
                                Stream.of(versions.version(NatsServerBinary.find(), "as for every test")),
                                versions.archived().stream()));
    }

    private List<Version> distinct(Stream<Version> all) {
        var distinct = new LinkedHashMap<String, Version>();
        all.sorted(Comparator.comparing(Version::version, NatsServerVersions::compare))
                .forEach(version -> distinct.putIfAbsent(version.version, version));
        return List.copyOf(distinct.values());
    }

    /** Compares 2.9.10 and 2.10.27 as people do. */
    static int compare(String one, String other) {
        String[] ones = one.split("[^0-9]+");
        String[] others = other.split("[^0-9]+");
        for (int i = 0; i < Math.min(ones.length, others.length); i++) {
            int difference = Integer.compare(Integer.parseInt(ones[i]), Integer.parseInt(others[i]));
            if (difference != 0) {
                return difference;
            }
        }
        return Integer.compare(ones.length, others.length);
    }

    private Version version(Path program, String from) {
        Path absolute = program.toAbsolutePath();
        String said = programs.output(Path.of("").toAbsolutePath(), absolute.toString(), List.of("--version"))
                .orElseThrow(() -> new IllegalStateException(
                        absolute + " (" + from + ") is no nats-server that runs here:\n" + programs.tried()));
        Matcher matcher = VERSION.matcher(said);
        if (!matcher.find()) {
            throw new IllegalStateException(absolute + " (" + from + ") says no version: " + said);
        }
        return new Version(absolute, matcher.group(1), from);
    }

    private List<Version> archived() {
        Distribution distribution = DISTRIBUTIONS.get(distribution());
        Optional<String> archive = archive();
        if (distribution == null
                || archive.isEmpty()
                || programs.find("apt-get").isEmpty()) {
            say.accept("NO OTHER VERSIONS: this is no Debian or Ubuntu with an archive; name servers in NATS_SERVERS");
            return List.of();
        }
        var versions = new ArrayList<Version>();
        for (String suite : distribution.suites) {
            try {
                versions.add(version(fetch(distribution, archive.get(), suite), "suite " + suite));
            } catch (IllegalStateException e) {
                say.accept("NO SERVER OF " + suite + " of " + archive.get() + ": " + e.getMessage());
            }
        }
        return versions;
    }

    private Path fetch(Distribution distribution, String archive, String suite) {
        try {
            Path place = directory.resolve(suite);
            Files.createDirectories(place.resolve("lists/partial"));
            Files.createDirectories(place.resolve("cache/archives/partial"));
            Path sources = place.resolve("sources.list");
            Files.writeString(
                    sources,
                    "deb [signed-by=" + distribution.keyring + "] " + archive + " " + suite + " "
                            + distribution.component + "\n");
            var options = List.of(
                    "-o",
                    "Dir::Etc::sourcelist=" + sources,
                    "-o",
                    "Dir::Etc::sourceparts=/dev/null",
                    "-o",
                    "Dir::State::Lists=" + place.resolve("lists"),
                    "-o",
                    "Dir::Cache=" + place.resolve("cache"));
            say.accept("looking for a nats-server in " + suite + " of " + archive);
            apt(place, "apt-get", options, "update", "-q");
            Matcher newest = PACKAGE.matcher(apt(place, "apt-cache", options, "madison", "nats-server"));
            if (!newest.find()) {
                throw new IllegalStateException("it has no package nats-server");
            }
            Path unpacked = place.resolve(newest.group(1).replace(':', '_'));
            if (NatsServerBinary.unpacked(unpacked).isEmpty()) {
                Path fresh = place.resolve("fresh");
                Trees.delete(fresh);
                Files.createDirectories(fresh);
                apt(fresh, "apt-get", options, "download", "nats-server=" + newest.group(1));
                try (var debs = Files.newDirectoryStream(fresh, "*.deb")) {
                    for (Path deb : debs) {
                        apt(fresh, "dpkg-deb", List.of(), "-x", deb.toString(), fresh.toString());
                    }
                }
                Trees.delete(unpacked);
                Files.move(fresh, unpacked);
            }
            return NatsServerBinary.unpacked(unpacked)
                    .orElseThrow(() -> new IllegalStateException("its package has no program nats-server"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String apt(Path place, String program, List<String> options, String... arguments) {
        var all = new ArrayList<>(options);
        all.addAll(List.of(arguments));
        return programs.output(place, program, all).orElseThrow(() -> new IllegalStateException(programs.tried()));
    }

    private static String distribution() {
        return lines(Path.of("/etc/os-release"))
                .filter(line -> line.startsWith("ID="))
                .map(line -> line.substring(3).replace("\"", ""))
                .findFirst()
                .orElse("");
    }

    /** The system's own archive: the first that its lists of sources name. */
    private static Optional<String> archive() {
        Path apt = Path.of("/etc/apt");
        return Stream.concat(Stream.of(apt.resolve("sources.list")), files(apt.resolve("sources.list.d")))
                .flatMap(NatsServerVersions::lines)
                .map(ARCHIVE::matcher)
                .filter(Matcher::find)
                .map(matcher -> matcher.group(1))
                .filter(uri -> uri.matches(".*/(debian|ubuntu)/?"))
                .findFirst();
    }

    private static Stream<Path> files(Path directory) {
        try (var files = Files.list(directory)) {
            return files.sorted().toList().stream();
        } catch (IOException none) {
            return Stream.of();
        }
    }

    private static Stream<String> lines(Path file) {
        try {
            return Files.readAllLines(file).stream();
        } catch (IOException none) {
            return Stream.of();
        }
    }
}
