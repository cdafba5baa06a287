package io.fleettelemetry.api.settings;

import io.fleettelemetry.api.kit.PlainText;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Reads settings by key and collects the problems, so that an operator sees all of them at once. Not thread-safe.
 *
 * <p>Values may be texts, as in {@code .cfg} files, or typed, as in other sources of configuration. For an absent or
 * blank value the methods return the caller's default. They return it for a wrong value as well, and the final
 * {@link #check} throws.
 *
 * <pre>{@code
 * SettingsReader reader = new SettingsReader(properties);
 * int port = (int) reader.number("port", 0, 0, 65_535);
 * if (port == 22) {
 *     reader.refuse("port", "belongs to the secure shell");
 * }
 * reader.check();
 * }</pre>
 */
public final class SettingsReader {

    /**
     * The keys that Config Admin, Declarative Services, FileInstall, Karaf and the JSON reader add to configurations.
     */
    private static final List<String> FRAMEWORK_KEYS = List.of(
            "service.",
            "component.",
            "felix.",
            "org.apache.",
            "osgi.",
            "org.osgi.",
            ":configurator:",
            "resource-version");

    /** The byte order marks of UTF-8 and UTF-16 when read as ISO 8859-1, and the mark when read correctly. */
    private static final List<String> MARKS = List.of("\u00EF\u00BB\u00BF", "\u00FF\u00FE", "\u00FE\u00FF", "\uFEFF");

    /** Shown in place of a value that is or may contain a secret. */
    private static final String HIDDEN = "(hidden)";

    private final Map<String, ?> properties;
    private final List<String> problems = new ArrayList<>();

    /** @param properties values by key; not copied */
    public SettingsReader(Map<String, ?> properties) {
        this.properties = properties;
    }

    /** The text, stripped. A list or an array is joined with commas. */
    public String text(String key, String absent) {
        Object value = properties.get(key);
        if (value instanceof Object[] array) {
            value = Arrays.asList(array);
        }
        String text = value instanceof Collection<?> list
                ? list.stream().map(String::valueOf).collect(Collectors.joining(","))
                : value == null ? "" : value.toString();
        return text.isBlank() ? absent : text.strip();
    }

    /** The parts between commas, stripped, without empty ones; empty if absent. */
    public List<String> list(String key) {
        return Arrays.stream(text(key, "").split(","))
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .toList();
    }

    /** A whole number from {@code min} to {@code max}. */
    public long number(String key, long absent, long min, long max) {
        String text = text(key, "");
        if (text.isEmpty()) {
            return absent;
        }
        try {
            long number = Long.parseLong(text);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below, as for a number outside the range
        }
        refuse(
                key,
                max == Long.MAX_VALUE
                        ? "must be a whole number, " + min + " or more"
                        : "must be a whole number from " + min + " to " + max);
        return absent;
    }

    /** A whole number of milliseconds, from {@code min} to one day. */
    public Duration millis(String key, Duration absent, Duration min) {
        long millis = number(
                key, absent.toMillis(), min.toMillis(), Duration.ofDays(1).toMillis());
        return Duration.ofMillis(millis);
    }

    /** {@code true} or {@code false}, in any case. */
    public boolean flag(String key, boolean absent) {
        String text = text(key, Boolean.toString(absent));
        if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
            refuse(key, "must be true or false");
            return absent;
        }
        return Boolean.parseBoolean(text);
    }

    /** A constant of an enum, by its name in lower case. */
    public <E extends Enum<E>> E choice(String key, E absent) {
        String text = text(key, "");
        if (text.isEmpty()) {
            return absent;
        }
        List<String> names = new ArrayList<>();
        for (E choice : absent.getDeclaringClass().getEnumConstants()) {
            names.add(choice.name().toLowerCase(Locale.ROOT));
            if (names.get(names.size() - 1).equals(text)) {
                return choice;
            }
        }
        refuse(key, "must be one of " + String.join(", ", names));
        return absent;
    }

    /** The keys that begin with this prefix and are longer than it, sorted. */
    public List<String> keysUnder(String prefix) {
        return properties.keySet().stream()
                .filter(key -> key.startsWith(prefix) && key.length() > prefix.length())
                .sorted()
                .toList();
    }

    /**
     * The unknown keys, which are most likely mistyped, in a form that may be shown. Keys that the framework adds are
     * not included.
     *
     * @param known the known keys, and prefixes that end with a dot
     */
    public List<String> unknownKeys(Collection<String> known) {
        return properties.keySet().stream()
                .filter(key -> !isOfFramework(key) && !isMarked(key) && !isAmong(known, key))
                .map(PlainText::of)
                .sorted()
                .toList();
    }

    private static boolean isOfFramework(String key) {
        return key.endsWith(".target") // of the references of a component
                || isAmong(FRAMEWORK_KEYS, key);
    }

    private static boolean isAmong(Collection<String> known, String key) {
        return known.stream().anyMatch(k -> k.endsWith(".") || k.endsWith(":") ? key.startsWith(k) : key.equals(k));
    }

    /** Whether the file began with a byte order mark: the key in its first line then begins with it. */
    private static boolean isMarked(String key) {
        return MARKS.stream().anyMatch(key::startsWith);
    }

    /** Whether there is no key that an operator has written. */
    static boolean isEmpty(Map<String, ?> properties) {
        return properties.keySet().stream().allMatch(key -> isOfFramework(key) && !key.equals("service.ranking"));
    }

    /**
     * Refuses files in the wrong encoding. {@code .cfg} files are read as ISO 8859-1. A UTF-8 character is then read as
     * two or more other characters, so a password with an umlaut would be wrong.
     */
    private void checkEncoding() {
        for (String key : properties.keySet().stream().sorted().toList()) {
            if (isMarked(key)) {
                problems.add(
                        "the file begins with a byte order mark (BOM), which makes its first line unreadable: save it"
                                + " without one, in ISO 8859-1 or plain ASCII");
            } else if (!isOfFramework(key) && isUtf8(text(key, ""))) {
                // The value is garbled and may contain a secret: a URL may, and so may the value of a mistyped key.
                refuse(
                        key,
                        HIDDEN,
                        "has UTF-8 characters, but .cfg files are read as ISO 8859-1: save the file as ISO 8859-1, or write"
                                + " such characters as \\u00e4");
            }
        }
    }

    /** Whether these characters, as bytes of ISO 8859-1, are UTF-8 with more than ASCII. By chance, text never is. */
    private static boolean isUtf8(String text) {
        if (text.chars().allMatch(c -> c < 0x80) || text.chars().anyMatch(c -> c > 0xFF)) {
            return false;
        }
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /**
     * Notes that a value is wrong.
     *
     * @param reason the end of a sentence that begins with the key and the value; it says what is right, for example
     *     {@code must be a whole number from 0 to 65535}
     */
    public void refuse(String key, String reason) {
        refuse(key, text(key, "(empty)"), reason);
    }

    /**
     * Notes that a value is wrong, and shows another text in its place. The value of a key that begins with a dot is a
     * secret and never shown.
     */
    public void refuse(String key, String shown, String reason) {
        problems.add(PlainText.of(key + " = " + (key.startsWith(".") ? HIDDEN : shown) + ": " + reason));
    }

    /** @throws SettingsException if there was a problem, including the encoding of the file */
    public void check() {
        checkEncoding();
        if (!problems.isEmpty()) {
            throw new SettingsException(problems);
        }
    }
}
