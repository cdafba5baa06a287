package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Loop;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The threads that bring answers to sources: one for each source that has something to hear, up to a limit. Beyond it the
 * sources take turns. There is none while there is nothing to tell.
 */
final class Tellers {

    /** Of sources that are so slow that all threads wait for them, each delays the others. */
    static final int MAX_THREADS = 64;

    private static final long LINGER_MILLIS = 1_000;
    private static final long CLOSING_MILLIS = 1_000;

    private final Function<Runnable, Thread> starting;
    // All below: guarded by this.
    private Line first;
    private Line last;
    private int waiting;
    private int threads;
    private int idle;
    private boolean closed;

    /** @param starting makes a thread that is not started */
    Tellers(Function<Runnable, Thread> starting) {
        this.starting = starting;
    }

    /** Has a line's answers told soon. Never throws, and blocks only if there is no thread and none can be had. */
    void tell(Line line) {
        boolean here;
        synchronized (this) {
            here = closed; // what ends after the host has stopped is told by the thread that ended it
            if (!here) {
                add(line);
                if (waiting > idle && threads < MAX_THREADS) {
                    startThread();
                }
                notify();
                here = threads == 0 && take(line);
            }
        }
        if (here) {
            line.tellAll();
        }
    }

    private void add(Line line) {
        if (last == null) {
            first = line;
        } else {
            last.following = line;
        }
        last = line;
        waiting++;
    }

    private Line poll() {
        Line line = first;
        if (line != null) {
            first = line.following;
            last = first == null ? null : last;
            line.following = null;
            waiting--;
        }
        return line;
    }

    /** Takes this line back; it is the only one, or there would be a thread. */
    private boolean take(Line line) {
        return poll() == line;
    }

    private void startThread() {
        try {
            starting.apply(() -> Loop.run(this::tellNext, e -> {})).start();
            threads++;
        } catch (RuntimeException | Error e) {
            // No memory, or the machine has no thread left: the others do it, or the next line asks again.
        }
    }

    private boolean tellNext() throws InterruptedException {
        Line line = next();
        if (line == null) {
            return false;
        }
        boolean more = true;
        try {
            more = line.tellSome();
        } finally {
            if (more) {
                synchronized (this) {
                    add(line);
                }
            }
        }
        return true;
    }

    /** The line that is longest without a thread; null if this thread is not needed any more. */
    private synchronized Line next() throws InterruptedException {
        Line line = poll();
        if (line == null && !closed) {
            idle++;
            try {
                wait(LINGER_MILLIS);
            } finally {
                idle--;
            }
            line = poll();
        }
        if (line == null) {
            threads--;
            notifyAll();
        }
        return line;
    }

    /** Ends the threads as soon as everything is told, and waits for that a second at most: sources are others' code. */
    synchronized void close() {
        closed = true;
        notifyAll();
        if (Threads.isOwn()) {
            return; // it would wait for itself
        }
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(CLOSING_MILLIS);
        boolean interrupted = false;
        for (long left = CLOSING_MILLIS; threads > 0 && left > 0; ) {
            try {
                wait(left);
            } catch (InterruptedException e) {
                interrupted = true;
            }
            left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
