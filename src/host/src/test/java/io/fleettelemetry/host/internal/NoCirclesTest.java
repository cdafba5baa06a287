package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;

/** A reader can take the classes one after the other: none needs itself by way of others. */
class NoCirclesTest {

    private static final Pattern ARROW = Pattern.compile(
            "(?m)^\\s+io\\.fleettelemetry\\.host\\.(\\S+)\\s+->\\s+io\\.fleettelemetry\\.host\\.(\\S+)\\s");

    /** What each class uses of the others; nested classes count as the one that they are in. */
    private static Map<String, Set<String>> arrows() throws Exception {
        // Not the folder itself: it has a module-info, for which jdeps would ask for other modules.
        Path classes = Path.of(HostComponent.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI())
                .resolve("io");
        StringWriter out = new StringWriter();
        ToolProvider.findFirst("jdeps")
                .orElseThrow()
                .run(new PrintWriter(out), new PrintWriter(out), "-verbose:class", "-filter:none", classes.toString());
        Map<String, Set<String>> arrows = new TreeMap<>();
        Matcher arrow = ARROW.matcher(out.toString());
        while (arrow.find()) {
            String from = outermost(arrow.group(1));
            String to = outermost(arrow.group(2));
            if (!from.equals(to)) {
                arrows.computeIfAbsent(from, name -> new TreeSet<>()).add(to);
            }
        }
        return arrows;
    }

    private static String outermost(String name) {
        return name.replaceFirst("\\$.*", "");
    }

    private static Set<String> reachable(Map<String, Set<String>> arrows, String from) {
        Set<String> reached = new TreeSet<>();
        ArrayDeque<String> next = new ArrayDeque<>(arrows.get(from));
        while (!next.isEmpty()) {
            String name = next.remove();
            if (reached.add(name)) {
                next.addAll(arrows.getOrDefault(name, Set.of()));
            }
        }
        return reached;
    }

    @Test
    void no_class_of_the_host_needs_itself_by_way_of_others() throws Exception {
        Map<String, Set<String>> arrows = arrows();
        assertFalse(arrows.get("internal.Dispatcher").isEmpty(), arrows::toString);
        Set<String> inCircles = new TreeSet<>();
        arrows.keySet().stream()
                .filter(name -> reachable(arrows, name).contains(name))
                .forEach(inCircles::add);
        assertEquals(Set.of(), inCircles, arrows::toString);
    }
}
