package io.fleettelemetry.features.foreign;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import io.fleettelemetry.host.TelemetryHost;
import java.io.ByteArrayOutputStream;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.util.tracker.ServiceTracker;
import org.osgi.util.tracker.ServiceTrackerCustomizer;

/**
 * A foreign gateway, which is not replaced when our bundles are: it offers records of a vehicle named {@code GATEWAY} at
 * a steady rate, and while no host is there it waits for one with its next record. The command {@code gateway:counts} says
 * what became of them. Their creation times number them, from 0. Since Karaf restarts it with the packages that it is wired
 * to, its counts are kept outside of it.
 */
public final class Gateway implements BundleActivator, ServiceTrackerCustomizer<TelemetryHost, Intake>, Source {

    private static final int RATE = 2_000;
    private static final long ANSWERS_MILLIS = 20_000;

    /** What all gateways of this JVM have counted. */
    @SuppressWarnings("unchecked")
    private final Map<String, AtomicLong> counts = (Map<String, AtomicLong>)
            System.getProperties().computeIfAbsent("gateway.counts", key -> new ConcurrentHashMap<>());

    private BundleContext context;
    private ServiceTracker<TelemetryHost, Intake> hosts;
    private final Thread offering = new Thread(this::offerOn, "gateway");
    /** Null while there is no host; guarded by this. */
    private Intake intake;

    private boolean stopped;

    @Override
    public void start(BundleContext context) {
        this.context = context;
        hosts = new ServiceTracker<>(context, TelemetryHost.class, this);
        hosts.open();
        Dictionary<String, Object> properties = new Hashtable<>();
        properties.put("osgi.command.scope", "gateway");
        properties.put("osgi.command.function", new String[] {"counts", "end"});
        context.registerService(Object.class, this, properties);
        offering.start();
    }

    private AtomicLong count(String what) {
        return counts.computeIfAbsent(what, any -> new AtomicLong());
    }

    @Override
    public synchronized Intake addingService(ServiceReference<TelemetryHost> reference) {
        intake = context.getService(reference).open(this);
        notifyAll();
        return intake;
    }

    @Override
    public void modifiedService(ServiceReference<TelemetryHost> reference, Intake intake) {
        // nothing that we look at
    }

    /** An offer that has begun is over when this begins; answers still come. */
    @Override
    public synchronized void removedService(ServiceReference<TelemetryHost> reference, Intake gone) {
        intake = intake == gone ? null : intake;
        context.ungetService(reference);
    }

    private void offerOn() {
        long begin = System.nanoTime();
        for (long i = 0; offerNext(); i++) {
            LockSupport.parkNanos(begin + i * 1_000_000_000L / RATE - System.nanoTime());
        }
    }

    private synchronized boolean offerNext() {
        try {
            while (intake == null && !stopped) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        if (!stopped) {
            long number = count("offered").getAndIncrement();
            intake.offer(TelemetryRecord.of("GATEWAY", "V", "", payload(number), Map.of()));
        }
        return !stopped;
    }

    /** {@code Payload.created_at}: a {@code Timestamp} of so many milliseconds since the epoch. */
    private static byte[] payload(long number) {
        ByteArrayOutputStream time = new ByteArrayOutputStream();
        time.write(8);
        varint(number / 1_000, time);
        time.write(16);
        varint(number % 1_000 * 1_000_000, time);
        ByteArrayOutputStream payload = new ByteArrayOutputStream();
        payload.write(18);
        payload.write(time.size());
        payload.writeBytes(time.toByteArray());
        return payload.toByteArray();
    }

    private static void varint(long value, ByteArrayOutputStream out) {
        for (long left = value; ; left >>>= 7) {
            if (left < 128) {
                out.write((int) left);
                return;
            }
            out.write((int) (left & 127 | 128));
        }
    }

    @Override
    public boolean acknowledge(TelemetryRecord record) {
        return true;
    }

    @Override
    public void ended(TelemetryRecord record, Outcome outcome) {
        count(outcome.confirmed() ? "confirmed" : "failed: " + outcome.failure())
                .incrementAndGet();
    }

    /** The command {@code gateway:counts}. */
    public void counts() {
        counts.forEach((what, count) -> System.out.println(what + "=" + count));
    }

    /** The command {@code gateway:end}: no further records. */
    public synchronized void end() {
        stopped = true;
        notifyAll();
    }

    private long unanswered() {
        return counts.entrySet().stream()
                .mapToLong(entry -> entry.getKey().equals("offered")
                        ? entry.getValue().get()
                        : -entry.getValue().get())
                .sum();
    }

    @Override
    public void stop(BundleContext context) throws InterruptedException {
        end();
        offering.join();
        long begin = System.currentTimeMillis();
        while (unanswered() > 0 && System.currentTimeMillis() - begin < ANSWERS_MILLIS) {
            Thread.sleep(10);
        }
        hosts.close();
    }
}
