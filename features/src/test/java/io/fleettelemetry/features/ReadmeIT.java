package io.fleettelemetry.features;

import static java.util.Map.entry;
import static java.util.stream.Collectors.toCollection;
import static java.util.stream.Collectors.toSet;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.features.Readme.Block;
import io.fleettelemetry.features.Readme.Section;
import io.fleettelemetry.features.Readme.Table;
import io.fleettelemetry.testkit.KarafProcess;
import io.fleettelemetry.testkit.NatsServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * README.md and the pages of features/doc are true: their commands run, their files are accepted, their code compiles,
 * their tables say what is there.
 *
 * <p>What a block is stands behind its opening fence: {@code sh} commands for a shell in the project's directory, with
 * {@code KARAF_HOME}; {@code karaf} commands for Karaf's shell; {@code java} an excerpt of the compiled examples; a
 * language and a name a file in Karaf's directory; {@code json} and {@code text} behind commands an answer, in which …
 * stands for anything; {@code text} elsewhere a picture. A command that only looks, at the end of its block, is repeated
 * until it sees what the answer says.
 */
class ReadmeIT extends RunningKaraf {

    private static final Readme README = Readme.read();
    private static final String DEPLOY = "Deploy it";
    private static final Pattern SET = Pattern.compile("config:property-set --pid (\\S+) (\\S+) (\\S+)");
    /** Looks, and changes nothing. */
    private static final Pattern LOOK = Pattern.compile("(telemetry:status|log:display)\\b.*");

    /** Has a user. */
    private static NatsServer strict;

    /** The commands that this test cannot run, and why. */
    private static final Map<String, String> NOT_RUN = Map.ofEntries(
            entry("mvn verify", "runs this test"),
            entry(
                    "mvn -DskipTests package",
                    "would make anew what is being tested; the phase package of this very build has made the KAR"),
            entry(
                    "mvn -N spotless:apply",
                    "would change the sources; this very build has checked that there is nothing to change"),
            entry("mvn -Psoak -Dsoak.minutes=4", "takes minutes, and would make anew what is being tested; by hand"),
            entry("mvn verify -Pservers", "takes minutes for each server; by hand"),
            entry(
                    "mvn verify -Pservers -Dservers=newest",
                    "needs the archive of the distribution; CI runs it after mvn verify"),
            entry("mvn -T1 -Pbench", "measures, for which nothing else may run; by hand"),
            entry("mvn -Prun", "ends with Ctrl-C; by hand"),
            entry("mvn -Prun -Drun.seconds=15", "would make anew what is being tested; by hand"),
            entry("NATS_URL=nats://localhost:4222 mvn -Prun", "ends with Ctrl-C; by hand"),
            entry(
                    "nats sub --server nats://localhost:4222 \"tesla_telemetry.*.data\"",
                    "the NATS CLI is in no Debian package; shown, and receiving.md says so"));

    private static final Pattern SHELL =
            Pattern.compile("(mvn|cp|rm|sed|echo|nats|(telemetry|config|log|bundle|feature|kar):[\\w-]+) .+");
    private static final Pattern EVENT = Pattern.compile("log\\s*\\.(?:error|warn|info)\\(\\s*\"([a-z_]+)[ \"]");

    @BeforeAll
    static void start() {
        strict = NatsServer.start("authorization { user: fleet, password: hush }");
    }

    @AfterAll
    static void stop() {
        strict.close();
    }

    // ---- Commands, files and answers --------------------------------------------------------------------------------

    @Test
    void every_block_says_what_it_is() {
        Set<String> known = Set.of("sh", "karaf", "java", "json", "properties", "text");
        assertEquals(
                List.of(),
                README.blocks()
                        .filter(block -> !known.contains(block.language()))
                        .toList());
        assertEquals(
                List.of(),
                README.blocks()
                        .filter(block -> block.language().equals("properties")
                                && block.file().isEmpty())
                        .toList());
    }

    static List<String> sectionsWithSomethingToTry() {
        return README.sections().values().stream()
                .filter(section -> section.blocks().stream().anyMatch(ReadmeIT::canBeTried))
                .map(Section::heading)
                .filter(heading -> !heading.equals(DEPLOY) && !AdministrationIT.SECTIONS.contains(heading))
                .toList();
    }

    private static boolean canBeTried(Block block) {
        return Set.of("sh", "karaf").contains(block.language()) || !block.file().isEmpty();
    }

    @ParameterizedTest
    @MethodSource("sectionsWithSomethingToTry")
    void the_commands_of_each_section_work_from_top_to_bottom(String heading) throws Exception {
        writeAsShipped();
        tryOut(README.section(heading));
    }

    /**
     * The files that come with the KAR, so that commands find in them what they find in a new Karaf. They differ from what
     * every test begins with, also by reconnect.wait.ms, for which the connection is made anew.
     */
    private static void writeAsShipped() {
        int logged = karaf.log().length();
        for (String file : List.of(NATS_CFG, HOST_CFG)) {
            karaf.writeConfig(file, here(Kar.configuration(file)));
        }
        for (String event : List.of("nats_switched", "host_configured")) {
            await(event).atMost(SOON).until(() -> karaf.log().substring(logged).contains(event));
        }
        karaf.execute("log:clear"); // so that what it shows is news
    }

    @Test
    void the_bundles_come_up_and_go_by_the_commands_of_deploy_it() throws Exception {
        karaf.undeploy(Kar.FILE);
        try {
            awaitCommandsGone();
            tryOut(README.section(DEPLOY));
            awaitCommandsGone();
        } finally {
            karaf.deploy(Kar.FILE);
        }
    }

    private static void awaitCommandsGone() {
        await().atMost(SOON).until(() -> karaf.execute("telemetry:status").exit() != 0);
    }

    private static void awaitRoutes() {
        await("routes, and a datastore that is OK")
                .atMost(SOON)
                .ignoreExceptions()
                .untilAsserted(() -> {
                    KarafProcess.Result status = karaf.execute("telemetry:status --json");
                    assertEquals(0, status.exit(), status::toString); // the command comes and goes with the KAR
                    assertFalse(status().getAsJsonObject("routes").isEmpty(), status::toString);
                    assertEquals("OK", datastore("nats").get("state").getAsString(), status::toString);
                });
    }

    /** From top to bottom. Files that were not there go again. */
    private static void tryOut(Section section) throws Exception {
        List<Path> made = section.blocks().stream()
                .filter(block -> !block.file().isEmpty())
                .map(block -> karaf.home().resolve(block.file()))
                .filter(file -> !Files.exists(file))
                .toList();
        try {
            tryBlocks(section);
        } finally {
            for (Path file : made) {
                Files.deleteIfExists(file);
            }
        }
    }

    private static void tryBlocks(Section section) throws Exception {
        String said = "";
        List<String> offer = List.of();
        for (int i = 0; i < section.blocks().size(); i++) {
            Block block = section.blocks().get(i);
            if (!block.file().isEmpty()) {
                write(block);
            } else if (block.language().equals("sh")) {
                said = run(block);
            } else if (block.lines().get(0).startsWith("telemetry:tail ")) {
                said = readAlong(block, offer);
            } else if (block.language().equals("karaf")) {
                offer = block.lines();
                said = execute(
                        block,
                        i + 1 < section.blocks().size() ? section.blocks().get(i + 1) : null);
            } else if (!said.isEmpty() && isAnswer(block)) {
                assertTrue(pattern(block).matcher(said).find(), said + "\nis not\n" + block.text());
            }
        }
    }

    private static boolean isAnswer(Block block) {
        return block != null && block.file().isEmpty() && Set.of("json", "text").contains(block.language());
    }

    private static String run(Block block) throws IOException, InterruptedException {
        StringBuilder said = new StringBuilder();
        for (String command : block.lines()) {
            if (!NOT_RUN.containsKey(command)) {
                assertFalse(command.contains("mvn "), command + " would build within the build: see NOT_RUN");
                var shell = new ProcessBuilder("sh", "-c", here(command))
                        .directory(Sources.ROOT.toFile())
                        .redirectErrorStream(true);
                shell.environment().put("KARAF", karaf.home().toString());
                shell.environment().put("JAVA_HOME", System.getProperty("java.home"));
                Process process = shell.start();
                said.append(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
                assertEquals(0, process.waitFor(), command + "\n" + said);
            }
        }
        return said.toString();
    }

    private static String execute(Block block, Block next) {
        if (block.lines().stream().anyMatch(ReadmeIT::offersOrImports)) {
            awaitRoutes();
        }
        StringBuilder said = new StringBuilder();
        for (int i = 0; i < block.lines().size(); i++) {
            String command = here(block.lines().get(i));
            boolean isLast = i == block.lines().size() - 1;
            if (isLast && isAnswer(next) && LOOK.matcher(command).matches()) {
                await(command)
                        .atMost(SOON)
                        .untilAsserted(() -> assertTrue(
                                pattern(next).matcher(said(command)).find(),
                                () -> said(command) + "\nis not\n" + next.text()));
            }
            said.append(said(command));
        }
        return said.toString();
    }

    private static boolean offersOrImports(String command) {
        return command.startsWith("telemetry:") && !LOOK.matcher(command).matches();
    }

    private static String said(String command) {
        Matcher set = SET.matcher(command);
        String file = set.matches() ? set.group(1).replace('~', '-') + ".cfg" : "";
        List<String> before = lines(file);
        KarafProcess.Result result = karaf.execute(command);
        assertEquals(0, result.exit(), command + "\n" + result.out() + result.err());
        if (set.matches()) {
            String line = set.group(2) + " = " + set.group(3);
            List<String> after = lines(file);
            assertTrue(after.contains(line), () -> line + " is not in " + file + ":\n" + String.join("\n", after));
            assertEquals(comments(before), comments(after), file);
        }
        return Readme.plain(result.out());
    }

    /** Of a file of {@code etc/}; none if there is no such file. */
    private static List<String> lines(String file) {
        try {
            return Files.isRegularFile(karaf.etc(file)) ? Files.readAllLines(karaf.etc(file)) : List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> comments(List<String> lines) {
        return lines.stream().filter(line -> line.startsWith("#")).toList();
    }

    /** The output of a command that shows records while others offer them, until it has ended. */
    private static String readAlong(Block block, List<String> offer) throws IOException {
        Process reader = karaf.client(block.lines().toArray(String[]::new));
        await(block.text()).atMost(SOON).until(() -> {
            offer.forEach(ReadmeIT::said);
            return !reader.isAlive();
        });
        assertEquals(0, reader.exitValue());
        return new String(reader.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    /** A file is accepted: it is in force, and no line of the log complains. */
    private static void write(Block block) throws IOException {
        int logged = karaf.log().length();
        if (!block.language().equals("properties")) {
            Files.writeString(karaf.home().resolve(block.file()), here(block.text()));
            return;
        }
        karaf.writeConfig(block.file().replaceFirst("^etc/", ""), here(block.text()));
        await(block.file())
                .atMost(SOON)
                .until(() -> karaf.log()
                        .substring(logged)
                        .matches("(?s).*\\b(nats_registered|host_configured|airbrake_configured)\\b.*"));
        assertFalse(karaf.log().substring(logged).matches("(?s).*_(refused|unknown_setting)\\b.*"), block.text());
    }

    /** With the addresses of this test. */
    private static String here(String text) {
        return text.replace("nats://localhost:4222", server.url())
                .replace("nats://nats-1.example.com:4222", other.url())
                .replace("nats://nats-2.example.com:4222", strict.url())
                .replace("9273", String.valueOf(metricsPort));
    }

    private static Pattern pattern(Block answer) {
        return Readme.answer(here(answer.text()));
    }

    @Test
    void no_command_is_unknown_to_this_test() {
        Set<String> inBlocks = README.blocks()
                .filter(block -> Set.of("sh", "karaf").contains(block.language()))
                .flatMap(block -> block.lines().stream())
                .collect(toSet());
        Set<String> inProse = README.sections().values().stream()
                .flatMap(section -> section.prose().stream())
                .flatMap(line -> Readme.code(line).stream())
                .filter(code -> SHELL.matcher(code).matches())
                .collect(toCollection(TreeSet::new));
        assertEquals(
                Set.of(), without(NOT_RUN.keySet(), inBlocks, inProse), "on no page any more, so not to be excused");
        assertEquals(Set.of(), without(inProse, inBlocks, NOT_RUN.keySet()), "commands stand in blocks");
    }

    private static Set<String> without(Set<String> from, Set<String> some, Set<String> others) {
        return from.stream()
                .filter(text -> !some.contains(text) && !others.contains(text))
                .collect(toSet());
    }

    @Test
    void java_blocks_are_compiled_code() {
        List<String> examples = Sources.tests().stream()
                .filter(text -> text.startsWith("package io.fleettelemetry.examples;"))
                .map(ReadmeIT::withoutIndentation)
                .toList();
        List<Block> blocks =
                README.blocks().filter(block -> block.language().equals("java")).toList();
        assertFalse(blocks.isEmpty());
        for (Block block : blocks) {
            String code = withoutIndentation(block.text());
            assertTrue(
                    examples.stream().anyMatch(example -> example.contains(code)), "in no example:\n" + block.text());
        }
    }

    private static String withoutIndentation(String code) {
        return code.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .collect(Collectors.joining("\n", "\n", "\n"));
    }

    // ---- Tables -----------------------------------------------------------------------------------------------------

    /** A key and its default, as far as it has one; the keys for all record types are one. */
    private static Map<String, String> keysOfMetatype(Element type) {
        Map<String, String> keys = new TreeMap<>();
        for (Element attribute : children(type, "AD")) {
            keys.put(
                    family(attribute.getAttribute("id")),
                    attribute.hasAttribute("default") ? attribute.getAttribute("default") : "none");
        }
        return keys;
    }

    private static String family(String key) {
        return key.replaceFirst("^(records|reliable_ack_sources)\\..*", "$1.<type>");
    }

    private static List<Element> children(Element parent, String name) {
        NodeList nodes = parent.getElementsByTagName(name);
        return IntStream.range(0, nodes.getLength())
                .mapToObj(i -> (Element) nodes.item(i))
                .toList();
    }

    /** Of the tables whose first column has this title: each key and its default. */
    private static Map<String, String> keysOf(Section section, String title) {
        Map<String, String> keys = new TreeMap<>();
        for (Table table : section.tables()) {
            if (table.titles().get(0).equals(title)) {
                int column = table.titles().indexOf("default");
                for (List<String> row : table.rows()) {
                    List<String> value = Readme.code(row.get(column));
                    Readme.code(row.get(0))
                            .forEach(key -> keys.put(key, value.isEmpty() ? row.get(column) : value.get(0)));
                }
            }
        }
        return keys;
    }

    @Test
    void the_keys_and_defaults_are_those_of_metatype_and_of_the_cfg_file() throws Exception {
        Map<String, Map<String, String>> ofReadme = new TreeMap<>();
        for (Section section : README.sections().values()) {
            if (!section.rows("key").isEmpty()) {
                String file = section.prose().stream()
                        .flatMap(line -> Readme.code(line).stream())
                        .filter(code -> code.endsWith(".cfg"))
                        .findFirst()
                        .orElseThrow();
                ofReadme.put(file, keysOf(section, "key"));
            }
        }
        Map<String, Map<String, String>> ofMetatype = new TreeMap<>();
        for (String xml : Kar.texts("OSGI-INF/metatype/")) {
            Element metadata = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(new ByteArrayInputStream(xml.getBytes(StandardCharsets.UTF_8)))
                    .getDocumentElement();
            Element designate = children(metadata, "Designate").get(0);
            String file = designate.hasAttribute("factoryPid")
                    ? designate.getAttribute("factoryPid") + "-default.cfg"
                    : designate.getAttribute("pid") + ".cfg";
            ofMetatype.put(file, keysOfMetatype(children(metadata, "OCD").get(0)));
        }
        assertEquals(ofMetatype, ofReadme);
        ofMetatype.forEach(ReadmeIT::checkFile);
    }

    /** The file has every key and no other, and what it shows as a default is one. */
    private static void checkFile(String file, Map<String, String> keys) {
        Map<String, String> shown = new HashMap<>();
        Set<String> all = new TreeSet<>();
        Pattern.compile("(?m)^(#?)(\\S+) =(.*)$")
                .matcher(Kar.configuration(file))
                .results()
                .forEach(line -> {
                    String key = family(line.group(2));
                    all.add(key);
                    if (line.group(1).equals("#")) {
                        shown.put(key, line.group(3).strip());
                    }
                });
        assertEquals(keys.keySet(), all, file);
        shown.forEach((key, value) -> {
            if (!key.endsWith("<type>")) {
                assertEquals(keys.get(key), value.isEmpty() ? "none" : value, file + " " + key);
            }
        });
    }

    @Test
    void the_metrics_and_their_types_are_those_of_the_endpoint() throws Exception {
        send("X");
        Map<String, String> ofReadme = README.section("Metrics").rows("metric").stream()
                .collect(Collectors.toMap(
                        row -> Readme.code(row.get(0)).get(0),
                        row -> row.get(1).split(",")[0],
                        (a, b) -> a,
                        TreeMap::new));
        assertEquals(Metrics.read(metricsPort).types(), ofReadme);
    }

    @Test
    void the_log_events_are_those_of_the_sources() {
        Set<String> ofReadme = README.section("Log events").rows("event").stream()
                .flatMap(row -> Readme.code(row.get(0)).stream())
                .collect(toCollection(TreeSet::new));
        String sources = String.join("\n", Sources.shipped());
        assertEquals(
                List.of(),
                ofReadme.stream()
                        .filter(event -> !Pattern.compile("\"" + event + "[ \"]")
                                .matcher(sources)
                                .find())
                        .toList(),
                "in the pages only");
        Set<String> ofSources =
                EVENT.matcher(sources).results().map(found -> found.group(1)).collect(toCollection(TreeSet::new));
        ofSources.removeAll(ofReadme);
        assertEquals(Set.of(), ofSources, "in the sources only");
    }

    @Test
    void the_commands_and_their_options_are_those_of_the_help() {
        Pattern option = Pattern.compile("--[a-z-]+");
        Map<String, Set<String>> ofReadme = new TreeMap<>();
        Map<String, Set<String>> ofHelp = new TreeMap<>();
        for (List<String> row : README.section("Commands").rows("command")) {
            String usage = Readme.code(row.get(0)).get(0);
            String name = usage.split(" ")[0];
            ofReadme.put(name, found(option, usage));
            Set<String> options = found(option, karaf.execute(name + " --help").out());
            options.removeAll(Set.of("--help", "--json"));
            ofHelp.put(name, options);
        }
        assertEquals(Sources.commands(), ofReadme.keySet());
        assertEquals(ofHelp, ofReadme);
    }

    private static Set<String> found(Pattern pattern, String text) {
        return pattern.matcher(text).results().map(found -> found.group()).collect(toCollection(TreeSet::new));
    }

    @Test
    void the_equivalents_of_the_go_servers_keys_exist() {
        String sources = String.join("\n", Sources.shipped());
        List<String> here = README.section("Coming from the Go server").rows("there").stream()
                .flatMap(row -> Readme.code(row.get(1)).stream())
                .filter(code -> !sources.contains(code.replaceFirst("<type>.*", "")))
                .toList();
        assertEquals(List.of(), here);
    }

    @Test
    void the_folders_are_the_modules_of_the_build() {
        assertEquals(
                found(Pattern.compile("(?<=<module>)[^<]+"), Sources.read("pom.xml")),
                README.rows("folder").stream()
                        .map(row -> Readme.code(row.get(0)).get(0))
                        .collect(toCollection(TreeSet::new)));
    }

    @Test
    void the_settings_that_most_people_change_are_as_their_page_says() {
        Map<String, String> all = new HashMap<>();
        README.sections().values().forEach(section -> all.putAll(keysOf(section, "key")));
        List<List<String>> rows = README.section("Configure it").rows("setting");
        assertEquals(8, rows.size());
        keysOf(README.section("Configure it"), "setting")
                .forEach((key, value) -> assertEquals(all.get(key), value, key));
    }

    @Test
    void the_classes_that_the_architecture_names_are_in_the_sources() {
        String sources = String.join("\n", Sources.shipped()) + String.join("\n", Sources.tests());
        Pattern type = Pattern.compile("[A-Z][a-z]+\\w*");
        Pattern method = Pattern.compile("(?:[A-Z]\\w+\\.)?(end\\w*)");
        String text = README.pages().get("features/doc/architecture.md");
        Set<String> names = Readme.code(text).stream()
                .flatMap(code -> Stream.of(code.split("\\.")))
                .filter(name ->
                        type.matcher(name).matches() || method.matcher(name).matches())
                .collect(toCollection(TreeSet::new));
        assertFalse(names.isEmpty());
        names.removeIf(name -> Pattern.compile("(?:class|interface|record|enum|void|boolean|int) " + name + "\\b")
                .matcher(sources)
                .find());
        assertEquals(Set.of(), names);
    }

    @Test
    void the_readme_is_short_and_every_page_begins_with_its_table() {
        assertTrue(README.pages().get(Readme.FRONT).lines().count() <= 250, "README.md has more than 250 lines");
        Pattern begin = Pattern.compile("\\A# .+\n\n(?:(?!```|[#|]).*\n)+\\|");
        assertEquals(
                List.of(),
                README.pages().entrySet().stream()
                        .filter(page -> !page.getKey().equals(Readme.FRONT))
                        .filter(page -> !begin.matcher(page.getValue()).find())
                        .map(Map.Entry::getKey)
                        .toList());
    }

    @Test
    void links_and_paths_lead_somewhere_and_the_readme_leads_to_every_page() {
        Map<String, Set<String>> linked = new HashMap<>();
        README.pages().forEach((page, text) -> linked.put(page, links(page, text)));
        Set<String> targets = new TreeSet<>(README.pages().keySet());
        README.sections().values().forEach(section -> targets.add(section.page() + "#" + anchor(section.heading())));
        linked.forEach((page, links) -> {
            Set<String> broken = new TreeSet<>(links);
            broken.removeAll(targets);
            broken.removeIf(link -> link.endsWith(".svg") && Files.exists(Sources.ROOT.resolve(link)));
            assertEquals(Set.of(), broken, page);
        });
        Set<String> alone = new TreeSet<>(README.pages().keySet());
        alone.removeAll(linked.get(Readme.FRONT));
        assertEquals(Set.of(Readme.FRONT), alone);
        assertEquals(
                List.of(),
                README.pages().values().stream()
                        .flatMap(text -> Readme.code(text).stream())
                        .filter(code -> code.startsWith("src/") || code.startsWith("features/"))
                        .filter(path -> !path.contains("/target/"))
                        .filter(path -> !Files.exists(Sources.ROOT.resolve(path)))
                        .toList());
    }

    /** Where the links of a page lead in this project: a page, or a page, # and an anchor. */
    private static Set<String> links(String page, String text) {
        return Pattern.compile("\\]\\((?!https?:)([^)#]*)(#[^)]+)?\\)")
                .matcher(text)
                .results()
                .map(link -> (link.group(1).isEmpty()
                                ? page
                                : Path.of("/" + page)
                                        .resolveSibling(link.group(1))
                                        .normalize()
                                        .toString()
                                        .substring(1))
                        + Objects.requireNonNullElse(link.group(2), ""))
                .collect(toSet());
    }

    /** As GitHub makes it. */
    private static String anchor(String heading) {
        return heading.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_ -]", "").replace(' ', '-');
    }
}
