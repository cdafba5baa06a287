package io.fleettelemetry.datastore.nats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.threads.PointsUp;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The packages of this bundle use each other in one direction. Looks at the names of classes in the compiled classes, so it
 * sees what is only inferred as well; it does not see constants, which the compiler copies.
 */
class RoomsTest {

    private static final String ROOT = "(root)";

    /** Each may use those behind it, and no other. */
    private static final List<String> ROOMS =
            List.of("osgi", ROOT, "connection", "jetstream", "journal", "metrics", "settings", "logging", "threads");

    /** Beside the others: the command uses an interface of the root, and no package uses the command. */
    private static final String TAIL = "tail";

    private static final Pattern CLASS = Pattern.compile("io/fleettelemetry/datastore/nats/(?:([a-z]+)/)?[A-Z]\\w*");

    @Test
    void packages_use_each_other_in_one_direction() throws Exception {
        List<Path> classes = classes(NatsDatastore.class);
        Set<String> rooms = new TreeSet<>();
        Set<String> wrong = new TreeSet<>();
        for (Path file : classes) {
            rooms.add(room(file));
            wrong.addAll(wrongArrows(file));
        }
        assertEquals(Set.of(), wrong);
        assertTrue(rooms.containsAll(ROOMS) && rooms.contains(TAIL), () -> "looked only at " + rooms);
    }

    @Test
    void an_arrow_that_points_up_is_found() throws Exception {
        Path file = classes(PointsUp.class).stream()
                .filter(each -> each.endsWith("threads/PointsUp.class"))
                .findFirst()
                .orElseThrow();
        assertEquals(Set.of("threads → (root): PointsUp uses Feed"), wrongArrows(file));
    }

    private static List<Path> classes(Class<?> one) throws Exception {
        Path root =
                Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.walk(root.resolve("io/fleettelemetry/datastore/nats"))) {
            return files.filter(file -> file.toString().endsWith(".class")).toList();
        }
    }

    private static String room(Path file) {
        String directory = file.getParent().getFileName().toString();
        return directory.equals("nats") ? ROOT : directory;
    }

    /** Names of classes stand in a class file as text, also within descriptors and signatures. */
    private static Set<String> wrongArrows(Path file) throws IOException {
        String from = room(file);
        Set<String> wrong = new TreeSet<>();
        Matcher names = CLASS.matcher(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1));
        while (names.find()) {
            String to = names.group(1) == null ? ROOT : names.group(1);
            if (!mayUse(from, to)) {
                String[] used = names.group().split("/");
                wrong.add(from + " → " + to + ": "
                        + file.getFileName().toString().replace(".class", "") + " uses " + used[used.length - 1]);
            }
        }
        return wrong;
    }

    private static boolean mayUse(String from, String to) {
        if (from.equals(to)) {
            return true;
        }
        if (from.equals(TAIL)) {
            return to.equals(ROOT);
        }
        return ROOMS.contains(from) && ROOMS.indexOf(to) > ROOMS.indexOf(from);
    }
}
