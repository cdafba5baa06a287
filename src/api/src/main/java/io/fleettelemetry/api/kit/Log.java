package io.fleettelemetry.api.kit;

import java.util.function.BiConsumer;

/**
 * A log that never delays its caller. Its methods never block and never throw, so they may be called while a record is
 * processed, and under a lock. {@link LogLines} writes the lines a moment later.
 *
 * <p>It works with a logger of any framework:
 *
 * <pre>{@code
 * Logger logger = LoggerFactory.getLogger(speaker);
 * Log log = new Log(lines, logger::info, logger::warn, logger::error);
 * }</pre>
 *
 * <p>A format has {@code {}} for each argument. A throwable may follow the arguments.
 */
public final class Log {

    private final LogLines lines;
    private final BiConsumer<String, Object[]> info;
    private final BiConsumer<String, Object[]> warn;
    private final BiConsumer<String, Object[]> error;

    /**
     * A log that shares its queue of lines with the other logs of a bundle. Each of the three functions writes one
     * line, from its format and its arguments. It may take any time and may throw.
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
     * Writes a line at level info, a moment later.
     *
     * @param format the line, with {@code {}} for each argument
     * @param arguments the arguments; the caller must not change them afterwards
     */
    public void info(String format, Object... arguments) {
        write(info, format, arguments);
    }

    /**
     * Writes a line at level warn, a moment later.
     *
     * @param format the line, with {@code {}} for each argument
     * @param arguments the arguments; the caller must not change them afterwards
     */
    public void warn(String format, Object... arguments) {
        write(warn, format, arguments);
    }

    /**
     * Writes a line at level error, a moment later.
     *
     * @param format the line, with {@code {}} for each argument
     * @param arguments the arguments; the caller must not change them afterwards
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
