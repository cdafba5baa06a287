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
import io.nats.client.Dispatcher;
import io.nats.client.JetStream;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.PublishOptions;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToDoubleFunction;

/**
 * What a record costs by the datastore, which confirms every one, beside what people write who have only jnats: a loop of
 * {@code Connection.publish}, which confirms none, or of {@code JetStream.publishAsync}. Both alternate within one run
 * against one server, because only ratios mean anything on a machine that is shared.
 */
@SuppressWarnings("try") // closing a connection can be interrupted, and nobody interrupts here
public final class PublishBench {

    private static final int VINS = 1_000;
    private static final int ROUNDS = 5;
    private static final int LONE_RECORDS = 2_000;
    /** So many PubAcks are waited for at once by the loop. */
    private static final int IN_FLIGHT = 10_000;
    /** So many bytes are in flight by the datastore: below its bound, so that nothing is refused. */
    private static final int WINDOW = 40_000_000;

    private static final OperatingSystemMXBean OS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** What one round came to: records a second, and for each record CPU of the process and garbage of all its threads. */
    private record Round(double perSecond, double cpuMicros, double bytes) {}

    private interface Work {
        void run() throws Exception;
    }

    private interface Contestant {
        Round run(NatsServer server, String[] subjects, byte[] payload, int count) throws Exception;
    }

    private PublishBench() {}

    public static void main(String[] arguments) throws Exception {
        try (NatsServer server = NatsServer.start("jetstream { store_dir: $DIR }")) {
            compare("core", server, 300, 2_000_000, PublishBench::publish, datastore(Map.of()));
            compare("core", server, 2_048, 400_000, PublishBench::publish, datastore(Map.of()));
            try (Connection connection = Nats.connect(server.url())) {
                connection
                        .jetStreamManagement()
                        .addStream(StreamConfiguration.builder()
                                .name("BENCH")
                                .subjects("stored.>")
                                .storageType(StorageType.Memory)
                                .maxBytes(500_000_000)
                                .duplicateWindow(Duration.ofSeconds(10))
                                .build());
            }
            Map<String, String> stored = Map.of("delivery", "jetstream", "namespace", "stored", "stream.setup", "off");
            compare("jetstream", server, 300, 200_000, PublishBench::publishAsync, datastore(stored));
            lone(server);
        }
    }

    private static void compare(
            String delivery, NatsServer server, int size, int count, Contestant loop, Contestant datastore)
            throws Exception {
        byte[] payload = new byte[size];
        Arrays.fill(payload, (byte) 'x');
        String[] vins = new String[VINS];
        Arrays.setAll(vins, i -> String.format("5YJ3E1EA1NF%06d", i));
        Round[] bare = new Round[ROUNDS];
        Round[] ours = new Round[ROUNDS];
        System.out.printf("%s: %d bytes, %d subjects, %d records a round%n", delivery, size, VINS, count);
        for (int round = -1; round < ROUNDS; round++) { // the first one warms up
            Round first = loop.run(server, vins, payload, count);
            Round second = datastore.run(server, vins, payload, count);
            if (round >= 0) {
                bare[round] = first;
                ours[round] = second;
                print("bare loop", first);
                print("datastore", second);
            }
        }
        System.out.printf(
                "==> %s, %d bytes, datastore : bare loop   throughput %.2f   CPU %.2f%n",
                delivery,
                size,
                median(ours, Round::perSecond) / median(bare, Round::perSecond),
                median(ours, Round::cpuMicros) / median(bare, Round::cpuMicros));
    }

    private static void print(String what, Round round) {
        System.out.printf(
                "    %s   %,10.0f /s   CPU %.3f us   allocated %.1f B%n",
                what, round.perSecond, round.cpuMicros, round.bytes);
    }

    private static double median(Round[] rounds, ToDoubleFunction<Round> figure) {
        double[] figures = Arrays.stream(rounds).mapToDouble(figure).sorted().toArray();
        return figures[figures.length / 2];
    }

    private static String[] subjects(String namespace, String[] vins) {
        return Arrays.stream(vins).map(vin -> namespace + "." + vin + ".data").toArray(String[]::new);
    }

    private static Round publish(NatsServer server, String[] vins, byte[] payload, int count) throws Exception {
        String[] subjects = subjects("tesla_telemetry", vins);
        try (Connection connection = Nats.connect(server.url())) {
            connection.flush(Duration.ofSeconds(10));
            return measure(count, () -> {
                for (int i = 0; i < count; i++) {
                    connection.publish(subjects[i % VINS], payload);
                }
                connection.flush(Duration.ofSeconds(60));
            });
        }
    }

    private static Round publishAsync(NatsServer server, String[] vins, byte[] payload, int count) throws Exception {
        String[] subjects = subjects("stored", vins);
        String id = NUID.nextGlobal();
        Options options = new Options.Builder()
                .server(server.url())
                .dontForceFlushOnRequest() // twice as fast
                .build();
        try (Connection connection = Nats.connect(options)) {
            JetStream jetStream = connection.jetStream();
            Semaphore room = new Semaphore(IN_FLIGHT);
            return measure(count, () -> {
                for (int i = 0; i < count; i++) {
                    room.acquire();
                    PublishOptions once =
                            PublishOptions.builder().messageId(id + i).build();
                    jetStream.publishAsync(subjects[i % VINS], payload, once).thenRun(room::release);
                }
                room.acquire(IN_FLIGHT);
            });
        }
    }

    private static Contestant datastore(Map<String, String> settings) {
        return (server, vins, payload, count) -> {
            TelemetryRecord[] records = Arrays.stream(vins)
                    .map(vin -> TelemetryRecord.of(vin, "V", "", payload, Map.of()))
                    .toArray(TelemetryRecord[]::new);
            int window = Math.min(WINDOW / (payload.length + 200), count);
            Confirmed confirmed = new Confirmed();
            try (CloseableProducer nats = open(server, settings)) {
                for (int i = 0; i < window; i++) { // so that the journal has its blocks
                    nats.produce(records[i % VINS], confirmed);
                }
                confirmed.await(window);
                return measure(count, () -> {
                    for (int i = 0; i < count; i++) {
                        confirmed.await(i);
                        nats.produce(records[i % VINS], confirmed);
                    }
                    confirmed.await(window + count);
                });
            }
        };
    }

    private static CloseableProducer open(NatsServer server, Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(settings);
        all.put("url", server.url());
        return ServiceLoader.load(ProducerFactory.class)
                .findFirst()
                .orElseThrow()
                .open(all);
    }

    /** How long a record on its own takes to a subscriber, from the call to the subscriber's thread. */
    private static void lone(NatsServer server) throws Exception {
        BlockingQueue<Long> arrivals = new LinkedBlockingQueue<>();
        try (Connection subscriber = Nats.connect(server.url());
                Connection publisher = Nats.connect(server.url());
                CloseableProducer nats = open(server, Map.of())) {
            Dispatcher dispatcher = subscriber.createDispatcher(message -> arrivals.add(System.nanoTime()));
            dispatcher.subscribe("tesla_telemetry.LONE.data");
            subscriber.flush(Duration.ofSeconds(10));
            TelemetryRecord record = TelemetryRecord.of("LONE", "V", "", new byte[300], Map.of());
            Confirmed confirmed = new Confirmed();
            long[] ours = new long[LONE_RECORDS];
            long[] bare = new long[LONE_RECORDS];
            for (int i = -LONE_RECORDS; i < LONE_RECORDS; i++) {
                LockSupport.parkNanos(1_000_000); // so that every thread has gone to sleep
                long begin = System.nanoTime();
                nats.produce(record, confirmed);
                ours[Math.floorMod(i, LONE_RECORDS)] = arrivals.take() - begin;
                LockSupport.parkNanos(1_000_000);
                begin = System.nanoTime();
                publisher.publish("tesla_telemetry.LONE.data", record.payload());
                bare[Math.floorMod(i, LONE_RECORDS)] = arrivals.take() - begin;
            }
            Arrays.sort(ours);
            Arrays.sort(bare);
            System.out.printf(
                    "==> a lone record is with a subscriber after %d us, 99 %% after %d us; by a bare publish %d us, %d us%n",
                    ours[LONE_RECORDS / 2] / 1_000,
                    ours[LONE_RECORDS * 99 / 100] / 1_000,
                    bare[LONE_RECORDS / 2] / 1_000,
                    bare[LONE_RECORDS * 99 / 100] / 1_000);
        }
    }

    private static Round measure(int count, Work work) throws Exception {
        System.gc();
        long bytes = allocated();
        long cpu = OS.getProcessCpuTime();
        long time = System.nanoTime();
        work.run();
        time = System.nanoTime() - time;
        cpu = OS.getProcessCpuTime() - cpu;
        bytes = allocated() - bytes;
        return new Round(count * 1e9 / time, cpu / 1e3 / count, (double) bytes / count);
    }

    /** By all threads that live: none ends while it is measured. */
    private static long allocated() {
        return Arrays.stream(THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds()))
                .filter(bytes -> bytes > 0)
                .sum();
    }

    private static final class Confirmed implements Receipt {
        private final AtomicLong count = new AtomicLong();

        @Override
        public boolean confirmed(TelemetryRecord record) {
            count.lazySet(count.get() + 1); // one completion thread
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            throw new IllegalStateException(why.toString());
        }

        void await(long enough) {
            while (count.get() < enough) {
                LockSupport.parkNanos(1_000_000);
            }
        }
    }
}
