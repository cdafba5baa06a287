package io.fleettelemetry.console;

/** Masks values that must not be visible on an operator's screen. */
final class Secret {

    private static final String MASK = "(hidden)";

    private Secret() {}

    /**
     * Returns a value in a form that may be shown.
     *
     * @param key a key of a {@code .cfg} file. If it begins with a dot, the whole value is a secret. The values of
     *     {@code url} and {@code host} may contain a user and a password, so everything up to the last @ is a secret
     * @param value the value
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
