package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Source;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One source's intake, and the line of answers back to it.
 *
 * <p>Datastores put answers in from their completion threads and never wait; one thread at a time, borrowed while there
 * is something to tell, brings them to the source. The queue is the linked one of Dmitry Vyukov for many producers and
 * one consumer, and an answer is its own node, so an answer allocates nothing.
 */
final class Line implements Intake, Runnable {

    /** Something to tell a source, once. */
    abstract static class Answer {
        private volatile Answer next;

        /** Tells the source; null if it is gone. */
        abstract void tell(Source source);
    }

    private static final Logger log = LoggerFactory.getLogger(Line.class);
    private static final long OFFER_RECHECK_NANOS = 100_000;

    private final Dispatcher dispatcher;
    private final Source source;
    private final Executor tellers;

    /** Answers put in and not yet told; whoever takes it from 0 to 1 starts the telling. */
    private final AtomicInteger untold = new AtomicInteger();

    private final AtomicReference<Answer> last;
    /** The answer told before; only the teller touches it. */
    private Answer told;

    private volatile Thread teller;
    private volatile boolean closed;

    Line(Dispatcher dispatcher, Source source, Executor tellers) {
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
        if (closed) {
            throw new IllegalStateException("the intake is closed");
        }
        // A source may offer from within an answer: it must not wait for itself.
        while (untold.get() >= MAX_UNHEARD
                && Thread.currentThread() != teller
                && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(this, OFFER_RECHECK_NANOS);
        }
        dispatcher.dispatch(record, this);
    }

    /** Puts an answer in. Never throws, and blocks only if no thread can be had. */
    void add(Answer answer) {
        last.getAndSet(answer).next = answer;
        if (untold.getAndIncrement() == 0) {
            try {
                tellers.execute(this);
            } catch (RuntimeException | Error e) { // an OutOfMemoryError: the machine has no thread left
                log.error("host_error error=\"{}\" reason=\"no thread to tell a source; this one does\"", e.toString());
                run(); // nobody else would, ever: whoever takes the count from 0 to 1 starts the telling
            }
        }
    }

    /** Whether the source may still hear answers. */
    boolean isOpen() {
        return !closed;
    }

    @Override
    public void run() {
        int count;
        do {
            teller = Thread.currentThread();
            count = untold.get();
            for (int i = 0; i < count; i++) {
                tellNext();
            }
            teller = null; // before the count lets the next teller begin
        } while (untold.addAndGet(-count) != 0);
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
            log.error("source_error source={}", source.getClass().getName(), e);
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
