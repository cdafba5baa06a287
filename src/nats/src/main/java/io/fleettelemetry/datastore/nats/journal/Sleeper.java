package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.locks.LockSupport;

/**
 * One of the two threads that serve a journal, and whether it sleeps. The thread sets that under the journal's monitor
 * when it finds no work. A thread that adds work, under the same monitor, wakes it afterwards. So no wake-up is lost,
 * and waking a thread that is awake costs one read.
 */
final class Sleeper {

    private volatile Thread thread;
    private volatile boolean asleep;

    /** Names the thread, before it starts. */
    void is(Thread thread) {
        this.thread = thread;
    }

    /** Sets whether the thread is about to park. The thread itself calls this, under the journal's monitor. */
    void sleeps(boolean asleep) {
        this.asleep = asleep;
    }

    /** Wakes the thread if it sleeps. Needs no lock. */
    void wake() {
        if (asleep) {
            asleep = false;
            LockSupport.unpark(thread);
        }
    }

    /** Wakes the thread, or stops it from parking if it is about to, in any case. */
    void unpark() {
        LockSupport.unpark(thread);
    }
}
