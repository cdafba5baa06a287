package io.fleettelemetry.host.internal;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Collections;
import java.util.Enumeration;
import java.util.Set;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Restricts the KAR's configuration files to their owner, because passwords will be in them and Karaf writes them with
 * its usual permissions. This happens once, right after the installation, and only for files that are unchanged.
 * Permissions that an operator sets later stay.
 */
public final class NewFiles implements BundleActivator {

    private static final Logger log = LoggerFactory.getLogger(NewFiles.class);

    /** The directory with copies of the KAR's files in this bundle: see bnd.bnd. */
    private static final String COPIES = "cfg";

    @Override
    public void start(BundleContext context) {
        String etc = context.getProperty("karaf.etc");
        File done = context.getDataFile("new-files-done");
        if (etc == null || done == null || done.exists()) {
            return;
        }
        Enumeration<URL> copies = context.getBundle().findEntries(COPIES, "*.cfg", false);
        for (URL copy : copies == null ? Collections.<URL>emptyList() : Collections.list(copies)) {
            String name = copy.getPath().substring(copy.getPath().lastIndexOf('/') + 1);
            restrictIfNew(Path.of(etc, name), copy);
        }
        try {
            Files.createFile(done.toPath());
        } catch (IOException e) {
            log.warn(
                    "configuration_file_problem reason=\"cannot note that permissions of new files were set: {}\"",
                    e.toString());
        }
    }

    private static void restrictIfNew(Path file, URL copy) {
        try (InputStream in = copy.openStream()) {
            if (Files.exists(file) && Arrays.equals(Files.readAllBytes(file), in.readAllBytes())) {
                takeFromOthers(file);
            }
        } catch (IOException e) {
            log.warn(
                    "configuration_file_problem file={} reason=\"cannot make it readable by its owner alone: {}\"",
                    file,
                    e.toString());
        }
    }

    private static void takeFromOthers(Path file) throws IOException {
        if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
            if (permissions.retainAll(PosixFilePermissions.fromString("rw-------"))) {
                Files.setPosixFilePermissions(file, permissions);
            }
        }
    }

    @Override
    public void stop(BundleContext context) {}
}
