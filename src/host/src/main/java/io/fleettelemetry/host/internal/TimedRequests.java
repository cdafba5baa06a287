package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Threads;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs the requests to the metrics endpoint on a few threads, and cuts off those that take too long. No thread is there while
 * there is nothing to do.
 */
final class TimedRequests implements Executor, AutoCloseable {

    /** How long the head of a request may take from its first byte on. Whoever scrapes sends it in one piece. */
    private static final Duration HEAD = Duration.ofSeconds(3);
    /** How long it may take in any case once a thread has turned to it: what has arrived is read. */
    private static final Duration LEAST = Duration.ofMillis(200);
    /** How long the answer may take. Whoever scrapes has given up by then: Prometheus after 10 s. */
    private static final Duration LIMIT = Duration.ofSeconds(10);
    /** How many requests are answered at a time; a thread that has none ends after a while. */
    private static final int THREADS = 4;
    /** How many may wait for that; the connections of further ones are closed. If all are halves, that takes 5 s. */
    private static final int WAITING = 32;

    private final Duration head;
    private final Duration limit;
    /** What each thread of {@link #requests} is at. */
    private final Map<Thread, Turn> turns = new ConcurrentHashMap<>();

    private final ExecutorService requests = requests();
    /** Ends what takes too long, and whatever else must be done later. Its one thread is there only while it waits for that. */
    final ScheduledThreadPoolExecutor clock = clock();

    TimedRequests() {
        this(HEAD, LIMIT);
    }

    /**
     * @param head how long the head of a request may take
     * @param limit how long the answer may take
     */
    TimedRequests(Duration head, Duration limit) {
        this.head = head;
        this.limit = limit;
    }

    private static ExecutorService requests() {
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor requests = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                10,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(WAITING),
                task -> Own.threads.of("telemetry-metrics-" + number.incrementAndGet(), task));
        requests.allowCoreThreadTimeOut(true);
        return requests;
    }

    private static ScheduledThreadPoolExecutor clock() {
        ScheduledThreadPoolExecutor clock = new ScheduledThreadPoolExecutor(
                1,
                task -> Own.threads.of("telemetry-metrics-clock", task),
                new ThreadPoolExecutor.DiscardPolicy()); // of what comes when it is closed
        clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        clock.setRemoveOnCancelPolicy(true);
        clock.setKeepAliveTime(1, TimeUnit.SECONDS);
        clock.allowCoreThreadTimeOut(true);
        return clock;
    }

    /** Runs what the server makes of a connection on which something has come: to read the request, and to answer it. */
    @Override
    public void execute(Runnable exchange) {
        Turn turn = new Turn(exchange);
        try {
            requests.execute(turn);
        } catch (RejectedExecutionException e) {
            turn.refuse();
        }
    }

    /**
     * One request and its answer. If either takes too long, as when half a request is all that ever comes, the thread is
     * interrupted, which closes the connection: a channel of java.nio does that.
     */
    private final class Turn implements Runnable {

        private final Runnable exchange;
        private final FutureTask<?> task;
        private final long came = System.nanoTime();
        private Future<?> end = CompletableFuture.completedFuture(null);

        Turn(Runnable exchange) {
            this.exchange = exchange;
            this.task = new FutureTask<>(exchange, null);
        }

        @Override
        public void run() {
            turns.put(Thread.currentThread(), this);
            endIn(Math.max(LEAST.toNanos(), head.toNanos() - (System.nanoTime() - came)));
            try {
                task.run();
            } finally {
                end.cancel(false);
                turns.remove(Thread.currentThread());
            }
        }

        /** The head has been read. */
        void answering() {
            endIn(limit.toNanos());
        }

        private void endIn(long nanos) {
            end.cancel(false);
            try {
                end = clock.schedule(() -> task.cancel(true), nanos, TimeUnit.NANOSECONDS);
            } catch (OutOfMemoryError e) { // the machine has no thread left
                // It is ended as soon as there is one, if it is not over by then.
            }
        }

        /** By the server's own thread: the connection is closed as soon as anything is read from it or written to it. */
        void refuse() {
            Thread.currentThread().interrupt();
            try {
                exchange.run();
            } finally {
                Thread.interrupted();
            }
        }
    }

    /** The head of the request that the current thread is at has been read. */
    void answering() {
        Turn turn = turns.get(Thread.currentThread());
        if (turn != null) { // else it is refused
            turn.answering();
        }
    }

    @Override
    public void close() {
        Threads.end(requests);
        Threads.end(clock);
    }
}
