package io.fleettelemetry.api.settings;

import io.fleettelemetry.api.kit.Threads;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * Keeps the last good settings of a component. Wrong settings change nothing; the operator only has to correct them.
 *
 * <p>Settings are {@linkplain SettledSettings settled} first, and then parsed. Correct new settings are put in force.
 * The problems of wrong settings, and unknown keys, are reported once, however often the same settings are delivered.
 *
 * @param <S> checked settings; compared with {@code equals}
 */
public final class LastGoodSettings<S> implements AutoCloseable {

    /**
     * The component that uses the settings. One thread at a time calls it.
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

        /** Reports unknown keys, which are most likely mistyped. Called before the other methods. */
        void unknown(List<String> keys, Map<String, ?> properties);

        /** Reports that settings are wrong. The last good settings stay in force. */
        void refuse(List<String> problems, Map<String, ?> properties);

        /** Reports that the settings are correct again. Called before {@link #use}, if the settings are new. */
        void mended();

        /**
         * Puts new settings in force. If this throws, the same settings are passed on again when they are delivered
         * again.
         */
        void use(S settings);

        /** The delivered settings have been handled. Called last, whatever the result was. */
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
     * @param threads makes the thread that waits until settings are settled
     * @param thread the name of that thread
     * @param knownKeys see {@link SettingsReader#unknownKeys}
     * @param initial the settings in force before any were delivered; may be null
     * @param user the component that uses the settings
     */
    public LastGoodSettings(Threads threads, String thread, Collection<String> knownKeys, S initial, User<S> user) {
        this.settled = new SettledSettings(threads, thread, this::take);
        this.knownKeys = knownKeys;
        this.inForce = initial;
        this.user = user;
    }

    /**
     * Takes settings from a source of configuration. Any thread may call this.
     *
     * @param properties values by key; null if there is no configuration
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

    /**
     * The settings in force; the initial ones, which may be null, if none were correct yet. Any thread may call this.
     */
    public S inForce() {
        return inForce;
    }

    /** Stops passing on settings. When this returns, the user is not called any more and no thread is left. */
    @Override
    public void close() {
        settled.close();
    }
}
