package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Properties;

/** The directory of a {@link KarafProcess}, with its configuration, deployed files and logs. */
final class KarafHome {

    private final Path directory;

    private KarafHome(Path directory) {
        this.directory = directory;
    }

    /**
     * Copies a distribution, to run without a network.
     *
     * @param home directory for the copy; it is deleted first
     */
    static KarafHome copy(Path distribution, Path home, int sshPort) {
        var karaf = new KarafHome(home.toAbsolutePath());
        Trees.delete(karaf.directory);
        Trees.copy(distribution, karaf.directory);
        karaf.configure(sshPort);
        return karaf;
    }

    private void configure(int sshPort) {
        // An RSA key takes seconds to make, and signing with it takes most of the time of a command.
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
                        directory.resolve("data/no-repository").toString()));
        try {
            // In a stock Karaf the user is commented out.
            Files.writeString(
                    etc("users.properties"),
                    "\nkaraf = karaf,_g_:admingroup\n_g_\\:admingroup = group,admin,manager,viewer,systembundles,ssh\n",
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Stops FileInstall from writing a configuration back into its file, which undoes an edit within the next tenth of
     * a second: tests are that fast, people are not. FileInstall also looks for changes more often, so tests wait less.
     */
    void hurryFileInstall() {
        edit(
                "custom.properties",
                Map.of("felix.fileinstall.enableConfigSave", "false", "felix.fileinstall.poll", "200"));
    }

    Path directory() {
        return directory;
    }

    /** The file with the output of the process to its console. */
    Path console() {
        return directory.resolve("console.log");
    }

    String log() {
        return textOf(console()) + textOf(directory.resolve("data/log/karaf.log"));
    }

    Path etc(String name) {
        return directory.resolve("etc").resolve(name);
    }

    void writeConfig(String name, String text) {
        try {
            Path outside = directory.resolve(name + ".part");
            Files.writeString(outside, text);
            Files.move(outside, etc(name), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void deploy(Path file) {
        try {
            Path outside = directory.resolve(file.getFileName() + ".part");
            Files.copy(file, outside, StandardCopyOption.REPLACE_EXISTING);
            Files.move(outside, deployed(file), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void undeploy(Path file) {
        try {
            Files.delete(deployed(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path deployed(Path file) {
        return directory.resolve("deploy").resolve(file.getFileName());
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
}
