package io.fleettelemetry.api.kit;

import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/**
 * A thread that must be there: should it have died, or not have started for want of memory, {@link #tend} starts another in
 * its place. Others call that from time to time, each thread of a bundle for another one.
 */
public final class Tended {

    private final Function<Runnable, Thread> threads;
    private final Runnable task;
    private volatile Thread thread;
    private volatile boolean wanted;
    private volatile boolean done;

    /**
     * @param threads makes a thread that is not started
     * @param task is what it does; when that returns the thread is not needed any more. If it throws, it is run again
     */
    public Tended(Function<Runnable, Thread> threads, Runnable task) {
        this.threads = threads;
        this.task = task;
    }

    /** From now on it is to be there. Never throws. */
    public void start() {
        wanted = true;
        tend();
    }

    /** Starts the thread if it is missing; if that cannot be done, the next call tries again. Never throws. */
    public void tend() {
        if (isMissing()) {
            try {
                startAnew();
            } catch (Throwable e) { // no memory, or the machine has no thread left
                // It is still missing, and says so.
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

    /** Whether it should be there and is not. */
    public boolean isMissing() {
        Thread now = thread;
        return wanted && !done && (now == null || !now.isAlive());
    }

    /** Wakes it up if it is parked. */
    public void unpark() {
        LockSupport.unpark(thread);
    }

    /** Whether it runs. */
    public boolean isAlive() {
        Thread now = thread;
        return now != null && now.isAlive();
    }

    /**
     * Waits for its end, whatever interrupts meanwhile; that is remembered.
     *
     * @param millis at most, more than 0
     * @return whether it has ended
     */
    public boolean join(long millis) {
        Thread now = thread;
        return now == null || Uninterrupted.join(now, millis);
    }
}
