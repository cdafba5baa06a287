package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class BindingTest {

    private static final int LOOKS = 1_000_000;

    private final Binding binding =
            new Binding(Store.open(), new Endings(new DatastoreId("nats")), new Binding.Holder() {
                @Override
                public boolean takeBack(Binding by, Dispatch dispatch, Failure why) {
                    return false;
                }

                @Override
                public void answered() {
                    // nobody waits for it
                }
            });

    @Test
    void a_record_that_a_producer_has_is_never_overlooked_while_others_come_and_go() throws InterruptedException {
        AtomicBoolean enough = new AtomicBoolean();
        Thread passers = new Thread(() -> {
            while (!enough.get()) {
                binding.enter();
                binding.leave();
            }
        });
        binding.enter();
        passers.start();
        try {
            for (int i = 0; i < LOOKS; i++) {
                assertTrue(binding.unanswered() > 0, "at look " + i);
            }
        } finally {
            enough.set(true);
            passers.join();
        }
        assertEquals(1, binding.unanswered());
        binding.leave();
        assertEquals(0, binding.unanswered());
    }
}
