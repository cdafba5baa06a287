package io.fleettelemetry.datastore.nats.journal;

import java.util.concurrent.locks.LockSupport;

/**
 * One of the two threads that serve a journal, and whether it sleeps. It says so under the journal's monitor, having found
 * nothing to do there; whoever gives it something to do, under the same monitor, wakes it afterwards. So no call is missed,
 * and a thread that is awake costs one look.
 */
final class Sleeper {

    private volatile Thread thread;
    private volatile boolean asleep;

    /** Names the thread, before it starts. */
    void is(Thread thread) {
        this.thread = thread;
    }

    /** Whether it is about to park. Said by the thread itself, under the journal's monitor. */
    void sleeps(boolean asleep) {
        this.asleep = asleep;
    }

    /** Wakes it if it sleeps. No lock is needed. */
    void wake() {
        if (asleep) {
            asleep = false;
            LockSupport.unpark(thread);
        }
    }

    /** Wakes it, and has it not sleep if it is about to, whatever it has said. */
    void unpark() {
        LockSupport.unpark(thread);
    }
}
