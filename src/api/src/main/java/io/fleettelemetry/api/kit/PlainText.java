package io.fleettelemetry.api.kit;

/**
 * The filter for text from outside (a server, a vehicle, a file) before people see it in a terminal or a log.
 *
 * <p>Some characters control the program that shows them: a terminal obeys ESC and the C1 controls, CR and LF begin a
 * line that looks like one of ours, and the bidirectional controls make text look different from what it is. These are
 * the Unicode categories {@code Cc} and {@code Cf}, U+2028 and U+2029, and lone surrogates, which no encoding can
 * write.
 */
public final class PlainText {

    /** The length of the longest {@link #field}, in characters. */
    public static final int MAX_FIELD = 512;

    private PlainText() {}

    /** The text with {@code ?} in place of each such character; the same object if there is none. */
    public static String of(String text) {
        int first = unsafe(text, 0);
        if (first == text.length()) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length());
        int from = 0;
        for (int at = first; at < text.length(); at = unsafe(text, from)) {
            out.append(text, from, at).append('?');
            from = at + Character.charCount(text.codePointAt(at));
        }
        return out.append(text, from, text.length()).toString();
    }

    /**
     * The text for a field of a log line, between double quotes: it has no double quotes itself, and is cut if it is
     * long.
     */
    public static String field(String text) {
        boolean cut = text.length() > MAX_FIELD;
        // Cut first: a long text need not be read to its end. Half a surrogate pair would become a question mark.
        int end = !cut
                ? text.length()
                : Character.isHighSurrogate(text.charAt(MAX_FIELD - 1)) ? MAX_FIELD - 1 : MAX_FIELD;
        return of(text.substring(0, end)).replace('"', '\'') + (cut ? "…" : "");
    }

    /**
     * Returns the JSON with each such character escaped. To a program it means the same.
     *
     * @param json correct JSON on one line, in which such characters occur only inside strings
     */
    public static String json(String json) {
        int first = unsafe(json, 0);
        if (first == json.length()) {
            return json;
        }
        StringBuilder out = new StringBuilder(json.length() + 32);
        int from = 0;
        for (int at = first; at < json.length(); at = unsafe(json, from)) {
            out.append(json, from, at);
            from = at + Character.charCount(json.codePointAt(at));
            for (int i = at; i < from; i++) {
                out.append(String.format("\\u%04x", (int) json.charAt(i)));
            }
        }
        return out.append(json, from, json.length()).toString();
    }

    /** The index of the next such character; the text's length if there is none. */
    private static int unsafe(String text, int from) {
        int at = from;
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c >= ' ' && c <= '~') { // most are
                at++;
                continue;
            }
            int codePoint = text.codePointAt(at);
            if (isUnsafe(codePoint)) {
                return at;
            }
            at += Character.charCount(codePoint);
        }
        return at;
    }

    private static boolean isUnsafe(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE -> true;
            default -> false;
        };
    }
}
