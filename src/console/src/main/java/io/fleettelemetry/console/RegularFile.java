package io.fleettelemetry.console;

import io.fleettelemetry.console.TelemetryCommand.Misuse;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Reads a file that an operator has named. It must be a regular file, because reading a device or a pipe may not end.
 */
final class RegularFile {

    private RegularFile() {}

    /**
     * Reads the whole file.
     *
     * @param option the option that names the file
     * @param file the name
     * @param directory the directory for relative names
     * @param max limit (bytes) on the size
     * @throws Misuse if it cannot be read, is not a regular file or a link to one, or is too large
     */
    static byte[] read(String option, String file, Path directory, int max) throws Misuse {
        byte[] bytes;
        try {
            Path path = directory.resolve(file);
            if (!Files.readAttributes(path, BasicFileAttributes.class).isRegularFile()) {
                throw new Misuse(option, file, "cannot be read: it is not a regular file");
            }
            try (InputStream in = Files.newInputStream(path)) {
                bytes = in.readNBytes(max + 1);
            }
        } catch (IOException | InvalidPathException e) {
            throw new Misuse(option, file, "cannot be read: " + e);
        }
        if (bytes.length > max) {
            throw new Misuse(option, file, "is too large: it has more than " + max + " bytes");
        }
        return bytes;
    }
}
