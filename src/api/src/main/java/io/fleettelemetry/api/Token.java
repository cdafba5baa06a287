package io.fleettelemetry.api;

import java.util.Arrays;

/**
 * The rule for every text that becomes a part of a destination or a name: a VIN, a record type, a datastore's name.
 *
 * <p>A token is 1 to {@value #MAX_LENGTH} characters from {@code !} to {@code ~} without {@code .}, {@code *} and
 * {@code >}, and does not begin with {@code $}. So it can be one part of a NATS subject. It contains no blank and no
 * line break, which would end a protocol field, and no wildcard, and it cannot be the server's own {@code $SYS}.
 */
public final class Token {

    /** The length of the longest token, in characters, each of which is one byte. */
    public static final int MAX_LENGTH = 128;

    /** Indexed by character, because every record is checked. */
    private static final boolean[] ALLOWED = new boolean['~' + 1];

    static {
        Arrays.fill(ALLOWED, '!', ALLOWED.length, true);
        ALLOWED['.'] = false;
        ALLOWED['*'] = false;
        ALLOWED['>'] = false;
    }

    private Token() {}

    /** Whether the text is a token. */
    public static boolean is(CharSequence text) {
        return flaw(text) == null;
    }

    /**
     * Returns the reason why a text is not a token.
     *
     * @param text any text
     * @return null if it is a token; otherwise the first problem, as the end of a sentence that begins with the name of
     *     the text, for example {@code has '*' at position 3}; the text itself is not included
     */
    public static String flaw(CharSequence text) {
        int length = text.length();
        if (length == 0) {
            return "is empty";
        }
        if (length > MAX_LENGTH) {
            return "has " + length + " characters; at most " + MAX_LENGTH + " are allowed";
        }
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c >= ALLOWED.length || !ALLOWED[c]) {
                return "has " + name(c) + " at position " + (i + 1);
            }
        }
        return text.charAt(0) == '$' ? "begins with '$'" : null;
    }

    private static String name(char c) {
        return c == ' ' ? "a blank" : c < ' ' || c > '~' ? String.format("U+%04X", (int) c) : "'" + c + "'";
    }
}
