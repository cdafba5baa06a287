package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Source;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * One source's intake, and the line of answers back to it.
 *
 * <p>Datastores put answers in from their completion threads and never wait; one thread at a time, borrowed while there
 * is something to tell, brings them to the source. The queue is the linked one of Dmitry Vyukov for many producers and
 * one consumer, and an answer is its own node, so an answer allocates nothing.
 */
final class Line implements Intake {

    /** Something to tell a source, once. */
    abstract static class Answer {
        private volatile Answer next;

        /** Tells the source; null if it is gone. */
        abstract void tell(Source source);
    }

    private static final Log log = Logs.of(Line.class);
    private static final long OFFER_RECHECK_NANOS = 100_000;
    /** After so many answers other sources that wait for a thread have their turn. */
    private static final int TURN = 1_024;

    private final Dispatcher dispatcher;
    private final Source source;
    private final Tellers tellers;
    /** The next line that waits for a thread; guarded by the tellers. */
    Line following;

    /** Answers put in and not yet told; whoever takes it from 0 to 1 starts the telling. */
    private final AtomicInteger untold = new AtomicInteger();

    private final AtomicReference<Answer> last;
    /** The answer told before; only the teller touches it. */
    private Answer told;

    private volatile Thread teller;
    private volatile boolean closed;

    Line(Dispatcher dispatcher, Source source, Tellers tellers) {
        this.dispatcher = dispatcher;
        this.source = source;
        this.tellers = tellers;
        this.told = new Answer() {
            @Override
            void tell(Source nobody) {
                // the queue's first node; never told
            }
        };
        this.last = new AtomicReference<>(told);
    }

    @Override
    public void offer(TelemetryRecord record) {
        awaitHeard();
        if (closed) {
            throw new IllegalStateException("the intake is closed");
        }
        dispatcher.dispatch(record, this);
    }

    /** As long as the source has too much to hear. An interrupted thread waits as well: else there would be no bound. */
    private void awaitHeard() {
        // A source may offer from within an answer: it must not wait for itself.
        if (untold.get() < MAX_UNHEARD || Thread.currentThread() == teller) {
            return;
        }
        boolean interrupted = false;
        while (untold.get() >= MAX_UNHEARD && !closed) {
            interrupted |= Thread.interrupted(); // else parking would return at once
            LockSupport.parkNanos(this, OFFER_RECHECK_NANOS);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Puts an answer in. Never throws, and blocks only if no thread can be had. */
    void add(Answer answer) {
        last.getAndSet(answer).next = answer;
        if (untold.getAndIncrement() == 0) {
            tellers.tell(this);
        }
    }

    /** Whether the source may still hear answers. */
    boolean isOpen() {
        return !closed;
    }

    /** Tells everything there is to tell. */
    void tellAll() {
        boolean more = true;
        while (more) {
            more = tellSome();
        }
    }

    /** Tells some answers, one thread at a time; whether there are more. */
    boolean tellSome() {
        int count = Math.min(untold.get(), TURN);
        int done = 0;
        boolean more;
        teller = Thread.currentThread();
        try {
            while (done < count) {
                done++;
                tellNext();
            }
        } catch (Throwable e) { // that one is lost, but not those behind it
            sourceThrew(e);
        } finally {
            teller = null; // before the count lets the next teller begin
            more = untold.addAndGet(-done) != 0;
        }
        return more;
    }

    private void tellNext() {
        Answer answer = told.next;
        while (answer == null) { // counted, but its producer has yet to link it: two instructions
            Thread.onSpinWait();
            answer = told.next;
        }
        told = answer;
        try {
            answer.tell(closed ? null : source);
        } catch (RuntimeException | Error e) { // a bundle that is being refreshed throws LinkageErrors
            sourceThrew(e);
        }
        if (Threads.isOwn()) {
            Thread.interrupted(); // the next source is to hear its answers undisturbed
        }
    }

    private void sourceThrew(Throwable e) {
        try {
            log.error("source_error source={}", source.getClass().getName(), e);
        } catch (RuntimeException | Error noMemory) {
            // Then there is no place to say it.
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
