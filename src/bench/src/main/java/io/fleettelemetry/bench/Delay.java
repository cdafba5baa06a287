package io.fleettelemetry.bench;

import io.fleettelemetry.api.TelemetryRecord;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Nats;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** How long something takes: that of half of all records, and of 99 of 100, in microseconds. */
@SuppressWarnings("try") // closing a connection can be interrupted, and nobody interrupts here
record Delay(long half, long most) {

    /** Records a second: far from what any way can do, so that nothing waits for room. */
    static final int RATE = 20_000;

    private static final int SECONDS = 2;
    private static final int LONE_RECORDS = 2_000;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    static Delay of(long[] nanos) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        return new Delay(sorted[sorted.length / 2] / 1_000, sorted[(int) (sorted.length * 99L / 100)] / 1_000);
    }

    /** From the call to the confirmation, at a steady rate. The first second warms up. */
    static Delay steady(Contestant contestant, Place place) throws Exception {
        place.clear();
        int records = RATE * SECONDS;
        Times times = new Times(records);
        try (Contestant.Publisher publisher = contestant.open(place, records, times)) {
            publisher.publish(0); // connects
            publisher.await(1);
            long begin = System.nanoTime();
            for (int i = 1; i < records; i++) {
                long due = begin + i * TimeUnit.SECONDS.toNanos(1) / RATE;
                while (due - System.nanoTime() > 0) {
                    LockSupport.parkNanos(due - System.nanoTime());
                }
                times.begin(i);
                publisher.publish(i);
            }
            publisher.await(records);
        }
        return of(Arrays.copyOfRange(times.nanos, RATE, records));
    }

    /** When each record was published, and then how long it took. */
    private static final class Times extends Confirmed {

        final long[] nanos;

        Times(int records) {
            nanos = new long[records];
        }

        void begin(int number) {
            nanos[number] = System.nanoTime();
        }

        @Override
        void is(int number) {
            nanos[number] = System.nanoTime() - nanos[number];
            super.is(number);
        }

        @Override
        void is(TelemetryRecord record) {
            is(Integer.parseInt(record.txid()));
        }
    }

    /** From the call to the thread of a subscriber, for a record on its own in core NATS: by each of two contestants. */
    static Delay[] lone(Place place, Contestant first, Contestant second) throws Exception {
        BlockingQueue<Long> arrivals = new LinkedBlockingQueue<>();
        try (Connection subscriber = Nats.connect(place.server().url());
                Contestant.Publisher one = first.open(place, Place.VINS, new Confirmed());
                Contestant.Publisher other = second.open(place, Place.VINS, new Confirmed())) {
            Dispatcher dispatcher = subscriber.createDispatcher(message -> arrivals.add(System.nanoTime()));
            dispatcher.subscribe(place.namespace() + ".>");
            subscriber.flush(Duration.ofSeconds(10));
            long[][] nanos = new long[2][LONE_RECORDS];
            for (int i = 0; i < 2 * LONE_RECORDS; i++) { // the first half warms up
                nanos[0][i % LONE_RECORDS] = lone(one, i, arrivals);
                nanos[1][i % LONE_RECORDS] = lone(other, i, arrivals);
            }
            return new Delay[] {of(nanos[0]), of(nanos[1])};
        }
    }

    private static long lone(Contestant.Publisher publisher, int number, BlockingQueue<Long> arrivals)
            throws Exception {
        LockSupport.parkNanos(PAUSE_NANOS); // so that every thread has gone to sleep
        long begin = System.nanoTime();
        publisher.publish(number);
        return arrivals.take() - begin;
    }
}
