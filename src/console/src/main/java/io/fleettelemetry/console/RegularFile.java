package io.fleettelemetry.console;

import io.fleettelemetry.console.TelemetryCommand.Misuse;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** A file whose name somebody has typed: of a device there is no end, and of a pipe perhaps no beginning. */
final class RegularFile {

    private RegularFile() {}

    /**
     * Reads all of it.
     *
     * @param option that names it
     * @param directory where a relative name begins
     * @param max the most bytes that it may have
     * @throws Misuse if it cannot be read, is no regular file or a link to one, or is larger
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
