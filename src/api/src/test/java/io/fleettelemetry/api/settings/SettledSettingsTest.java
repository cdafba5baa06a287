package io.fleettelemetry.api.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SettledSettingsTest {

    private static final Map<String, String> EMPTY_FILE =
            Map.of("service.pid", "p", "felix.fileinstall.filename", "file:/etc/p.cfg");
    private static final Map<String, String> FILE = file("url", "u");

    private final BlockingQueue<Map<String, ?>> used = new LinkedBlockingQueue<>();
    private SettledSettings settings = settled(Duration.ofMillis(20));

    private SettledSettings settled(Duration patience) {
        return new SettledSettings(task -> new Thread(task, "test-settings"), patience, used::add);
    }

    /** Such that only what does not wait is handed on. */
    private void beVeryPatient() {
        settings.close();
        settings = settled(Duration.ofDays(1));
    }

    private static Map<String, String> file(String key, String value) {
        Map<String, String> file = new HashMap<>(EMPTY_FILE);
        file.put(key, value);
        return file;
    }

    private Map<String, ?> next() throws InterruptedException {
        return used.poll(20, TimeUnit.SECONDS);
    }

    @AfterEach
    void no_thread_is_left() {
        settings.close();
        assertFalse(Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals("test-settings")));
    }

    @Test
    void settings_are_handed_on_at_once() {
        settings.offer(FILE);
        assertEquals(FILE, used.poll());
    }

    @Test
    void a_file_that_is_empty_for_a_moment_changes_nothing() {
        beVeryPatient();
        settings.offer(FILE);
        settings.offer(EMPTY_FILE);
        settings.offer(file("url", "v"));
        assertEquals(FILE, used.poll());
        assertEquals(file("url", "v"), used.poll());
        assertNull(used.poll());
    }

    @Test
    void a_file_that_stays_empty_is_waited_for_again_after_there_was_no_thread_for_it() throws Exception {
        AtomicBoolean full = new AtomicBoolean(true);
        settings.close();
        settings = new SettledSettings(
                task -> new Thread(task, "test-settings") {
                    @Override
                    public synchronized void start() {
                        if (full.get()) {
                            throw new OutOfMemoryError("unable to create native thread");
                        }
                        super.start();
                    }
                },
                Duration.ofMillis(20),
                used::add);
        settings.offer(FILE);
        assertEquals(FILE, next());
        settings.offer(EMPTY_FILE);
        full.set(false);
        settings.offer(EMPTY_FILE);
        assertEquals(EMPTY_FILE, next());
        full.set(true);
        settings.offer(EMPTY_FILE);
        settings.offer(FILE);
        assertEquals(FILE, next());
    }

    @Test
    void a_file_that_stays_empty_is_meant_later_as_at_the_start() throws Exception {
        settings.offer(EMPTY_FILE);
        assertEquals(EMPTY_FILE, next());
        settings.offer(FILE);
        assertEquals(FILE, next());
        settings.offer(EMPTY_FILE);
        assertEquals(EMPTY_FILE, next());
        settings.offer(EMPTY_FILE);
        assertEquals(EMPTY_FILE, next(), "a thread of its own for each time");
    }

    @Test
    void a_file_that_is_gone_is_meant_if_it_does_not_come_back() throws Exception {
        settings.offer(FILE);
        assertEquals(FILE, next());
        settings.offer(null);
        assertEquals(Map.of(), next());
    }

    @Test
    void a_file_that_is_gone_for_a_moment_changes_nothing() {
        beVeryPatient();
        settings.offer(FILE);
        settings.offer(null);
        settings.offer(FILE);
        assertEquals(FILE, used.poll());
        assertEquals(FILE, used.poll());
        assertNull(used.poll());
    }

    @Test
    void no_configuration_at_the_start_is_handed_on_at_once() {
        beVeryPatient();
        settings.offer(null);
        assertEquals(Map.of(), used.poll());
    }

    @Test
    void a_ranking_is_a_setting_and_so_is_a_configuration_that_no_file_has() {
        beVeryPatient();
        settings.offer(file("service.ranking", "-1"));
        assertEquals(file("service.ranking", "-1"), used.poll());
        settings.offer(Map.of("service.pid", "p"));
        assertEquals(Map.of("service.pid", "p"), used.poll());
    }

    @Test
    void after_its_end_nothing_is_handed_on() {
        beVeryPatient();
        settings.offer(EMPTY_FILE);
        settings.close();
        settings.offer(FILE);
        assertNull(used.poll());
    }
}
