package io.fleettelemetry.api.kit;

/**
 * A log that holds up nobody: its methods never block and never throw, so they may be called on the way of a record and
 * under a lock. {@link LogLines} writes what they are given, a moment later.
 */
public final class Log {

    /** How grave a line is. */
    public enum Level {
        /** For the record. */
        INFO,
        /** It may get worse. */
        WARN,
        /** Something went wrong. */
        ERROR
    }

    /** Where lines go in the end. */
    @FunctionalInterface
    public interface Target {
        /**
         * Writes one line; may take any time, and throw anything.
         *
         * @param format with {@code {}} for each argument
         * @param arguments what to put there; behind them, perhaps, a throwable
         */
        void write(Level level, String format, Object[] arguments);
    }

    private final LogLines lines;
    private final Target target;

    /** A log whose lines wait with others of the same bundle. */
    public Log(LogLines lines, Target target) {
        this.lines = lines;
        this.target = target;
    }

    /**
     * Has a line written.
     *
     * @param arguments nobody changes them afterwards
     */
    public void info(String format, Object... arguments) {
        write(Level.INFO, format, arguments);
    }

    /**
     * Has a line written.
     *
     * @param arguments nobody changes them afterwards
     */
    public void warn(String format, Object... arguments) {
        write(Level.WARN, format, arguments);
    }

    /**
     * Has a line written.
     *
     * @param arguments nobody changes them afterwards
     */
    public void error(String format, Object... arguments) {
        write(Level.ERROR, format, arguments);
    }

    private void write(Level level, String format, Object[] arguments) {
        try {
            lines.add(() -> target.write(level, format, arguments));
        } catch (Throwable e) { // no memory for the line
            // Then there is no place to say it.
        }
    }
}
