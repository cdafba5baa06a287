package io.fleettelemetry.host.internal;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** What is logged while it is open; slf4j-simple writes it to standard error, as simplelogger.properties says. */
final class LogLines implements AutoCloseable {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream before = System.err;

    LogLines() {
        this(new CountDownLatch(0));
    }

    /** @param hangs until when nothing can be written */
    LogLines(CountDownLatch hangs) {
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8) {
            @Override
            public void println(String line) {
                try {
                    hangs.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                super.println(line);
            }
        });
    }

    /** The lines of one event, from its name on, with those that are about to be written. */
    List<String> of(String event) {
        Own.awaitLog(20_000);
        return bytes.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.contains(" " + event + " "))
                .map(line -> line.substring(line.indexOf(event)))
                .toList();
    }

    @Override
    public void close() {
        Own.awaitLog(20_000);
        System.setErr(before);
    }
}
