package io.fleettelemetry.api.settings;

import io.fleettelemetry.api.kit.Threads;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Passes settings on. If a file has no setting, or is gone, it first waits two seconds: editors and Karaf's shell empty
 * or remove a file for a moment while they write it. If the file is still empty or gone after that time, the operator
 * meant it, and all settings have their defaults, as after a restart.
 *
 * <p>Settings are passed on one after the other, under this object's lock, by the thread that delivers them or by a
 * thread of this object, which exists only while settings wait. Thread-safe.
 */
public final class SettledSettings implements AutoCloseable {

    /** How long a file must stay empty or gone before that takes effect. */
    public static final Duration PATIENCE = Duration.ofSeconds(2);

    private final Function<Runnable, Thread> threads;
    private final Duration patience;
    private final Consumer<Map<String, ?>> use;
    /** Whether settings have been passed on; guarded by this, as all below. */
    private boolean used;
    /** The settings that wait until they are settled; null if there are none. */
    private Map<String, ?> doubtful;

    private Thread waiting;
    private boolean closed;

    /**
     * @param threads makes the thread that waits
     * @param thread the name of that thread
     * @param use gets the settings, one after the other; must not throw
     */
    public SettledSettings(Threads threads, String thread, Consumer<Map<String, ?>> use) {
        this(task -> threads.of(thread, task), PATIENCE, use);
    }

    /** @param patience in place of {@link #PATIENCE} */
    SettledSettings(Function<Runnable, Thread> threads, Duration patience, Consumer<Map<String, ?>> use) {
        this.threads = threads;
        this.patience = patience;
        this.use = use;
    }

    /**
     * Takes settings from a source of configuration. Any thread may call this.
     *
     * @param settings values by key; null if there is no configuration, which is passed on as an empty map, the first
     *     time at once
     */
    public synchronized void offer(Map<String, ?> settings) {
        if (closed) {
            return;
        }
        if (settings == null ? used : isEmptyFile(settings)) {
            boolean longer = doubtful != null && waiting != null;
            doubtful = settings == null ? Map.of() : settings;
            if (!longer) {
                await();
            }
        } else {
            doubtful = null;
            notifyAll();
            hand(settings == null ? Map.of() : settings);
        }
    }

    private static boolean isEmptyFile(Map<String, ?> settings) {
        return settings.containsKey("felix.fileinstall.filename") && SettingsReader.isEmpty(settings);
    }

    private void hand(Map<String, ?> settings) {
        used = true;
        use.accept(settings);
    }

    private void await() {
        long deadline = System.nanoTime() + patience.toNanos();
        waiting = null;
        try {
            Thread next = threads.apply(() -> handOnWhatLasts(deadline));
            next.start();
            waiting = next;
        } catch (OutOfMemoryError e) { // or the machine has no thread left
            // The settings in force stay so until settings are delivered again.
        }
    }

    private synchronized void handOnWhatLasts(long deadline) {
        while (doubtful != null && waiting == Thread.currentThread()) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                Map<String, ?> settings = doubtful;
                doubtful = null;
                hand(settings);
                return;
            }
            try {
                wait(left / 1_000_000 + 1);
            } catch (InterruptedException e) {
                // No code of ours interrupts this thread, so it continues.
            }
        }
    }

    /** Stops passing on settings. When this returns, no settings are being passed on and the thread has ended. */
    @Override
    public void close() {
        Thread last;
        synchronized (this) {
            closed = true;
            doubtful = null;
            last = waiting;
            notifyAll();
        }
        if (last != null && last != Thread.currentThread()) {
            try {
                last.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
