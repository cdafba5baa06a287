package io.fleettelemetry.host.internal;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** What is logged while it is open; slf4j-simple writes it to standard error, as simplelogger.properties says. */
final class LogLines implements AutoCloseable {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream before = System.err;

    LogLines() {
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    }

    /** The lines of one event, from its name on. */
    List<String> of(String event) {
        return bytes.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.contains(" " + event + " "))
                .map(line -> line.substring(line.indexOf(event)))
                .toList();
    }

    @Override
    public void close() {
        System.setErr(before);
    }
}
