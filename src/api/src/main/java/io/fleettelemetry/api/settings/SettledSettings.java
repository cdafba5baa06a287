package io.fleettelemetry.api.settings;

import io.fleettelemetry.api.kit.Threads;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Hands on settings as they are delivered, but those that nobody may have meant only when they are still so after two
 * seconds: of a file without any setting, and of one that is gone. Editors, and Karaf's shell, empty or remove a file for a
 * moment when they write it. What lasts is meant: without a setting, all have their defaults, now as after a restart.
 *
 * <p>Settings are handed on one after the other, under this object's lock, by the thread that delivers them or by one of its
 * own that is there only while something has to prove that it lasts. Thread-safe.
 */
public final class SettledSettings implements AutoCloseable {

    /** How long a file must have been empty, or gone, for that to be meant. */
    public static final Duration PATIENCE = Duration.ofSeconds(2);

    private final Function<Runnable, Thread> threads;
    private final Duration patience;
    private final Consumer<Map<String, ?>> use;
    /** Whether something was handed on; guarded by this, as all below. */
    private boolean used;
    /** What has to prove that it lasts; null if nothing has. */
    private Map<String, ?> doubtful;

    private Thread waiting;
    private boolean closed;

    /**
     * @param threads makes the thread that waits
     * @param thread its name
     * @param use is given each settings in turn; must not throw
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
     * Takes settings as a source of configuration delivers them.
     *
     * @param settings by key; null if there are none, which are handed on as an empty map: the first time at once
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
            // What is in force stays so, until settings are delivered again.
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
                // Nobody of ours interrupts it: goes on.
            }
        }
    }

    /** Hands on nothing more. Returns when nothing is being handed on and the thread, if there was one, has ended. */
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
