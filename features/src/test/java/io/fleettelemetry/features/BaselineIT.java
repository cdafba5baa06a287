package io.fleettelemetry.features;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import aQute.bnd.differ.DiffPluginImpl;
import aQute.bnd.osgi.Jar;
import aQute.bnd.service.diff.Delta;
import aQute.bnd.service.diff.Diff;
import aQute.bnd.service.diff.Tree;
import aQute.bnd.service.diff.Type;
import aQute.bnd.version.Version;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The packages that others compile against, compared with those of the last release, which {@code baseline.txt} describes:
 * by bnd, as {@code bnd-baseline} does, but without a repository to get that release from.
 */
class BaselineIT {

    private static final Path BASELINE = Sources.ROOT.resolve("features/src/test/resources/baseline.txt");
    private static final Path NOW = Kar.TARGET.resolve("baseline.txt");
    private static final List<String> GUARDED =
            List.of("io.fleettelemetry.api", "io.fleettelemetry.host", "io.fleettelemetry.jnats.port");

    @BeforeAll
    static void describe_what_was_built() throws Exception {
        List<String> lines = new ArrayList<>();
        Map<String, Path> bundles = Kar.unpackOurs(Kar.TARGET.resolve("baseline"));
        for (String bundle : GUARDED) {
            try (Jar jar = new Jar(bundles.get(bundle).toFile())) {
                for (Tree each : new DiffPluginImpl().tree(jar).get("<api>").getChildren()) {
                    if (each.getType() == Type.PACKAGE && each.getName().startsWith(bundle)) {
                        write(each.serialize(), "", lines);
                    }
                }
            }
        }
        Files.write(NOW, lines);
    }

    @Test
    void an_exported_package_changes_only_with_its_version() throws Exception {
        List<String> wrong = wrong(Files.readAllLines(BASELINE), Files.readAllLines(NOW));
        assertTrue(
                wrong.isEmpty(),
                () -> String.join("\n", wrong) + "\n" + BASELINE
                        + " says what was released; once there is a new release," + " replace it by " + NOW);
    }

    @Test
    void a_method_that_has_gone_asks_for_a_major_version_and_a_new_one_for_a_minor() throws Exception {
        List<String> now = Files.readAllLines(NOW);
        List<String> other = new ArrayList<>(now);
        int producer = other.indexOf(" INTERFACE MINOR MAJOR io.fleettelemetry.api.Receipt");
        other.add(producer + 1, "  METHOD MINOR MAJOR another()");
        other.add(producer + 2, "   RETURN MINOR MAJOR void");
        assertTrue(wrong(other, now).toString().contains("must be 2.0.0 or more"), wrong(other, now)::toString);
        assertTrue(wrong(now, other).toString().contains("must be 1.1.0 or more"), wrong(now, other)::toString);
        assertEquals(List.of(), wrong(now, now));
    }

    private static List<String> wrong(List<String> linesBefore, List<String> linesNow) throws Exception {
        Map<String, Tree> built = parse(linesNow);
        List<String> wrong = new ArrayList<>();
        parse(linesBefore).forEach((name, before) -> {
            Tree now = built.get(name);
            if (now == null) {
                wrong.add(name + " is gone: bring it back, or release a new major version of its bundle");
                return;
            }
            Diff diff = now.diff(before);
            Version needed = needed(diff.getDelta(), version(before));
            if (version(now).compareTo(needed) < 0) {
                wrong.add("%s: @Version in its package-info.java is %s and must be %s or more, because of%s"
                        .formatted(name, version(now), needed, causes(diff, "\n  ")));
            }
        });
        return wrong;
    }

    private static Version needed(Delta delta, Version before) {
        return switch (delta) {
            case MAJOR, REMOVED -> new Version(before.getMajor() + 1, 0, 0);
            case MINOR, ADDED -> new Version(before.getMajor(), before.getMinor() + 1, 0);
            default -> before;
        };
    }

    private static Version version(Tree each) {
        return Stream.of(each.getChildren())
                .filter(child -> child.getType() == Type.VERSION)
                .map(child -> Version.parseVersion(child.getName()))
                .findFirst()
                .orElseThrow();
    }

    /** What has changed, down to the last. */
    private static String causes(Diff diff, String indent) {
        StringBuilder causes = new StringBuilder();
        for (Diff child : diff.getChildren()) {
            if (child.getDelta() != Delta.UNCHANGED && child.getDelta() != Delta.IGNORED) {
                causes.append(indent)
                        .append(child.getDelta())
                        .append(' ')
                        .append(child.getType())
                        .append(' ')
                        .append(child.getName())
                        .append(causes(child, indent + "  "));
            }
        }
        return causes.toString();
    }

    /** A line for each element: what it is, what adding and removing it means, its name; what it holds is indented. */
    private static void write(Tree.Data element, String indent, List<String> lines) {
        lines.add(indent + element.type + " " + element.add + " " + element.rem + " " + element.name);
        for (Tree.Data child : element.children) {
            if (child.type != Type.ANNOTATED) { // those of java.lang.Object are another JDK's other ones
                write(child, indent + " ", lines);
            }
        }
    }

    private static Map<String, Tree> parse(List<String> lines) throws Exception {
        Map<String, Tree> packages = new TreeMap<>();
        Deque<Tree.Data> open = new ArrayDeque<>();
        List<Tree.Data> roots = new ArrayList<>();
        for (String line : lines) {
            int depth = line.length() - line.stripLeading().length();
            String[] words = line.strip().split(" ", 4);
            Tree.Data element = new Tree.Data();
            element.type = Type.valueOf(words[0]);
            element.add = Delta.valueOf(words[1]);
            element.rem = Delta.valueOf(words[2]);
            element.name = words[3];
            element.children = new Tree.Data[0];
            while (open.size() > depth) {
                open.pop();
            }
            if (depth == 0) {
                roots.add(element);
            } else {
                Tree.Data parent = open.peek();
                parent.children = Stream.concat(Stream.of(parent.children), Stream.of(element))
                        .toArray(Tree.Data[]::new);
            }
            open.push(element);
        }
        for (Tree.Data root : roots) {
            packages.put(root.name, new DiffPluginImpl().deserialize(root));
        }
        return packages;
    }
}
