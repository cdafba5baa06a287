package io.fleettelemetry.api.kit;

import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * A queue of lines for a log. A thread of its own writes them, so a log that is slow or hangs delays nothing else. At
 * most {@link #MAX_WAITING} lines wait; further lines are left out and counted. The thread ends one second after the
 * last line.
 */
public final class LogLines {

    /** Limit on the lines that wait. */
    public static final int MAX_WAITING = 256;

    private static final long LINGER_MILLIS = 1_000;

    private final Function<Runnable, Thread> threads;
    private final BiConsumer<String, Object[]> warn;

    // All below: guarded by this.
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>(MAX_WAITING);
    private long leftOut;
    /** Lines written since the last one that says how many were left out. */
    private int written;

    private Thread thread;
    /** Whether {@link #await} waits for the thread to end. */
    private boolean hurry;

    /**
     * @param threads makes a thread that is not started
     * @param warn writes a warning from its format and its arguments: it says how many lines were left out
     */
    public LogLines(Function<Runnable, Thread> threads, BiConsumer<String, Object[]> warn) {
        this.threads = threads;
        this.warn = warn;
    }

    /**
     * Adds a line to the queue. Never blocks and never throws. May be called under any lock.
     *
     * @param line writes the line to the log
     */
    public void add(Runnable line) {
        synchronized (this) {
            if (waiting.size() == MAX_WAITING) {
                leftOut++;
            } else {
                waiting.add(line);
                notifyAll();
            }
            if (thread == null) {
                startThread();
            }
        }
    }

    private void startThread() {
        try {
            Thread next = threads.apply(this::run);
            next.setDaemon(true); // a log that hangs must not keep a process from its end
            next.start();
            thread = next;
        } catch (Throwable e) { // no memory, or the machine has no thread left
            // The next line tries again.
        }
    }

    private void run() {
        Loop.run(this::writeNext, problem -> {}); // a line that throws is lost: there is nowhere to report it
    }

    private boolean writeNext() throws InterruptedException {
        Runnable line;
        long count;
        synchronized (this) {
            if (waiting.isEmpty() && leftOut == 0 && !hurry) {
                wait(LINGER_MILLIS);
            }
            if (waiting.isEmpty() && leftOut == 0) {
                thread = null;
                hurry = false;
                return false;
            }
            line = waiting.poll();
            written++;
            boolean tell = leftOut > 0 && (line == null || written >= MAX_WAITING);
            count = tell ? leftOut : 0;
            if (tell) {
                leftOut = 0;
                written = 0;
            }
        }
        if (line != null) {
            line.run();
        }
        if (count > 0) {
            warn.accept("log_lines_dropped reason=\"the log was too slow\" left_out={}", new Object[] {count});
        }
        return true;
    }

    /**
     * Waits until every line is written and the thread has ended. If the thread itself calls this, it does not wait.
     *
     * @param millis longest wait (ms)
     */
    public void await(long millis) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        Thread last;
        synchronized (this) {
            last = thread;
            if (last == null || last == Thread.currentThread()) {
                return;
            }
            hurry = true;
            notifyAll();
        }
        boolean interrupted = false;
        for (long left = millis; left > 0; left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())) {
            try {
                last.join(left);
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
