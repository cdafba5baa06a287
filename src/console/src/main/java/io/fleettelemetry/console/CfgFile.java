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

/** A {@code .cfg} file, there or not yet, and what is to become of it. */
final class CfgFile {

    private static final String HEADER = "# From the Go server's configuration, by telemetry:import-config.\n";

    private final String name;
    private final Path etc;
    private final Path path;
    private final boolean there;
    private final CfgText text;
    /** Whether what is to stand in it is being written beside it. */
    private boolean prepared;

    /**
     * Reads it, if it is there. A link is followed: what it points to is read, and written.
     *
     * @throws IOException if it is there and cannot be read
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

    /** Whether it was there when it was read. */
    boolean isThere() {
        return there;
    }

    /** What stands in it, or is to. */
    CfgText text() {
        return text;
    }

    /**
     * Why this file is not to be written, if it should change: another file has the settings of the same PID, and Karaf would
     * take now the one, now the other; or its values are typed, as in {@code key = I"5"}, and among those FileInstall takes
     * none that is not. Empty if nothing speaks against it.
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

    /** Whether something else is to stand in it than does. */
    boolean isChanged() {
        return !text.difference().isEmpty();
    }

    /**
     * Writes files: first all of them beside the old ones, then each in place of its old one in one step. So one that
     * cannot be written leaves them all as they are, as good as always.
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
                if (file.prepared) { // what somebody else has put there is theirs
                    Files.deleteIfExists(file.part());
                }
            }
        }
    }

    /**
     * With the permissions of the old one; a new one is its owner's alone, because a password may stand in it. Makes the
     * file anew, so that nothing is written where a link points to.
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

    /** Nothing where the file system has no such permissions. */
    private FileAttribute<?>[] ownerAlone() {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                }
                : new FileAttribute<?>[0];
    }

    /** FileInstall does not look at a file of this name. */
    private Path part() {
        return path.resolveSibling(path.getFileName() + ".part");
    }
}
