package io.fleettelemetry.testkit;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * What is logged in this process while it is open: slf4j-simple writes that to standard error, line by line. One at a time,
 * or one within another.
 */
public class CapturedLog implements AutoCloseable {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream before = System.err;
    private final Runnable settle;

    /** A log that takes lines at once. */
    public CapturedLog() {
        this(new CountDownLatch(0), () -> {});
    }

    /**
     * A log that may hang.
     *
     * @param hangs until when nothing can be written
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

    /** Whatever interrupts whoever logs: that is remembered. */
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

    /** Everything. */
    public final String text() {
        settle.run();
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** The lines of one event, from its name on. */
    public final List<String> of(String event) {
        return text().lines()
                .filter(line -> line.contains(" " + event + " "))
                .map(line -> line.substring(line.indexOf(event)))
                .toList();
    }

    /** How many lines an event has. */
    public final long count(String event) {
        return of(event).size();
    }

    @Override
    public final void close() {
        settle.run();
        System.setErr(before);
    }
}
