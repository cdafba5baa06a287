package io.fleettelemetry.datastore.nats;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class DenialsTest {

    private final Denials denials = new Denials();

    @Test
    void all_records_of_a_barrier_that_have_a_denied_subject_are_denied() {
        denials.add("ns.A.data");
        assertTrue(denials.hit("ns.A.data"));
        assertTrue(denials.hit("ns.A.data"), "which of the two was denied is not known");
        assertFalse(denials.hit("ns.B.data"));
    }

    @Test
    void a_denial_that_comes_early_hits_the_record_that_it_is_for() {
        denials.add("ns.A.data"); // the answer to a frame behind this barrier's
        assertTrue(denials.hit("ns.A.data"), "this barrier's own record with the subject has arrived, but who knows");
        denials.barrierPassed();
        assertTrue(denials.hit("ns.A.data"), "and does not use up what the next one's record needs");
    }

    @Test
    void a_denial_is_forgotten_after_two_barriers() {
        denials.add("ns.A.data");
        denials.barrierPassed();
        assertFalse(denials.isEmpty());
        denials.barrierPassed();
        assertTrue(denials.isEmpty());
    }
}
