package io.fleettelemetry.features;

import static java.util.stream.Collectors.toCollection;
import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import aQute.bnd.classfile.ClassFile;
import aQute.bnd.classfile.ConstantPool;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The plan of the house, checked on the jars that are shipped. */
class HouseIT {

    private static final String API = "io.fleettelemetry.api";
    private static final String PROTOS = "io.fleettelemetry.protos";
    private static final String JNATS = "io.fleettelemetry.jnats";
    private static final String PORT = "io.fleettelemetry.jnats.port";
    private static final String HOST = "io.fleettelemetry.host";

    /** Arrows go down only: for each bundle, those of ours whose packages it may import. Nothing else may be shipped. */
    private static final Map<String, Set<String>> MAY_USE = Map.of(
            API,
            Set.of(),
            PROTOS,
            Set.of(),
            JNATS,
            Set.of(),
            PORT,
            Set.of(JNATS),
            "io.fleettelemetry.datastore.nats",
            Set.of(API, PROTOS, JNATS, PORT),
            "io.fleettelemetry.datastore.logger",
            Set.of(API, PROTOS),
            HOST,
            Set.of(API),
            "io.fleettelemetry.airbrake",
            Set.of(API),
            "io.fleettelemetry.console",
            Set.of(API, PROTOS, HOST));

    private static final int MANY_IMPORTS = 9;

    /** What an undeployed bundle would be held by, or would have changed for others. */
    private static final Set<String> LEFT_BEHIND = Set.of(
            "addShutdownHook",
            "addProvider",
            "insertProviderAt",
            "getPlatformMBeanServer",
            "io/prometheus/client/CollectorRegistry",
            "java/lang/InheritableThreadLocal",
            "java/lang/ThreadLocal",
            "java/util/Timer",
            "setContextClassLoader",
            "setDefaultUncaughtExceptionHandler");

    /**
     * Who may do one of these all the same: set the context of their own threads; that of the caller for as long as a server
     * takes to start; see to the exit code when the process is being ended.
     */
    private static final Set<String> EXCEPTIONS = Set.of(
            "io/fleettelemetry/api/kit/Threads: setContextClassLoader",
            "io/fleettelemetry/host/internal/MetricsEndpoint: setContextClassLoader",
            "io/fleettelemetry/datastore/nats/osgi/Halt: addShutdownHook");

    private static final List<Kar.Bundle> OURS =
            Kar.bundles().values().stream().filter(Kar.Bundle::isOurs).toList();

    @Test
    void the_build_makes_exactly_one_kar() throws IOException {
        try (Stream<Path> files = Files.list(Kar.TARGET)) {
            assertEquals(
                    List.of(Kar.FILE),
                    files.filter(file -> file.toString().endsWith(".kar")).toList());
        }
    }

    @Test
    void the_kar_holds_exactly_the_bundles_of_the_plan() {
        assertEquals(
                new TreeSet<>(MAY_USE.keySet()),
                OURS.stream().map(Kar.Bundle::symbolicName).collect(toCollection(TreeSet::new)));
    }

    @Test
    void a_bundle_imports_only_from_bundles_below_it() {
        Map<String, String> owners = new TreeMap<>();
        for (Kar.Bundle bundle : OURS) {
            Header.parse(bundle.header("Export-Package"))
                    .forEach(export -> owners.put(export.name(), bundle.symbolicName()));
        }
        for (Kar.Bundle bundle : OURS) {
            Set<String> used = Header.parse(bundle.header("Import-Package")).stream()
                    .map(clause -> owners.get(clause.name()))
                    .filter(owner -> owner != null && !owner.equals(bundle.symbolicName()))
                    .collect(toSet());
            Set<String> allowed = MAY_USE.getOrDefault(bundle.symbolicName(), Set.of());
            assertTrue(allowed.containsAll(used), bundle.symbolicName() + " imports from " + used);
        }
    }

    @Test
    void bundles_are_tied_to_others_by_imports_alone_and_the_api_by_none() {
        for (Kar.Bundle bundle : OURS) {
            for (String header : List.of("Require-Bundle", "DynamicImport-Package")) {
                assertNull(bundle.header(header), bundle.symbolicName() + ": " + header);
            }
            if (bundle.symbolicName().equals(API)) {
                assertNull(bundle.header("Import-Package"));
            }
        }
    }

    @Test
    void every_import_has_a_version_range() {
        // Packages of the VM have no version.
        assertEquals(
                List.of(),
                without(
                        "version",
                        "Import-Package",
                        clause -> !clause.name().startsWith("javax.")
                                && !clause.name().startsWith("org.w3c.")));
        for (Kar.Bundle bundle : OURS) {
            for (Header clause : Header.parse(bundle.header("Import-Package"))) {
                String version = clause.attributes().get("version");
                assertTrue(
                        version == null || version.matches("\\[[\\d.]+,[\\d.]+\\)"),
                        bundle.symbolicName() + " imports " + clause);
            }
        }
    }

    /** Later ones append _total to the names of counters, and a neighbour may have one. */
    @Test
    void no_prometheus_client_is_used_but_one_that_leaves_the_names_of_metrics_as_they_are() {
        assertEquals(
                Set.of("[0.9,0.10)"),
                OURS.stream()
                        .flatMap(bundle -> Header.parse(bundle.header("Import-Package")).stream())
                        .filter(clause -> clause.name().startsWith("io.prometheus."))
                        .map(clause -> clause.attributes().get("version"))
                        .collect(toSet()));
    }

    @Test
    void a_bundle_must_have_few_packages_of_others() {
        for (Kar.Bundle bundle : OURS) {
            List<String> mandatory = Header.parse(bundle.header("Import-Package")).stream()
                    .filter(clause -> !"optional".equals(clause.attributes().get("resolution:")))
                    .map(Header::name)
                    .filter(name -> !name.startsWith("io.fleettelemetry."))
                    .toList();
            assertTrue(mandatory.size() <= MANY_IMPORTS, bundle.symbolicName() + " imports " + mandatory);
        }
    }

    /** A bundle with a jnats of its own would otherwise be wired to ours, and be refreshed when ours comes or goes. */
    @Test
    void our_jnats_is_for_our_bundles_alone() {
        Kar.Bundle jnats = OURS.stream()
                .filter(bundle -> bundle.symbolicName().equals(JNATS))
                .findFirst()
                .orElseThrow();
        for (Header clause : Header.parse(jnats.header("Export-Package"))) {
            assertEquals("io.fleettelemetry", clause.attributes().get("owner"), clause.name());
            assertEquals("owner", clause.attributes().get("mandatory:"), clause.name());
        }
    }

    @Test
    void nothing_of_ours_is_left_in_the_vm_by_other_ways_than_services() throws Exception {
        Set<String> found = new TreeSet<>();
        for (Path file : Kar.unpackOurs(Kar.TARGET.resolve("house")).values()) {
            try (JarFile jar = new JarFile(file.toFile())) {
                for (JarEntry entry : jar.stream()
                        .filter(each -> each.getName().startsWith("io/fleettelemetry/"))
                        .filter(each -> each.getName().endsWith(".class"))
                        .toList()) {
                    String name = entry.getName().replaceAll("(\\$.*)?\\.class$", "");
                    words(jar, entry).filter(LEFT_BEHIND::contains).forEach(word -> found.add(name + ": " + word));
                }
            }
        }
        assertEquals(new TreeSet<>(EXCEPTIONS), found);
    }

    /** All names and types that stand in a class. */
    private static Stream<String> words(JarFile jar, JarEntry entry) throws IOException {
        try (DataInputStream in = new DataInputStream(jar.getInputStream(entry))) {
            ConstantPool pool = ClassFile.parseClassFile(in).constant_pool;
            return IntStream.range(1, pool.size())
                    .<Object>mapToObj(pool::entry)
                    .filter(String.class::isInstance)
                    .map(String.class::cast)
                    .map(word -> word.replaceAll("^L(.*);$", "$1"));
        }
    }

    @Test
    void every_export_has_a_version() {
        assertEquals(List.of(), without("version", "Export-Package", clause -> true));
    }

    @Test
    void every_bundle_is_a_java_module_too() {
        assertEquals(
                List.of(),
                OURS.stream()
                        .filter(bundle -> !bundle.entries().contains("module-info.class"))
                        .map(Kar.Bundle::symbolicName)
                        .toList());
    }

    @Test
    void the_nats_datastore_needs_neither_a_shell_nor_the_messages_nor_metrics() {
        Kar.Bundle nats = OURS.stream()
                .filter(bundle -> bundle.symbolicName().equals("io.fleettelemetry.datastore.nats"))
                .findFirst()
                .orElseThrow();
        assertEquals(
                Set.of(
                        "io.fleettelemetry.api",
                        "io.fleettelemetry.api.kit",
                        "io.fleettelemetry.api.settings",
                        "io.fleettelemetry.jnats.port",
                        "io.nats.client",
                        "io.nats.client.api",
                        "io.nats.client.support",
                        "javax.net.ssl",
                        "org.osgi.framework",
                        "org.osgi.framework.launch",
                        "org.slf4j"),
                Header.parse(nats.header("Import-Package")).stream()
                        .filter(clause -> !"optional".equals(clause.attributes().get("resolution:")))
                        .map(Header::name)
                        .collect(toSet()));
    }

    private static List<String> without(String attribute, String header, Predicate<Header> ofInterest) {
        return OURS.stream()
                .flatMap(bundle -> Header.parse(bundle.header(header)).stream()
                        .filter(ofInterest)
                        .filter(clause -> !clause.attributes().containsKey(attribute))
                        .map(clause -> bundle.symbolicName() + ": " + clause.name()))
                .toList();
    }

    /**
     * One clause of a manifest header.
     *
     * @param name a package
     * @param attributes and directives (these with their colon), without quotes
     */
    private record Header(String name, Map<String, String> attributes) {

        static Collection<Header> parse(String header) {
            return header == null
                    ? List.of()
                    : split(header, ',').map(Header::clause).toList();
        }

        private static Header clause(String text) {
            List<String> parts = split(text, ';').toList();
            return new Header(
                    parts.get(0),
                    parts.stream()
                            .skip(1)
                            .map(part -> part.split("=", 2))
                            .collect(toMap(pair -> pair[0], pair -> pair[1].replace("\"", ""))));
        }

        /** Splits where the separator stands outside quotes. */
        private static Stream<String> split(String text, char separator) {
            return Stream.of(text.split(separator + "(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)"))
                    .map(String::strip);
        }
    }
}
