package io.fleettelemetry.api.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.fleettelemetry.api.kit.Threads;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LastGoodSettingsTest {

    private final List<String> told = new ArrayList<>();
    private boolean broken;

    private final LastGoodSettings<Long> settings = new LastGoodSettings<>(
            new Threads(LastGoodSettingsTest.class),
            "test-settings",
            List.of("size"),
            null,
            new LastGoodSettings.User<Long>() {
                @Override
                public Long parse(Map<String, ?> properties) {
                    SettingsReader reader = new SettingsReader(properties);
                    long size = reader.number("size", 5, 0, 10);
                    reader.check();
                    return size;
                }

                @Override
                public void unknown(List<String> keys, Map<String, ?> properties) {
                    told.add("unknown " + keys);
                }

                @Override
                public void refuse(List<String> problems, Map<String, ?> properties) {
                    told.add("refused " + problems.size() + " in force " + settings.inForce());
                }

                @Override
                public void mended() {
                    told.add("mended");
                }

                @Override
                public void use(Long size) {
                    if (broken) {
                        throw new IllegalStateException("by the test");
                    }
                    told.add("use " + size);
                }
            });

    @AfterEach
    void close() {
        settings.close();
    }

    private static Map<String, String> sized(String size) {
        Map<String, String> properties = new HashMap<>();
        properties.put("size", size);
        return properties;
    }

    @Test
    void good_settings_are_used_once_however_often_they_are_delivered() {
        assertNull(settings.inForce());
        settings.offer(sized("1"));
        settings.offer(sized("1"));
        settings.offer(sized("2"));
        assertEquals(List.of("use 1", "use 2"), told);
        assertEquals(2, settings.inForce());
    }

    @Test
    void wrong_settings_change_nothing_and_are_refused_once_until_they_are_mended() {
        settings.offer(sized("1"));
        settings.offer(sized("x"));
        settings.offer(sized("x"));
        assertEquals(1, settings.inForce());
        settings.offer(sized("1"));
        settings.offer(sized("y"));
        settings.offer(sized("3"));
        assertEquals(
                List.of("use 1", "refused 1 in force 1", "mended", "refused 1 in force 1", "mended", "use 3"), told);
    }

    @Test
    void an_unknown_key_is_named_once_also_if_something_else_is_wrong() {
        Map<String, String> mistyped = sized("x");
        mistyped.put("sise", "1");
        settings.offer(mistyped);
        settings.offer(mistyped);
        mistyped.remove("size");
        settings.offer(mistyped);
        assertEquals(List.of("unknown [sise]", "refused 1 in force null", "mended", "use 5"), told);
        settings.offer(sized("5"));
        settings.offer(mistyped);
        assertEquals("unknown [sise]", told.get(4), "it has come back");
    }

    @Test
    void settings_that_could_not_be_put_in_force_are_tried_again_when_they_come_again() {
        broken = true;
        assertThrows(IllegalStateException.class, () -> settings.offer(sized("1")));
        broken = false;
        settings.offer(sized("1"));
        assertEquals(List.of("use 1"), told);
    }
}
