package io.fleettelemetry.api.settings;

import io.fleettelemetry.api.kit.Threads;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * Keeps the last good settings of a component: settings that are wrong change nothing, and mending them is enough.
 *
 * <p>Settings are {@linkplain SettledSettings settled} first, and then parsed. Those that are right and new are put in
 * force. The problems of those that are wrong, and keys that nobody reads, are handed on once, however often the same
 * settings are delivered.
 *
 * @param <S> checked settings; compared with {@code equals}
 */
public final class LastGoodSettings<S> implements AutoCloseable {

    /**
     * The component that works by the settings. Called by one thread at a time.
     *
     * @param <S> its settings
     */
    public interface User<S> {

        /**
         * Reads settings.
         *
         * @throws SettingsException with every problem, if there is one
         */
        S parse(Map<String, ?> properties);

        /** There are keys that have no meaning: mistyped ones, most likely. Called first, whatever else is wrong. */
        void unknown(List<String> keys, Map<String, ?> properties);

        /** These settings are wrong; what was in force stays so. */
        void refuse(List<String> problems, Map<String, ?> properties);

        /** Nothing is wrong any more; before {@link #use}, if the settings are new. */
        void mended();

        /** Puts new settings in force. If this throws, the same settings are handed on again when they come again. */
        void use(S settings);

        /** Whatever came of what was delivered, this was all. */
        default void settled() {}
    }

    private final SettledSettings settled;
    private final Collection<String> knownKeys;
    private final User<S> user;
    // Used under the lock of the settled settings only.
    private List<String> unknown = List.of();
    private List<String> problems = List.of();

    private volatile S inForce;

    /**
     * @param threads makes the thread that waits for settings to last
     * @param thread its name
     * @param knownKeys see {@link SettingsReader#unknownKeys}
     * @param initial what is in force before any were delivered; may be null
     */
    public LastGoodSettings(Threads threads, String thread, Collection<String> knownKeys, S initial, User<S> user) {
        this.settled = new SettledSettings(threads, thread, this::take);
        this.knownKeys = knownKeys;
        this.inForce = initial;
        this.user = user;
    }

    /**
     * Takes settings as a source of configuration delivers them.
     *
     * @param properties by key; null if there are none
     */
    public void offer(Map<String, ?> properties) {
        settled.offer(properties);
    }

    private void take(Map<String, ?> properties) {
        nameUnknown(properties);
        putInForce(properties);
        user.settled();
    }

    private void putInForce(Map<String, ?> properties) {
        S settings;
        try {
            settings = user.parse(properties);
        } catch (SettingsException e) {
            refuse(e.problems(), properties);
            return;
        }
        if (!problems.isEmpty()) {
            problems = List.of();
            user.mended();
        }
        if (!settings.equals(inForce)) {
            user.use(settings);
            inForce = settings; // now: if that threw, the same settings are new when they come again
        }
    }

    private void nameUnknown(Map<String, ?> properties) {
        List<String> keys = new SettingsReader(properties).unknownKeys(knownKeys);
        if (!keys.equals(unknown)) {
            unknown = keys;
            if (!keys.isEmpty()) {
                user.unknown(keys, properties);
            }
        }
    }

    private void refuse(List<String> now, Map<String, ?> properties) {
        if (!now.equals(problems)) {
            problems = now;
            user.refuse(now, properties);
        }
    }

    /** What is in force; null, or what there was initially, if none were good yet. Callable by any thread. */
    public S inForce() {
        return inForce;
    }

    /** Hands on nothing more. Returns when nothing is being handed on and no thread is left. */
    @Override
    public void close() {
        settled.close();
    }
}
