package io.fleettelemetry.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;

/**
 * What a record costs in one round.
 *
 * @param perSecond records a second
 * @param clientMicros CPU of this process for each
 * @param serverMicros CPU of the server's process for each
 * @param garbage bytes that all threads of this process allocate for each
 */
record Cost(double perSecond, double clientMicros, double serverMicros, double garbage) {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    static Cost of(Contestant contestant, Place place) throws Exception {
        place.clear();
        Confirmed confirmed = new Confirmed();
        try (Contestant.Publisher publisher = contestant.open(place, Place.VINS, confirmed)) {
            int before = 2 * place.window(); // all of it is in use once, so the journal has its blocks
            int all = before + place.records();
            publish(publisher, 0, before);
            System.gc();
            long bytes = allocated();
            CpuTime server = CpuTime.of(place.server().pid());
            CpuTime client = CpuTime.of(ProcessHandle.current().pid());
            long time = System.nanoTime();
            publish(publisher, before, all);
            time = System.nanoTime() - time;
            double clientNanos = client.nanosSince();
            double serverNanos = server.nanosSince();
            double garbage = allocated() - bytes;
            int records = place.records();
            return new Cost(
                    records * 1e9 / time, clientNanos / 1e3 / records, serverNanos / 1e3 / records, garbage / records);
        }
    }

    private static void publish(Contestant.Publisher publisher, int from, int to) throws Exception {
        for (int i = from; i < to; i++) {
            publisher.publish(i);
        }
        publisher.await(to);
    }

    /** By all threads that live: none ends while it is measured. */
    private static long allocated() {
        return Arrays.stream(THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds()))
                .filter(bytes -> bytes > 0)
                .sum();
    }
}
