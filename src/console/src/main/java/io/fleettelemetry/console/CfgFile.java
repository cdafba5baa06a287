package io.fleettelemetry.console;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A {@code .cfg} file, which may not exist yet, and its new text. */
final class CfgFile {

    private static final String HEADER = "# From the Go server's configuration, by telemetry:import-config.\n";

    private final String name;
    private final Path etc;
    private final Path path;
    private final boolean there;
    private final CfgText text;
    /** Whether this object has created the file with the new text beside the old one. */
    private boolean prepared;

    /**
     * Reads the file, if it exists. A symbolic link is followed, for reading and writing.
     *
     * @throws IOException if it exists and cannot be read
     */
    CfgFile(Path etc, String name) throws IOException {
        this.name = name;
        this.etc = etc;
        Path file = etc.resolve(name);
        this.there = Files.exists(file);
        this.path = there ? file.toRealPath() : file;
        this.text = new CfgText(there ? Files.readString(path, StandardCharsets.ISO_8859_1) : HEADER);
    }

    String name() {
        return name;
    }

    /** Whether the file existed when it was read. */
    boolean isThere() {
        return there;
    }

    /** The text of the file, with the changes so far. */
    CfgText text() {
        return text;
    }

    /**
     * Returns why this file must not be written, if it would change; empty if it may be written. Either another file
     * has the settings of the same PID, so that Karaf would use sometimes one and sometimes the other. Or its values
     * are typed, as in {@code key = I"5"}, and FileInstall ignores plain values in such a file.
     */
    Optional<String> obstacle() {
        String pid = name.replaceAll("\\.cfg$", "");
        return Stream.of(pid, pid.replaceFirst("-", "~"))
                .flatMap(base -> Stream.of(base + ".cfg", base + ".config", base + ".cfg.json"))
                .filter(other -> !other.equals(name) && Files.exists(etc.resolve(other)))
                .findFirst()
                .map(other -> etc.resolve(other) + " already has the settings of " + pid
                        + ", in a syntax that this command" + " does not write; move them to " + name
                        + " and delete this file, or make the change in it")
                .or(() -> text.typedKey()
                        .map(key -> path + " has typed values, such as that of " + key
                                + "; write all of them as plain text (" + key
                                + " = value), or make the change by hand"));
    }

    /** Whether the new text differs from the old one. */
    boolean isChanged() {
        return !text.difference().isEmpty();
    }

    /**
     * Writes files: first all of them beside the old ones, then each one replaces its old one in one step. So if one
     * cannot be written, almost always all of them stay as they are.
     */
    static void write(List<CfgFile> files) throws IOException {
        try {
            for (CfgFile file : files) {
                file.prepare();
            }
            for (CfgFile file : files) {
                Files.move(file.part(), file.path, StandardCopyOption.ATOMIC_MOVE);
            }
        } finally {
            for (CfgFile file : files) {
                if (file.prepared) { // a file that this object did not create must stay
                    Files.deleteIfExists(file.part());
                }
            }
        }
    }

    /**
     * Writes the new text beside the old file, with the permissions of the old file. A new file is readable by its
     * owner only, because it may contain a password. The file is created, so that nothing is written through a link.
     */
    private void prepare() throws IOException {
        try {
            if (there) {
                Files.copy(path, part(), StandardCopyOption.COPY_ATTRIBUTES);
            } else {
                Files.createFile(part(), ownerAlone());
            }
        } catch (FileAlreadyExistsException e) {
            throw new IOException(
                    part() + " exists already, perhaps because an import was interrupted; look at it, then delete it",
                    e);
        }
        prepared = true;
        Files.writeString(
                part(),
                text.toString(),
                StandardCharsets.ISO_8859_1,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING,
                LinkOption.NOFOLLOW_LINKS);
    }

    /** Permissions for the owner only; none if the file system has no such permissions. */
    private FileAttribute<?>[] ownerAlone() {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                }
                : new FileAttribute<?>[0];
    }

    /** The path of the new file beside the old one. FileInstall ignores a file of this name. */
    private Path part() {
        return path.resolveSibling(path.getFileName() + ".part");
    }
}
