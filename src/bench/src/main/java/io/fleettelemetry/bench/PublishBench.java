package io.fleettelemetry.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.ProducerFactory;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Throughput, CPU and garbage for each record: the datastore, which confirms every one, beside a bare
 * {@code Connection.publish} loop with the same subjects, which confirms none. Both alternate within one run against one
 * server, because only ratios mean anything on a machine that is shared.
 */
public final class PublishBench {

    private static final int VINS = 1_000;
    private static final int ROUNDS = 5;
    private static final OperatingSystemMXBean OS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** What one round came to, for each record. */
    private record Round(double perSecond, double cpuMicros, double bytes) {}

    private PublishBench() {}

    public static void main(String[] arguments) throws Exception {
        try (NatsServer server = NatsServer.start()) {
            compare(server, 300, 2_000_000);
            compare(server, 2_048, 400_000);
        }
    }

    private static void compare(NatsServer server, int size, int count) throws Exception {
        byte[] payload = new byte[size];
        Arrays.fill(payload, (byte) 'x');
        String[] subjects = new String[VINS];
        TelemetryRecord[] records = new TelemetryRecord[VINS];
        for (int i = 0; i < VINS; i++) {
            String vin = String.format("5YJ3E1EA1NF%06d", i);
            subjects[i] = "tesla_telemetry." + vin + ".data";
            records[i] = TelemetryRecord.of(vin, "V", "", payload, Map.of());
        }
        Round[] bare = new Round[ROUNDS];
        Round[] confirmed = new Round[ROUNDS];
        System.out.printf("%d bytes, %d subjects, %d records a round%n", size, VINS, count);
        for (int round = -1; round < ROUNDS; round++) { // the first one warms up
            Round loop = bare(server, subjects, payload, count);
            Round datastore = datastore(server, records, count);
            if (round >= 0) {
                bare[round] = loop;
                confirmed[round] = datastore;
                print("bare loop", loop);
                print("datastore", datastore);
            }
        }
        System.out.printf(
                "==> datastore : bare loop   throughput %.2f   CPU %.2f%n",
                median(confirmed, 0) / median(bare, 0), median(confirmed, 1) / median(bare, 1));
    }

    private static void print(String what, Round round) {
        System.out.printf(
                "    %s   %,10.0f /s   CPU %.3f us   allocated by the caller %.1f B%n",
                what, round.perSecond, round.cpuMicros, round.bytes);
    }

    private static double median(Round[] rounds, int figure) {
        double[] figures = Arrays.stream(rounds)
                .mapToDouble(round -> figure == 0 ? round.perSecond : round.cpuMicros)
                .sorted()
                .toArray();
        return figures[figures.length / 2];
    }

    private static Round bare(NatsServer server, String[] subjects, byte[] payload, int count)
            throws IOException, InterruptedException, TimeoutException {
        Connection connection =
                Nats.connect(new Options.Builder().server(server.url()).build());
        try {
            connection.flush(Duration.ofSeconds(10));
            return measure(count, () -> {
                for (int i = 0; i < count; i++) {
                    connection.publish(subjects[i % VINS], payload);
                }
                connection.flush(Duration.ofSeconds(60));
            });
        } finally {
            connection.close();
        }
    }

    private static Round datastore(NatsServer server, TelemetryRecord[] records, int count) throws Exception {
        Tally tally = new Tally();
        ProducerFactory factory =
                ServiceLoader.load(ProducerFactory.class).findFirst().orElseThrow();
        try (CloseableProducer nats = factory.open(Map.of("url", server.url()))) {
            nats.produce(records[0], tally);
            tally.awaitConfirmed(1);
            return measure(count, () -> {
                for (int i = 0; i < count; i++) {
                    TelemetryRecord record = records[i % VINS];
                    long refused = tally.refused;
                    nats.produce(record, tally);
                    while (tally.refused != refused) { // full: as a host does, again when there is room
                        refused = tally.refused;
                        LockSupport.parkNanos(50_000);
                        nats.produce(record, tally);
                    }
                }
                tally.awaitConfirmed(count + 1);
            });
        }
    }

    private interface Work {
        void run() throws IOException, InterruptedException, TimeoutException;
    }

    private static Round measure(int count, Work work) throws IOException, InterruptedException, TimeoutException {
        System.gc();
        long bytes = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId());
        long cpu = OS.getProcessCpuTime();
        long time = System.nanoTime();
        work.run();
        time = System.nanoTime() - time;
        cpu = OS.getProcessCpuTime() - cpu;
        bytes = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId()) - bytes;
        return new Round(count * 1e9 / time, cpu / 1e3 / count, (double) bytes / count);
    }

    /** Counts; refusals come on the offering thread, which alone reads and writes them. */
    private static final class Tally implements Receipt {
        private final AtomicLong confirmed = new AtomicLong();
        private long refused;

        @Override
        public boolean confirmed(TelemetryRecord record) {
            confirmed.lazySet(confirmed.get() + 1); // one completion thread
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            if (why.kind() != Failure.Kind.FULL) {
                throw new IllegalStateException(why.toString());
            }
            refused++;
        }

        void awaitConfirmed(long count) {
            while (confirmed.get() < count) {
                LockSupport.parkNanos(50_000);
            }
        }
    }
}
