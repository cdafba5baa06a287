package io.fleettelemetry.features;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * README.md and the pages of features/doc.
 *
 * @param pages their text by their path below the root; README.md is the first
 * @param sections what stands below each heading; no two headings are alike, on whatever pages they stand
 */
record Readme(Map<String, String> pages, Map<String, Section> sections) {

    static final String FRONT = "README.md";
    static final String FOLDER = "features/doc";

    private static final Pattern COLOUR = Pattern.compile("\\x1b\\[[0-9;]*m");
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");

    /**
     * What stands between two headings.
     *
     * @param page the path of its page
     * @param blocks what is fenced
     * @param tables without the rulers
     * @param prose all other lines
     */
    record Section(String page, String heading, List<Block> blocks, List<Table> tables, List<String> prose) {

        private Section(String page, String heading) {
            this(page, heading, new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        }

        /** The rows of all tables whose first column has this title. */
        List<List<String>> rows(String title) {
            return tables.stream()
                    .filter(table -> table.titles.get(0).equals(title))
                    .flatMap(table -> table.rows.stream())
                    .toList();
        }
    }

    /** Cell by cell. */
    record Table(List<String> titles, List<List<String>> rows) {}

    /**
     * What is fenced. Behind the opening fence stands the language and, if the block is a whole file, its name.
     *
     * @param file empty if it is none
     */
    record Block(String language, String file, List<String> lines) {

        private static Block opened(String fence) {
            String[] words = fence.substring(3).strip().split(" ");
            return new Block(words[0], words.length > 1 ? words[1] : "", new ArrayList<>());
        }

        String text() {
            return String.join("\n", lines) + "\n";
        }
    }

    static Readme read() {
        Map<String, String> pages = new LinkedHashMap<>();
        Map<String, Section> sections = new LinkedHashMap<>();
        pages.put(FRONT, Sources.read(FRONT));
        Sources.files(FOLDER).filter(file -> file.endsWith(".md")).forEach(file -> pages.put(file, Sources.read(file)));
        pages.forEach((page, text) -> readPage(page, text, sections));
        return new Readme(pages, sections);
    }

    private static void readPage(String page, String text, Map<String, Section> sections) {
        Section section = new Section(page, "");
        Block block = null;
        boolean inTable = false;
        for (String line : text.lines().toList()) {
            if (line.startsWith("```")) {
                if (block == null) {
                    block = Block.opened(line);
                    section.blocks.add(block);
                } else {
                    block = null;
                }
            } else if (block != null) {
                block.lines.add(line);
            } else if (line.startsWith("#")) {
                section = new Section(page, line.replaceFirst("#+ ", ""));
                Section other = sections.put(section.heading, section);
                if (other != null) {
                    throw new AssertionError(page + " and " + other.page + " both have a heading " + section.heading);
                }
            } else if (line.startsWith("| ---")) {
                continue;
            } else if (!line.startsWith("|")) {
                section.prose.add(line);
            } else if (inTable) {
                section.tables.get(section.tables.size() - 1).rows.add(cells(line));
            } else {
                section.tables.add(new Table(cells(line), new ArrayList<>()));
            }
            inTable = line.startsWith("|") && block == null;
        }
    }

    /** Split at the bars that are not escaped. */
    private static List<String> cells(String line) {
        return Arrays.stream(line.substring(1).split("(?<!\\\\)\\|"))
                .map(cell -> cell.strip().replace("\\|", "|"))
                .toList();
    }

    /** What Karaf's shell has said, without its colours. */
    static String plain(String said) {
        return COLOUR.matcher(said).replaceAll("");
    }

    /** What an answer looks like, in which … stands for anything. */
    static Pattern answer(String text) {
        return Pattern.compile(
                Arrays.stream(text.strip().split("…")).map(Pattern::quote).collect(Collectors.joining(".*")),
                Pattern.DOTALL);
    }

    /** What stands between backticks. */
    static List<String> code(String text) {
        return CODE.matcher(text).results().map(found -> found.group(1)).toList();
    }

    Section section(String heading) {
        Section section = sections.get(heading);
        if (section == null) {
            throw new AssertionError("no page has a heading " + heading);
        }
        return section;
    }

    Stream<Block> blocks() {
        return sections.values().stream().flatMap(section -> section.blocks.stream());
    }

    /** All tables whose first column has this title. */
    List<List<String>> rows(String title) {
        return sections.values().stream()
                .flatMap(section -> section.rows(title).stream())
                .toList();
    }
}
