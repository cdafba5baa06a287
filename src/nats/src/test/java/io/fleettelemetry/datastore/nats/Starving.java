package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * A program with little memory that offers records all the time; twice the rest of its heap is full for some seconds. Says
 * on its last line what came of that.
 */
final class Starving {

    /** What begins the last line. */
    static final String VERDICT = "verdict: ";

    static final String GOOD = "all went on";

    private static final long FULL_MILLIS = 4_000;
    private static final long SOON_MILLIS = 60_000;
    private static final int AFTERWARDS = 2_000;

    /** Counts, and needs no memory for that. */
    private static final class Counting implements Receipt {
        final AtomicLong confirmed = new AtomicLong();
        final AtomicLong failed = new AtomicLong();

        @Override
        public boolean confirmed(TelemetryRecord record) {
            confirmed.incrementAndGet();
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            failed.incrementAndGet();
        }

        long ended() {
            return confirmed.get() + failed.get();
        }
    }

    /** Takes all memory that is left, and each byte that becomes free. */
    private static final class Glutton {
        private Object[] eaten;

        void eat(long millis) {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
            int size = 1 << 20;
            while (System.nanoTime() - end < 0) {
                try {
                    Object[] more = new Object[size];
                    more[0] = eaten;
                    eaten = more;
                } catch (OutOfMemoryError e) {
                    size = Math.max(1, size / 2);
                    if (size == 1) {
                        size = 64;
                    }
                }
            }
            eaten = null;
        }
    }

    private Starving() {}

    /** Arguments: the server's URL, and the delivery. */
    public static void main(String[] arguments) throws InterruptedException {
        Counts counts = new Counts();
        NatsSettings settings = NatsSettings.parse(Map.of(
                "url", arguments[0],
                "delivery", arguments[1],
                "stream", "STARVING",
                "stream.setup", arguments[1].equals("core") ? "off" : "create",
                "inflight.max.bytes", "2000000",
                "reconnect.wait.ms", "200",
                "silent.ms", "2000"));
        NatsDatastore datastore = new NatsDatastore(settings, counts, (message, cause, fields) -> {});
        datastore.open();
        awaitOk(datastore);
        Counting receipt = new Counting();
        AtomicLong offered = new AtomicLong();
        AtomicLong thrown = new AtomicLong();
        AtomicBoolean enough = new AtomicBoolean();
        TelemetryRecord record = Records.record("VIN", "V", new byte[300]);
        Thread load = new Thread(() -> {
            while (!enough.get()) {
                try {
                    offered.incrementAndGet();
                    datastore.produce(record, receipt);
                } catch (Throwable e) {
                    thrown.incrementAndGet();
                }
                LockSupport.parkNanos(50_000);
            }
        });
        load.start();
        for (int i = 0; i < 2; i++) {
            new Glutton().eat(FULL_MILLIS);
            long before = receipt.confirmed.get();
            await(() -> receipt.confirmed.get() > before + AFTERWARDS);
        }
        enough.set(true);
        load.join();
        await(() -> receipt.ended() == offered.get() && datastore.inFlight() == 0);
        await(() -> datastore.status().state() == Status.State.OK);
        Thread.sleep(100); // a receipt that is called twice would be counted by then
        Counts.OfType counted = counts.of("V");
        boolean good = receipt.ended() == offered.get()
                && counted.produced.sum() == offered.get()
                && counted.confirmed.sum() == receipt.confirmed.get()
                && counted.failed.sum() == receipt.failed.get()
                && thrown.get() == 0
                && datastore.inFlight() == 0
                && datastore.status().state() == Status.State.OK;
        System.out.println(VERDICT + (good ? GOOD : "NOT") + ": offered=" + offered + " confirmed=" + receipt.confirmed
                + " failed=" + receipt.failed + " thrown=" + thrown + " in_flight=" + datastore.inFlight() + " status="
                + datastore.status());
        if (!good) {
            Thread.getAllStackTraces()
                    .forEach((thread, stack) -> System.out.println(thread + "\n  "
                            + String.join(
                                    "\n  ",
                                    Arrays.stream(stack).map(String::valueOf).toList())));
        }
        System.exit(good ? 0 : 1);
    }

    private static void awaitOk(NatsDatastore datastore) throws InterruptedException {
        await(() -> datastore.status().state() == Status.State.OK);
    }

    /** Waits; the verdict says if the time has run out. */
    private static void await(BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(SOON_MILLIS);
        while (System.nanoTime() - end < 0) {
            try {
                if (condition.getAsBoolean()) {
                    return;
                }
                Thread.sleep(10);
            } catch (OutOfMemoryError e) {
                // soon there is memory again
            }
        }
    }
}
