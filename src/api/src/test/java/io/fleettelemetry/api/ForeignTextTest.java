package io.fleettelemetry.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.fleettelemetry.api.settings.SettingsException;
import io.fleettelemetry.api.settings.SettingsReader;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Sentences for people are text, whoever makes them of what a server, a vehicle or a file says. */
class ForeignTextTest {

    private static final String HOSTILE = "a\u001b[2J\r\n\u009b\u007f\u202e\u2028z";
    private static final String SHOWN = "a?[2J??????z";

    @Test
    void a_status_has_plain_text_only() {
        Status status = new Status(Status.State.OK, HOSTILE, Map.of(HOSTILE, HOSTILE));
        assertEquals(SHOWN, status.summary());
        assertEquals(Map.of(SHOWN, SHOWN), status.details());
    }

    @Test
    void the_reason_of_a_failure_is_plain_text() {
        assertEquals(SHOWN, new Failure(Failure.Kind.ERROR, HOSTILE).reason());
    }

    @Test
    void a_refused_setting_and_an_unknown_key_are_named_in_plain_text() {
        SettingsReader reader = new SettingsReader(Map.of("port", HOSTILE, HOSTILE, "1"));
        reader.number("port", 0, 0, 1);
        SettingsException e = assertThrows(SettingsException.class, reader::check);
        assertEquals(List.of("port = " + SHOWN + ": must be a whole number from 0 to 1"), e.problems());
        assertEquals(List.of(SHOWN), reader.unknownKeys(List.of("port")));
    }
}
