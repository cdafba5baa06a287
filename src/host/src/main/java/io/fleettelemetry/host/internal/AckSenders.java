package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Loop;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * The threads that pass answers to sources: one for each source with pending answers, up to a limit. Beyond the limit
 * the sources share the threads. There is no thread while no answer is pending.
 */
final class AckSenders {

    /** Limit on the threads. If that many sources are slow, all other sources wait for them. */
    static final int MAX_THREADS = 64;

    /** If no thread has returned from its source for this time, the sources are reported as a problem. */
    static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final long LINGER_MILLIS = 1_000;
    private static final long CLOSING_MILLIS = 1_000;

    /** Answers that wait to be sent to one source. */
    abstract static class Queue {
        /** The next queue that waits for a thread; guarded by the senders. */
        private Queue following;

        /** Sends some answers, on one thread at a time; returns whether there are more. */
        abstract boolean sendSome();

        /** Sends everything that is pending. */
        final void sendAll() {
            boolean more = true;
            while (more) {
                more = sendSome();
            }
        }
    }

    private final Function<Runnable, Thread> starting;
    private final LongSupplier nanoTime;
    // All below: guarded by this.
    private Queue first;
    private Queue last;
    private int waiting;
    private int threads;
    private int idle;
    /** When a thread last began with a queue. */
    private long takenAt;

    private boolean closed;

    /** @param starting makes a thread that is not started */
    AckSenders(Function<Runnable, Thread> starting) {
        this(starting, System::nanoTime);
    }

    AckSenders(Function<Runnable, Thread> starting, LongSupplier nanoTime) {
        this.starting = starting;
        this.nanoTime = nanoTime;
    }

    /** One sentence if sources that do not return delay the answers of all others; otherwise empty. */
    synchronized List<String> problems() {
        boolean stuck = threads == MAX_THREADS && waiting > 0 && nanoTime.getAsLong() - takenAt >= STUCK_NANOS;
        return stuck
                ? List.of(MAX_THREADS + " sources have not returned from acknowledge() or ended() for "
                        + TimeUnit.NANOSECONDS.toSeconds(STUCK_NANOS) + " s; the answers of " + waiting
                        + " other sources wait for them; a source must not block")
                : List.of();
    }

    /** Sends a queue's answers soon. Never throws, and blocks only if there is no thread and none can be started. */
    void send(Queue queue) {
        boolean here;
        synchronized (this) {
            here = closed; // after the host has stopped, the thread that ends a record sends the answer itself
            if (!here) {
                add(queue);
                if (waiting > idle && threads < MAX_THREADS) {
                    startThread();
                }
                notify();
                here = threads == 0 && take(queue);
            }
        }
        if (here) {
            queue.sendAll();
        }
    }

    private void add(Queue queue) {
        if (last == null) {
            first = queue;
        } else {
            last.following = queue;
        }
        last = queue;
        waiting++;
    }

    private Queue poll() {
        Queue queue = first;
        if (queue != null) {
            first = queue.following;
            last = first == null ? null : last;
            queue.following = null;
            waiting--;
        }
        return queue;
    }

    /** Takes this queue back. It is the only one that waits, because otherwise there would be a thread. */
    private boolean take(Queue queue) {
        return poll() == queue;
    }

    private void startThread() {
        try {
            starting.apply(() -> Loop.run(this::sendNext, e -> {})).start();
            threads++;
        } catch (RuntimeException | Error e) {
            // No memory, or the machine has no thread left: the other threads send it, or the next queue asks again.
        }
    }

    private boolean sendNext() throws InterruptedException {
        Queue queue = next();
        if (queue == null) {
            return false;
        }
        boolean more = true;
        try {
            more = queue.sendSome();
        } finally {
            if (more) {
                synchronized (this) {
                    add(queue);
                }
            }
        }
        return true;
    }

    /** The queue that has waited longest for a thread; null if this thread is not needed any more. */
    private synchronized Queue next() throws InterruptedException {
        Queue queue = poll();
        if (queue == null && !closed) {
            idle++;
            try {
                wait(LINGER_MILLIS);
            } finally {
                idle--;
            }
            queue = poll();
        }
        if (queue == null) {
            threads--;
            notifyAll();
        } else {
            takenAt = nanoTime.getAsLong();
        }
        return queue;
    }

    /**
     * Ends the threads when everything is sent. Waits one second at most, because sources are code of other bundles.
     */
    synchronized void close() {
        closed = true;
        notifyAll();
        if (Own.threads.isOwn()) {
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
