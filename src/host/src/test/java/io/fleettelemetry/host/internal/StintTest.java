package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class StintTest {

    private static final int LOOKS = 1_000_000;

    private final Stint stint = new Stint(Store.open(), new Target("nats", HostSettings.DEFAULTS));

    @Test
    void a_record_that_a_producer_has_is_never_overlooked_while_others_come_and_go() throws InterruptedException {
        AtomicBoolean enough = new AtomicBoolean();
        Thread passers = new Thread(() -> {
            while (!enough.get()) {
                stint.enter();
                stint.leave();
            }
        });
        stint.enter();
        passers.start();
        try {
            for (int i = 0; i < LOOKS; i++) {
                assertTrue(stint.unanswered() > 0, "at look " + i);
            }
        } finally {
            enough.set(true);
            passers.join();
        }
        assertEquals(1, stint.unanswered());
        stint.leave();
        assertEquals(0, stint.unanswered());
    }
}
