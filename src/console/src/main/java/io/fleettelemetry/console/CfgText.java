package io.fleettelemetry.console;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The text of a {@code .cfg} file. It can change the values of single keys, and keeps comments and the order of lines.
 *
 * <p>Our files show each default as a line {@code #key = value}. A key that gets a value replaces that line.
 * {@code org.apache.felix.utils.properties} also keeps comments, but it would keep the line with the default and put
 * the key elsewhere.
 */
final class CfgText {

    private static final Pattern DEFAULT = Pattern.compile("#([^\\s#=:]+)[ \\t]*=(.*)", Pattern.DOTALL);

    private static final Pattern TYPED =
            Pattern.compile("[TILFDXSCBtilfdxscb]?\\s*(\".*\"|\\[.*]|\\(.*\\)|\\{.*})", Pattern.DOTALL);

    /**
     * A line, or several lines joined by backslashes.
     *
     * @param raw the text with the line end
     * @param key the key that the line sets; empty if there is none
     * @param shows the key that the line shows in a comment, with a value; empty if there is none
     * @param value the value of one of the two keys
     */
    private record Line(String raw, String key, String shows, String value) {

        boolean isOf(String family) {
            return key.startsWith(family) || shows.startsWith(family);
        }
    }

    private final List<Line> lines = new ArrayList<>();
    private final List<String> difference = new ArrayList<>();
    private final String lineEnd;
    private final Optional<String> typedKey;

    /** @param text the text of a file, in which every character is one byte (ISO 8859-1, as FileInstall reads it) */
    CfgText(String text) {
        lineEnd = text.contains("\r\n") ? "\r\n" : "\n";
        StringBuilder raw = new StringBuilder();
        for (String part : text.isEmpty() ? new String[0] : text.split("(?<=\n)")) {
            boolean comment = raw.isEmpty() && isComment(part);
            raw.append(part);
            if (comment || !continues(part)) {
                lines.add(line(raw.toString(), comment));
                raw.setLength(0);
            }
        }
        if (!raw.isEmpty()) {
            lines.add(line(raw.toString(), false));
        }
        typedKey = lines.stream()
                .filter(line ->
                        !line.key.isEmpty() && TYPED.matcher(line.value.strip()).matches())
                .map(Line::key)
                .findFirst();
    }

    private static boolean isComment(String part) {
        String text = part.strip();
        return text.isEmpty() || text.startsWith("#") || text.startsWith("!");
    }

    private static boolean continues(String part) {
        String text = part.replaceFirst("\r?\n$", "");
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == '\\') {
            end--;
        }
        return (text.length() - end) % 2 == 1;
    }

    private static Line line(String raw, boolean comment) {
        if (comment) {
            Matcher shown = DEFAULT.matcher(raw);
            return shown.matches()
                    ? new Line(raw, "", shown.group(1), shown.group(2).strip())
                    : new Line(raw, "", "", "");
        }
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(raw));
        } catch (IOException e) {
            throw new UncheckedIOException("from a text in memory", e);
        } catch (IllegalArgumentException e) {
            return new Line(raw, "", "", ""); // a malformed \\u, which cannot be parsed, so the line stays
        }
        return properties.stringPropertyNames().stream()
                .findFirst()
                .map(key -> new Line(raw, key, "", properties.getProperty(key)))
                .orElse(new Line(raw, "", "", ""));
    }

    /** A key whose value had a type when this was read, as FileInstall knows them: {@code I"5"}, {@code ["a","b"]}. */
    Optional<String> typedKey() {
        return typedKey;
    }

    /** Gives a key a value, unless it already has that value. Blanks around commas make no difference. */
    void set(String key, String value) {
        Line line = new Line(escaped(key, true) + " = " + escaped(value, false) + lineEnd, key, "", value);
        int at = last(candidate -> candidate.key.equals(key));
        if (at >= 0 && inOneForm(lines.get(at).value).equals(inOneForm(value))) {
            return;
        }
        if (at < 0) {
            at = last(candidate -> candidate.shows.equals(key));
        }
        if (at >= 0) {
            minus(lines.get(at));
            lines.set(at, line);
        } else {
            insert(line);
        }
        difference.add("+ " + shown(line));
    }

    /** Inserts a line after the other keys of its family, such as {@code records.}, or at the end. */
    private void insert(Line line) {
        int dot = line.key.indexOf('.');
        int at = dot > 0 ? last(candidate -> candidate.isOf(line.key.substring(0, dot + 1))) : -1;
        if (at < 0) {
            at = lines.size() - 1;
        }
        if (at >= 0 && !lines.get(at).raw.endsWith("\n")) {
            Line open = lines.get(at);
            lines.set(at, new Line(open.raw + lineEnd, open.key, open.shows, open.value));
        }
        lines.add(at + 1, line);
    }

    /** Removes the keys of a family, such as {@code records.}, except some. Lines with defaults stay. */
    void removeFamily(String family, Predicate<String> kept) {
        lines.removeIf(line -> {
            boolean goes = line.key.startsWith(family) && !kept.test(line.key);
            if (goes) {
                minus(line);
            }
            return goes;
        });
    }

    private int last(Predicate<Line> condition) {
        for (int i = lines.size() - 1; i >= 0; i--) {
            if (condition.test(lines.get(i))) {
                return i;
            }
        }
        return -1;
    }

    private void minus(Line line) {
        difference.add("- " + shown(line));
    }

    private static String shown(Line line) {
        String key = line.key + line.shows;
        return ((line.key.isEmpty() ? "#" : "") + key + " = " + Secret.masked(key, line.value)).strip();
    }

    private static String inOneForm(String value) {
        return value.strip().replaceAll("\\s*,\\s*", ",");
    }

    /** Escapes a text, so that FileInstall reads the same text back from ISO 8859-1. */
    private static String escaped(String text, boolean key) {
        StringBuilder escaped = new StringBuilder();
        for (char c : text.toCharArray()) {
            if (c == '\\' || key && (c == '=' || c == ':' || c == ' ' || escaped.isEmpty() && (c == '#' || c == '!'))) {
                escaped.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                escaped.append(String.format("\\u%04x", (int) c));
            } else {
                escaped.append(c);
            }
        }
        return escaped.toString();
    }

    /**
     * The changes: one line for each removed ({@code - }) or added ({@code + }) line, secrets masked; empty if none.
     */
    List<String> difference() {
        return difference;
    }

    /** The current text. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(line.raw));
        return text.toString();
    }
}
