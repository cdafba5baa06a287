package io.fleettelemetry.console;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.karaf.shell.api.action.Argument;
import org.apache.karaf.shell.api.action.Command;
import org.apache.karaf.shell.api.action.Completion;
import org.apache.karaf.shell.api.action.Option;
import org.apache.karaf.shell.api.action.lifecycle.Service;
import org.apache.karaf.shell.support.completers.FileCompleter;

/** Takes over the configuration of the Go server: keys of its JSON file become keys of {@code .cfg} files. */
@Service
@Command(
        scope = "telemetry",
        name = "import-config",
        description = "Imports the JSON configuration of the Go server into .cfg files",
        detailedDescription =
                "Lists the keys that it imports, the keys without a counterpart here, and the keys that it ignores. Keys"
                        + " that FILE does not have stay as they are in etc/, and so do comments. Routes and sources of reliable acks"
                        + " are replaced as a whole, and at least one route must be left. If FILE is wrong, nothing is written. If an"
                        + " existing file in etc/ would change, the command shows the difference and writes nothing, unless you give"
                        + " --force. The KAR's files exist from the start. So look at the difference first, then repeat the command"
                        + " with --force.")
public final class ImportConfigCommand extends TelemetryCommand {

    /** In bytes; a Go server's file has some thousands. */
    private static final int MAX_FILE = 1_048_576;

    @Argument(name = "FILE", description = "The configuration of the Go server, such as config.json")
    @Completion(FileCompleter.class)
    String file;

    @Option(name = "--force", description = "Write even if this changes existing files")
    boolean force;

    /** Where the .cfg files are. */
    String etc = System.getProperty("karaf.etc");

    /** The environment of Karaf's process. */
    Map<String, String> variables = System.getenv();

    @Override
    String usage() {
        return "telemetry:import-config [--force] [--json] FILE";
    }

    @Override
    String obstacle() {
        return etc == null
                ? "The system property karaf.etc is not set, so the directory of the .cfg files is unknown."
                : "";
    }

    @Override
    Answer answer() throws Misuse {
        if (file == null) {
            throw new Misuse("FILE", null, "is missing");
        }
        String text =
                new String(RegularFile.read("FILE", file, session.currentDir(), MAX_FILE), StandardCharsets.UTF_8);
        try {
            return take(new GoImport(GoConfig.parse(text), variables));
        } catch (GoConfig.Wrong e) {
            return wrong(e.problems());
        } catch (IOException e) {
            return Answer.refused("The files in " + etc + " cannot be read or written: " + e);
        }
    }

    private Answer wrong(List<String> problems) {
        List<String> complaint = new ArrayList<>();
        complaint.add(file + " is wrong, and nothing was written:");
        problems.forEach(problem -> complaint.add("  " + problem));
        String error = String.join(System.lineSeparator(), complaint);
        return new Answer(Map.of("error", error, "problems", problems), List.of(), complaint);
    }

    private Answer take(GoImport found) throws IOException {
        if (found.settings().isEmpty()) {
            return answer(
                    found,
                    List.of(),
                    "nothing",
                    "Nothing in " + file + " has a counterpart here; nothing was written.");
        }
        List<CfgFile> files = new ArrayList<>();
        for (String name : GoImport.FILES) {
            CfgFile cfg = new CfgFile(Path.of(etc), name);
            found.applyTo(name, cfg.text());
            files.add(cfg);
        }
        List<CfgFile> changed = files.stream().filter(CfgFile::isChanged).toList();
        if (changed.isEmpty()) {
            return answer(found, changed, "unchanged", "");
        }
        List<String> obstacles =
                changed.stream().flatMap(cfg -> cfg.obstacle().stream()).toList();
        if (!obstacles.isEmpty()) {
            return answer(found, changed, "refused", "Nothing was written: " + String.join("; ", obstacles));
        }
        if (!force && changed.stream().anyMatch(CfgFile::isThere)) {
            return answer(
                    found,
                    changed,
                    "differs",
                    "Nothing was written, because files in " + etc
                            + " would change as shown; use --force to write them.");
        }
        CfgFile.write(changed);
        return answer(found, changed, "written", "");
    }

    /** @param outcome {@code written}, {@code unchanged}, {@code differs}, {@code refused} or {@code nothing} */
    private Answer answer(GoImport found, List<CfgFile> changed, String outcome, String complaint) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("outcome", outcome);
        facts.put(
                "taken_over",
                found.settings().stream().map(ImportedSetting::shown).toList());
        facts.put("no_counterpart", found.withoutCounterpart());
        facts.put("ignored", found.unknown());
        facts.put("notes", found.notes());
        facts.put("changes", differences(changed));
        if (!complaint.isEmpty()) {
            facts.put("error", complaint);
        }
        return new Answer(facts, text(found, changed, outcome), complaint.isEmpty() ? List.of() : List.of(complaint));
    }

    private static Map<String, List<String>> differences(List<CfgFile> changed) {
        Map<String, List<String>> differences = new LinkedHashMap<>();
        changed.forEach(file -> differences.put(file.name(), file.text().difference()));
        return differences;
    }

    private List<String> text(GoImport found, List<CfgFile> changed, String outcome) {
        List<String> text = new ArrayList<>();
        text.add("Taken over");
        found.settings()
                .forEach(setting -> text.add(line(setting.from(), setting.key() + " = " + setting.shownValue())));
        if (!found.withoutCounterpart().isEmpty()) {
            text.add("No counterpart here");
            found.withoutCounterpart().forEach((key, reason) -> text.add(line(key, reason)));
        }
        if (!found.unknown().isEmpty()) {
            text.add("Ignored, because the Go server has no such key either");
            found.unknown().forEach(key -> text.add("  " + key));
        }
        if (!found.notes().isEmpty()) {
            text.add("Notes");
            found.notes().forEach(note -> text.add("  " + note));
        }
        changed.forEach(cfg -> {
            text.add(cfg.name() + (cfg.isThere() ? "" : " (a new file)"));
            cfg.text().difference().forEach(line -> text.add("  " + line));
        });
        switch (outcome) {
            case "written" -> text.add("Written to " + etc + "; takes effect within two seconds, see telemetry:status");
            case "unchanged" -> text.add("Nothing to write: " + etc + " has all of this already");
            default -> {}
        }
        return text;
    }

    private static String line(String key, String value) {
        return String.format("  %-34s  %s", key, value);
    }
}
