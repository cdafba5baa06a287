package io.fleettelemetry.api.kit;

import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/**
 * A thread that must always run. If it has died, or could not start because memory was short, {@link #tend} starts
 * another one in its place. The other threads of the bundle call {@code tend} from time to time.
 */
public final class Tended {

    private final Function<Runnable, Thread> threads;
    private final Runnable task;
    private volatile Thread thread;
    private volatile boolean wanted;
    private volatile boolean done;

    /**
     * @param threads makes a thread that is not started
     * @param task the thread's work; when it returns, the thread is no longer needed; if it throws, it is run again
     */
    public Tended(Function<Runnable, Thread> threads, Runnable task) {
        this.threads = threads;
        this.task = task;
    }

    /** Starts the thread; from now on it must run. Never throws. */
    public void start() {
        wanted = true;
        tend();
    }

    /** Starts the thread if it is missing. If that is not possible, the next call tries again. Never throws. */
    public void tend() {
        if (isMissing()) {
            try {
                startAnew();
            } catch (Throwable e) { // no memory, or the machine has no thread left
                // It stays missing, and isMissing() says so.
            }
        }
    }

    private synchronized void startAnew() {
        if (isMissing()) {
            thread = null;
            Thread next = threads.apply(this::run);
            next.start();
            thread = next;
        }
    }

    private void run() {
        task.run();
        done = true;
    }

    /** Whether the thread should run and does not. */
    public boolean isMissing() {
        Thread now = thread;
        return wanted && !done && (now == null || !now.isAlive());
    }

    /** Wakes the thread up if it is parked. */
    public void unpark() {
        LockSupport.unpark(thread);
    }

    /** Whether the thread runs. */
    public boolean isAlive() {
        Thread now = thread;
        return now != null && now.isAlive();
    }

    /**
     * Waits for the thread's end. An interrupt does not shorten the wait; it is set again afterwards.
     *
     * @param millis longest wait (ms), more than 0
     * @return whether the thread has ended
     */
    public boolean join(long millis) {
        Thread now = thread;
        return now == null || Uninterrupted.join(now, millis);
    }
}
