package io.fleettelemetry.features;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/** Foreign bundles, made for a test from one class, the activator, and its nested classes. */
final class ForeignBundle {

    private ForeignBundle() {}

    /**
     * Makes one in the module's target folder.
     *
     * @param name symbolic name, and name of the file
     * @param headers further ones of the manifest, above all Import-Package
     * @param embedded jars that it brings along
     */
    static Path of(String name, Class<?> activator, Map<String, String> headers, Path... embedded) {
        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.putValue("Bundle-ManifestVersion", "2");
        attributes.putValue("Bundle-SymbolicName", name);
        attributes.putValue("Bundle-Version", "1.0.0");
        attributes.putValue("Bundle-Activator", activator.getName());
        headers.forEach(attributes::putValue);
        StringBuilder classPath = new StringBuilder(".");
        List.of(embedded).forEach(jar -> classPath.append(',').append(jar.getFileName()));
        attributes.putValue("Bundle-ClassPath", classPath.toString());
        Path file = Kar.TARGET.resolve(name + ".jar");
        try (OutputStream bytes = Files.newOutputStream(file);
                JarOutputStream out = new JarOutputStream(bytes, manifest)) {
            add(activator, out);
            for (Class<?> nested : activator.getDeclaredClasses()) {
                add(nested, out);
            }
            for (Path jar : embedded) {
                out.putNextEntry(new JarEntry(jar.getFileName().toString()));
                Files.copy(jar, out);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private static void add(Class<?> type, JarOutputStream out) throws IOException {
        String classFile = type.getName().replace('.', '/') + ".class";
        try (InputStream in = type.getClassLoader().getResourceAsStream(classFile)) {
            out.putNextEntry(new JarEntry(classFile));
            in.transferTo(out);
        }
    }
}
