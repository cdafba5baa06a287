package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Source;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A queue of the answers for one source: reliable acks and outcomes.
 *
 * <p>Datastores add answers from their completion threads and never wait. While there are answers, one thread at a time
 * of the {@link AckSenders} passes them to the source. The queue is Dmitry Vyukov's linked queue for many producers and
 * one consumer. An answer is its own node, so adding one allocates nothing.
 */
final class AckQueue extends AckSenders.Queue {

    /** An answer for a source. It is sent once. */
    abstract static class Answer {
        private volatile Answer next;

        /** @param source the source; null if it is gone */
        abstract void sendTo(Source source);
    }

    private static final Log log = Own.log(AckQueue.class);
    private static final long RECHECK_NANOS = 100_000;
    /** After this many answers, the thread goes on with other sources that wait for one. */
    private static final int TURN = 1_024;

    private final Source source;
    private final AckSenders senders;
    /** Number of answers that are not sent yet. The thread that increases it from 0 to 1 asks for a sending thread. */
    private final AtomicInteger pending = new AtomicInteger();

    private final AtomicReference<Answer> last;
    /** The answer sent before the next one; only the sending thread touches it. */
    private Answer lastSent;

    private volatile Thread sender;
    private volatile boolean closed;

    AckQueue(Source source, AckSenders senders) {
        this.source = source;
        this.senders = senders;
        this.lastSent = new Answer() {
            @Override
            void sendTo(Source nobody) {
                // the queue's first node; never sent
            }
        };
        this.last = new AtomicReference<>(lastSent);
    }

    /**
     * Waits while {@value Intake#MAX_UNHEARD} answers are pending. An interrupted thread waits as well, because
     * otherwise there would be no limit.
     */
    void awaitRoom() {
        // A source may offer records while it takes an answer. It must not wait for itself.
        if (pending.get() < Intake.MAX_UNHEARD || Thread.currentThread() == sender) {
            return;
        }
        boolean interrupted = false;
        while (pending.get() >= Intake.MAX_UNHEARD && !closed) {
            interrupted |= Thread.interrupted(); // otherwise parking returns at once
            LockSupport.parkNanos(this, RECHECK_NANOS);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Adds an answer. Never throws, and blocks only if no thread can be started. */
    void add(Answer answer) {
        last.getAndSet(answer).next = answer;
        if (pending.getAndIncrement() == 0) {
            senders.send(this);
        }
    }

    /** Whether the source may still get answers. */
    boolean isOpen() {
        return !closed;
    }

    /** The source gets no more answers from now on. */
    void close() {
        closed = true;
    }

    @Override
    boolean sendSome() {
        int count = Math.min(pending.get(), TURN);
        int done = 0;
        boolean more;
        sender = Thread.currentThread();
        try {
            while (done < count) {
                done++;
                sendNext();
            }
        } catch (Throwable e) { // this answer is lost, but not those after it
            sourceThrew(e);
        } finally {
            sender = null; // before the count lets the next sender begin
            more = pending.addAndGet(-done) != 0;
        }
        return more;
    }

    private void sendNext() {
        Answer answer = lastSent.next;
        while (answer == null) { // counted, but its producer has yet to link it: two instructions
            Thread.onSpinWait();
            answer = lastSent.next;
        }
        lastSent = answer;
        try {
            answer.sendTo(closed ? null : source);
        } catch (RuntimeException | Error e) { // a bundle that is being refreshed throws LinkageErrors
            sourceThrew(e);
        }
        if (Own.threads.isOwn()) {
            Thread.interrupted(); // the next source gets its answers undisturbed
        }
    }

    private void sourceThrew(Throwable e) {
        try {
            log.error("source_failed source={}", source.getClass().getName(), e);
        } catch (RuntimeException | Error noMemory) {
            // Then there is nowhere to report it.
        }
    }
}
