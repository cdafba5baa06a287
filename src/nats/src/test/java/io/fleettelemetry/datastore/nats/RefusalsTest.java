package io.fleettelemetry.datastore.nats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RefusalsTest {

    private final ExecutorService callbacks = Executors.newSingleThreadExecutor();
    private final Refusals refusals = new Refusals(callbacks);

    @AfterEach
    void stop() {
        callbacks.shutdown();
    }

    /** The reader of jnats counts an error, and only then hands it to the thread that tells it. */
    @Test
    void an_error_that_is_counted_at_one_barrier_and_told_after_it_is_read_at_the_next() throws Exception {
        assertFalse(refusals.hasMoved(null, 0));
        assertTrue(refusals.hasMoved(null, 1));
        refusals.read();
        assertEquals(List.of(), refusals.denied());
        refusals.add("Permissions Violation for Publish to \"a.b.c\"");
        assertTrue(refusals.hasMoved(null, 1), "although nothing more was counted");
        refusals.read();
        assertEquals(List.of("a.b.c"), refusals.denied());
        assertFalse(refusals.hasMoved(null, 1));
    }
}
