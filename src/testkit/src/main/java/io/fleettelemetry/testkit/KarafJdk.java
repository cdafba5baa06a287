package io.fleettelemetry.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * The JDK on which Karaf runs in tests. Karaf 4.4.10 does not start on Java 24 and later, which has no security
 * manager. It is searched in this order: the JDK that the environment variable {@code KARAF_JAVA_HOME} names; the JDK
 * of this JVM, if it is old enough; a JDK in the directory where Linux distributions install them.
 */
public final class KarafJdk {

    private static final int OLDEST = 17;
    private static final int NEWEST = 23;
    private static final Path INSTALLED = Path.of("/usr/lib/jvm");

    private KarafJdk() {}

    /**
     * Returns the JDK's home directory; empty if there is none.
     *
     * @throws IllegalStateException if Karaf does not run on the JDK that {@code KARAF_JAVA_HOME} names
     */
    public static Optional<Path> find() {
        return find(System.getenv("KARAF_JAVA_HOME"), Path.of(System.getProperty("java.home")), INSTALLED);
    }

    static Optional<Path> find(String named, Path own, Path installed) {
        if (named != null && !named.isEmpty()) {
            Path home = Path.of(named).toAbsolutePath();
            if (!isSuitable(home)) {
                throw new IllegalStateException("KARAF_JAVA_HOME=" + named + " is no JDK " + OLDEST + " to " + NEWEST
                        + ", on which Karaf runs. Correct it or unset it.");
            }
            return Optional.of(home);
        }
        return Stream.concat(Stream.of(own), directories(installed))
                .filter(KarafJdk::isSuitable)
                .findFirst();
    }

    private static Stream<Path> directories(Path installed) {
        try (var directories = Files.list(installed)) {
            return directories.sorted().toList().stream();
        } catch (IOException none) {
            return Stream.of();
        }
    }

    private static boolean isSuitable(Path home) {
        int version = version(home);
        return version >= OLDEST && version <= NEWEST && Files.isExecutable(home.resolve("bin/java"));
    }

    /** The major version from a JDK's file {@code release}; 0 if there is none. */
    private static int version(Path home) {
        var release = new Properties();
        try (var in = Files.newBufferedReader(home.resolve("release"))) {
            release.load(in);
            String version = release.getProperty("JAVA_VERSION", "").replace("\"", "");
            return Integer.parseInt(version.split("[^0-9]", 2)[0]);
        } catch (IOException | IllegalArgumentException unknown) {
            return 0;
        }
    }
}
