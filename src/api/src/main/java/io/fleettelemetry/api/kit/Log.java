package io.fleettelemetry.api.kit;

import java.util.function.BiConsumer;

/**
 * A log that holds up nobody: its methods never block and never throw, so they may be called on the way of a record and
 * under a lock. {@link LogLines} writes what they are given, a moment later.
 *
 * <p>It stands before a logger of any framework, which is given by its methods:
 *
 * <pre>{@code
 * Logger logger = LoggerFactory.getLogger(speaker);
 * Log log = new Log(lines, logger::info, logger::warn, logger::error);
 * }</pre>
 *
 * <p>A format has {@code {}} for each argument; behind the arguments there may be a throwable.
 */
public final class Log {

    private final LogLines lines;
    private final BiConsumer<String, Object[]> info;
    private final BiConsumer<String, Object[]> warn;
    private final BiConsumer<String, Object[]> error;

    /**
     * A log whose lines wait with others of the same bundle. The three write one line each, given its format and its
     * arguments; they may take any time, and throw anything.
     */
    public Log(
            LogLines lines,
            BiConsumer<String, Object[]> info,
            BiConsumer<String, Object[]> warn,
            BiConsumer<String, Object[]> error) {
        this.lines = lines;
        this.info = info;
        this.warn = warn;
        this.error = error;
    }

    /**
     * Has a line written.
     *
     * @param arguments nobody changes them afterwards
     */
    public void info(String format, Object... arguments) {
        write(info, format, arguments);
    }

    /**
     * Has a line written.
     *
     * @param arguments nobody changes them afterwards
     */
    public void warn(String format, Object... arguments) {
        write(warn, format, arguments);
    }

    /**
     * Has a line written.
     *
     * @param arguments nobody changes them afterwards
     */
    public void error(String format, Object... arguments) {
        write(error, format, arguments);
    }

    private void write(BiConsumer<String, Object[]> target, String format, Object[] arguments) {
        try {
            lines.add(() -> target.accept(format, arguments));
        } catch (Throwable e) { // no memory for the line
            // Then there is no place to say it.
        }
    }
}
