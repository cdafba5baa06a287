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
 * The text of a {@code .cfg} file, in which the values of single keys change while all else, comments and the order of
 * lines, stays as it is.
 *
 * <p>Our files show each default as a line {@code #key = value}: a key that gets a value takes the place of that line.
 * That is why this is not done by {@code org.apache.felix.utils.properties}, which keeps comments too, but would leave
 * the default standing and put the key elsewhere.
 */
final class CfgText {

    private static final Pattern DEFAULT = Pattern.compile("#([^\\s#=:]+)[ \\t]*=(.*)", Pattern.DOTALL);

    private static final Pattern TYPED =
            Pattern.compile("[TILFDXSCBtilfdxscb]?\\s*(\".*\"|\\[.*]|\\(.*\\)|\\{.*})", Pattern.DOTALL);

    /**
     * A line, or several that are one because the former end with a backslash.
     *
     * @param raw with the line end
     * @param key that it sets; empty if none
     * @param shows the key that it shows as a comment, with a value; empty if none
     * @param value of the one or the other
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

    /** @param text of a file, in which every character is one of its bytes (ISO 8859-1, as FileInstall reads it) */
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
            return new Line(raw, "", "", ""); // a malformed \\u: nobody can read it, so it stays
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

    /** Gives a key a value, unless it has that already. Blanks around commas make no difference. */
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

    /** Behind the other keys of its family, such as {@code records.}, or at the end. */
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

    /** Removes the keys of a family, such as {@code records.}, but for some; their default stays as it is. */
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

    /** So that FileInstall reads back what was meant, from bytes that are ISO 8859-1. */
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

    /** What has changed: a line for each that went ({@code - }) or came ({@code + }), secrets masked; empty if none. */
    List<String> difference() {
        return difference;
    }

    /** The text as it now is. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(line.raw));
        return text.toString();
    }
}
