package io.fleettelemetry.console;

/** Values that nobody may read over an operator's shoulder. */
final class Secret {

    private static final String MASK = "(hidden)";

    private Secret() {}

    /**
     * A value as it may be shown.
     *
     * @param key of a {@code .cfg} file. Of one that begins with a dot the whole value is a secret; of {@code url} and
     *     {@code host}, what may be a user and a password: all up to the last @, whatever is in between
     */
    static String masked(String key, String value) {
        if (key.startsWith(".")) {
            return value.isEmpty() ? "" : MASK;
        }
        int at = value.lastIndexOf('@');
        if (at < 0 || !key.equals("url") && !key.equals("host")) {
            return value;
        }
        int scheme = value.indexOf("://") + 3;
        boolean shown = value.matches("(?s)[a-z]+://.*") && scheme <= at; // "://" may be part of a password as well
        return value.substring(0, shown ? scheme : 0) + MASK + value.substring(at);
    }
}
