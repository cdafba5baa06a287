package io.fleettelemetry.features;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The Java sources of all modules, as text. */
final class Sources {

    static final Path ROOT = Path.of(System.getProperty("fleettelemetry.root"));

    private static final Pattern COMMAND =
            Pattern.compile("@Command\\(\\s*scope = \"(telemetry)\",\\s*name = \"([\\w-]+)\"");

    private Sources() {}

    /** Of what is shipped. */
    static List<String> shipped() {
        return texts("src/main/java");
    }

    /** Of the tests, those of the features module included. */
    static List<String> tests() {
        return texts("src/test/java");
    }

    /** Our commands with their scope, such as {@code telemetry:status}. */
    static Set<String> commands() {
        return shipped().stream()
                .flatMap(text -> COMMAND.matcher(text).results())
                .map(found -> found.group(1) + ":" + found.group(2))
                .collect(Collectors.toSet());
    }

    private static List<String> texts(String folder) {
        try (Stream<Path> modules =
                Stream.concat(Files.list(ROOT.resolve("src")), Stream.of(ROOT.resolve("features")))) {
            return modules.map(module -> module.resolve(folder))
                    .filter(Files::isDirectory)
                    .flatMap(Sources::javaFiles)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Stream<String> javaFiles(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files
                    .filter(file -> file.toString().endsWith(".java"))
                    .map(file -> read(file.toString()))
                    .toList()
                    .stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The paths below the root of the files in this folder, sorted. */
    static Stream<String> files(String folder) {
        try (Stream<Path> files = Files.list(ROOT.resolve(folder))) {
            return files.map(file -> folder + "/" + file.getFileName()).sorted().toList().stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A file of the project, by its path below the root. */
    static String read(String file) {
        try {
            return Files.readString(ROOT.resolve(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
