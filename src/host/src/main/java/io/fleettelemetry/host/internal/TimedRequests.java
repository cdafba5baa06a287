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
 * Runs the requests to the metrics endpoint on a few threads, and ends those that take too long. There is no thread
 * while there is no work.
 */
final class TimedRequests implements Executor, AutoCloseable {

    /** Limit on the time for the head of a request, from its first byte on. Scrapers send it in one piece. */
    private static final Duration HEAD = Duration.ofSeconds(3);
    /** The time that the head has in any case once a thread handles it, to read the bytes that have arrived. */
    private static final Duration LEAST = Duration.ofMillis(200);
    /** Limit on the time for the answer. Prometheus gives up after 10 s by default. */
    private static final Duration LIMIT = Duration.ofSeconds(10);
    /** Number of requests that are answered at the same time. A thread without a request ends after a while. */
    private static final int THREADS = 4;
    /** Number of requests that may wait; the connections of further ones are closed. */
    private static final int WAITING = 32;

    private final Duration head;
    private final Duration limit;
    /** The current request of each thread of {@link #requests}. */
    private final Map<Thread, Turn> turns = new ConcurrentHashMap<>();

    private final ExecutorService requests = requests();
    /** Timer for requests that take too long, and for other tasks. Its one thread exists only while a task waits. */
    final ScheduledThreadPoolExecutor clock = clock();

    TimedRequests() {
        this(HEAD, LIMIT);
    }

    /**
     * @param head limit on the time for the head of a request
     * @param limit limit on the time for the answer
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
                new ThreadPoolExecutor.DiscardPolicy()); // of requests after closing
        clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        clock.setRemoveOnCancelPolicy(true);
        clock.setKeepAliveTime(1, TimeUnit.SECONDS);
        clock.allowCoreThreadTimeOut(true);
        return clock;
    }

    /** Runs the server's task for a connection with new bytes: it reads the request and answers it. */
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
     * One request and its answer. If either takes too long, for example because only half a request comes, the thread
     * is interrupted. That closes the connection, because it is a channel of java.nio.
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
                // The request is ended as soon as there is a thread, if it still runs then.
            }
        }

        /** Refuses a request, on the server's own thread: the connection closes at the next read or write. */
        void refuse() {
            Thread.currentThread().interrupt();
            try {
                exchange.run();
            } finally {
                Thread.interrupted();
            }
        }
    }

    /** The current thread has read the head of its request. */
    void answering() {
        Turn turn = turns.get(Thread.currentThread());
        if (turn != null) { // null if the request was refused
            turn.answering();
        }
    }

    @Override
    public void close() {
        Threads.end(requests);
        Threads.end(clock);
    }
}
