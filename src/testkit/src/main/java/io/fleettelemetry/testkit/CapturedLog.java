package io.fleettelemetry.testkit;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * Captures the log of this process while it is open: slf4j-simple writes it to standard error, line by line. Several
 * may be open if they are nested.
 */
public class CapturedLog implements AutoCloseable {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream before = System.err;
    private final Runnable settle;

    /** A log that does not hang. */
    public CapturedLog() {
        this(new CountDownLatch(0), () -> {});
    }

    /**
     * A log that may hang.
     *
     * @param hangs writing hangs until this latch is open
     * @param settle waits for the lines that are about to be written
     */
    public CapturedLog(CountDownLatch hangs, Runnable settle) {
        this.settle = settle;
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8) {
            @Override
            public void println(String line) {
                await(hangs);
                super.println(line);
            }
        });
    }

    /** Waits until the latch is open. If the thread is interrupted, it is interrupted again afterwards. */
    private static void await(CountDownLatch hangs) {
        boolean interrupted = false;
        while (hangs.getCount() > 0) {
            try {
                hangs.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** The whole log. */
    public final String text() {
        settle.run();
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** The lines of one event, each from the event's name on. */
    public final List<String> of(String event) {
        return text().lines()
                .filter(line -> line.contains(" " + event + " "))
                .map(line -> line.substring(line.indexOf(event)))
                .toList();
    }

    /** Number of lines of an event. */
    public final long count(String event) {
        return of(event).size();
    }

    @Override
    public final void close() {
        settle.run();
        System.setErr(before);
    }
}
