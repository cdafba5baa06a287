package io.fleettelemetry.airbrake;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** What is logged while it is open; slf4j-simple writes it to standard error. */
final class LogLines implements AutoCloseable {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream before = System.err;

    LogLines() {
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    }

    String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    long count(String event) {
        return text().lines().filter(line -> line.contains(" " + event + " ")).count();
    }

    @Override
    public void close() {
        System.setErr(before);
    }
}
