package io.fleettelemetry.features;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarInputStream;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** The KAR that this build has made, and the module that made it. */
final class Kar {

    static final Path FILE = Path.of(System.getProperty("fleettelemetry.kar"));

    /** The module's target folder, wherever the process was started. */
    static final Path TARGET = FILE.getParent();

    private static final String REPOSITORY = "repository/";

    /**
     * A bundle in the KAR.
     *
     * @param location where Karaf says it comes from, such as {@code mvn:com.google.code.gson/gson/2.14.0}
     * @param manifest of the jar
     * @param entries names of all files in the jar
     */
    record Bundle(String location, Manifest manifest, List<String> entries) {

        String header(String name) {
            return manifest.getMainAttributes().getValue(name);
        }

        String symbolicName() {
            return header("Bundle-SymbolicName").split(";")[0];
        }

        boolean isOurs() {
            return location.startsWith("mvn:io.fleettelemetry/");
        }

        boolean isFragment() {
            return header("Fragment-Host") != null;
        }
    }

    private Kar() {}

    /** The text of a configuration file that comes with the KAR, such as {@code io.fleettelemetry.host.cfg}. */
    static String configuration(String name) {
        try {
            return Files.readString(TARGET.resolveSibling("src/main/cfg").resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All bundles by location. */
    static Map<String, Bundle> bundles() {
        var bundles = new LinkedHashMap<String, Bundle>();
        try (var kar = new ZipFile(FILE.toFile())) {
            for (ZipEntry entry : kar.stream().toList()) {
                if (entry.getName().startsWith(REPOSITORY) && entry.getName().endsWith(".jar")) {
                    Bundle bundle = bundle(location(entry.getName()), kar.getInputStream(entry));
                    bundles.put(bundle.location, bundle);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bundles;
    }

    /** Copies the KAR's Maven repository, which is all that it holds, to a directory that may have others' files. */
    static void unpackRepository(Path directory) {
        try (var kar = new ZipFile(FILE.toFile())) {
            for (ZipEntry entry : kar.stream().toList()) {
                if (entry.getName().startsWith(REPOSITORY) && !entry.isDirectory()) {
                    Path file = directory.resolve(entry.getName().substring(REPOSITORY.length()));
                    Files.createDirectories(file.getParent());
                    Files.copy(kar.getInputStream(entry), file, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The same KAR as a later release would be: only the versions of the feature and of our bundles are others.
     *
     * @return the file, in a folder of the module's target folder
     */
    static Path release(String version) {
        String now = FILE.getFileName().toString().replaceFirst(".*-(.*)\\.kar", "$1");
        Path file = TARGET.resolve("other-releases")
                .resolve(FILE.getFileName().toString().replace(now, version));
        try (var kar = new ZipFile(FILE.toFile());
                var out = new ZipOutputStream(newFile(file))) {
            for (ZipEntry entry : kar.stream().toList()) {
                String name = entry.getName();
                boolean ours = name.startsWith(REPOSITORY + "io/fleettelemetry/");
                out.putNextEntry(new ZipEntry(ours ? name.replace(now, version) : name));
                byte[] bytes = kar.getInputStream(entry).readAllBytes();
                if (ours && name.endsWith(".jar")) {
                    bytes = restamp(bytes, now, version);
                } else if (ours && name.endsWith("-features.xml")) {
                    bytes = new String(bytes, StandardCharsets.UTF_8)
                            .replace(now, version)
                            .getBytes(StandardCharsets.UTF_8);
                }
                out.write(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private static OutputStream newFile(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.newOutputStream(file);
    }

    /** A bundle with another version; what it says of packages stays, for they have versions of their own. */
    private static byte[] restamp(byte[] jar, String now, String version) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var in = new JarInputStream(new ByteArrayInputStream(jar))) {
            Manifest manifest = in.getManifest();
            for (String header : List.of("Bundle-Version", "Fragment-Host")) {
                manifest.getMainAttributes()
                        .computeIfPresent(
                                new Attributes.Name(header), (name, value) -> ((String) value).replace(now, version));
            }
            try (var out = new JarOutputStream(bytes, manifest)) {
                for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                    out.putNextEntry(new ZipEntry(entry.getName()));
                    in.transferTo(out);
                }
            }
        }
        return bytes.toByteArray();
    }

    /** Copies our bundles out of the KAR, by symbolic name. */
    static Map<String, Path> unpackOurs(Path directory) {
        var files = new LinkedHashMap<String, Path>();
        try (var kar = new ZipFile(FILE.toFile())) {
            Files.createDirectories(directory);
            for (ZipEntry entry : kar.stream().toList()) {
                if (entry.getName().startsWith(REPOSITORY + "io/fleettelemetry/")
                        && entry.getName().endsWith(".jar")) {
                    Path file = directory.resolve(
                            Path.of(entry.getName()).getFileName().toString());
                    Files.copy(kar.getInputStream(entry), file, StandardCopyOption.REPLACE_EXISTING);
                    files.put(
                            bundle(location(entry.getName()), kar.getInputStream(entry))
                                    .symbolicName(),
                            file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }

    /** The texts of all files in our bundles whose name begins like this. */
    static List<String> texts(String prefix) {
        var texts = new ArrayList<String>();
        try (var kar = new ZipFile(FILE.toFile())) {
            for (ZipEntry entry : kar.stream().toList()) {
                if (entry.getName().startsWith(REPOSITORY + "io/fleettelemetry/")
                        && entry.getName().endsWith(".jar")) {
                    try (var jar = new JarInputStream(kar.getInputStream(entry))) {
                        for (ZipEntry file = jar.getNextEntry(); file != null; file = jar.getNextEntry()) {
                            if (file.getName().startsWith(prefix) && !file.isDirectory()) {
                                texts.add(new String(jar.readAllBytes(), StandardCharsets.UTF_8));
                            }
                        }
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return texts;
    }

    /** The jar of a bundle, by its symbolic name. */
    static JarInputStream open(String symbolicName) {
        try (var kar = new ZipFile(FILE.toFile())) {
            ZipEntry entry = kar.stream()
                    .filter(file -> file.getName().matches(".*/" + symbolicName + "-[^/]*\\.jar"))
                    .findFirst()
                    .orElseThrow();
            return new JarInputStream(
                    new ByteArrayInputStream(kar.getInputStream(entry).readAllBytes()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** {@code repository/com/google/code/gson/gson/2.14.0/gson-2.14.0.jar} as {@code mvn:com.google.code.gson/gson/2.14.0}. */
    private static String location(String entry) {
        Path path = Path.of(entry.substring(REPOSITORY.length()));
        int names = path.getNameCount();
        String group = path.subpath(0, names - 3).toString().replace('/', '.');
        return "mvn:" + group + "/" + path.getName(names - 3) + "/" + path.getName(names - 2);
    }

    private static Bundle bundle(String location, InputStream in) throws IOException {
        try (var jar = new JarInputStream(new ByteArrayInputStream(in.readAllBytes()))) {
            var entries = new ArrayList<String>();
            for (ZipEntry entry = jar.getNextEntry(); entry != null; entry = jar.getNextEntry()) {
                entries.add(entry.getName());
            }
            return new Bundle(location, jar.getManifest(), entries);
        }
    }
}
