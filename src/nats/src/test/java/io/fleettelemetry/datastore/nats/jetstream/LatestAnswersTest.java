package io.fleettelemetry.datastore.nats.jetstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class LatestAnswersTest {

    private long now = Long.MAX_VALUE - 1_000; // it may run over
    private final LatestAnswers latest = new LatestAnswers(() -> now);

    private void pass(double seconds) {
        now += (long) (seconds * 1e9);
    }

    @Test
    void nothing_is_said_as_long_as_nothing_but_acks_comes() {
        assertEquals("", latest.whyNothingIsStored());
        latest.stored();
        pass(1_000);
        assertEquals("", latest.whyNothingIsStored());
        assertEquals(List.of(), latest.problems());
        assertEquals("", latest.lastWords(Long.MAX_VALUE));
    }

    @Test
    void refused_records_are_critical_if_no_others_are_stored() {
        latest.stored();
        pass(1);
        latest.refused("full", false);
        assertEquals(
                "no record was stored in the last 1 s; the stream refused 1 record in the last 1 s: full",
                latest.whyNothingIsStored());
        pass(5);
        latest.refused("full", false);
        latest.stored();
        assertEquals("", latest.whyNothingIsStored());
        assertEquals(List.of("the stream refused 2 records in the last 5 s: full"), latest.problems());
        for (int i = 0; i < 11; i++) {
            pass(1);
            latest.refused("full", false);
        }
        assertTrue(latest.whyNothingIsStored().startsWith("no record was stored in the last 10 s"));
        pass(10);
        assertEquals("", latest.whyNothingIsStored());
        assertEquals(List.of(), latest.problems());
    }

    @Test
    void a_record_that_is_refused_because_of_itself_is_never_critical() {
        latest.refused("too large", true);
        assertEquals("", latest.whyNothingIsStored());
        assertEquals(1, latest.problems().size());
    }

    @Test
    void postponed_records_are_critical_only_if_that_lasts() {
        latest.postponed("no leader");
        pass(1);
        latest.postponed("no leader");
        assertEquals("", latest.whyNothingIsStored(), "a cluster elects");
        assertEquals(1, latest.problems().size());
        pass(1);
        latest.postponed("no leader");
        assertTrue(latest.whyNothingIsStored().endsWith("will be sent again: no leader"));
        pass(16);
        assertTrue(latest.whyNothingIsStored().endsWith("no leader"), "the next try may be so far away");
        latest.stored();
        assertEquals("", latest.whyNothingIsStored());
        assertEquals(List.of(), latest.problems(), "others are stored");
        assertEquals("JetStream's last answer, 16 s ago: no leader", latest.lastWords(20_000_000_000L));
        assertEquals("", latest.lastWords(10_000_000_000L));
    }

    @Test
    void unexpected_replies_are_counted_and_shown_for_a_minute() {
        latest.unexpected("thank you");
        latest.unexpected("thank you");
        pass(59);
        assertEquals(1, latest.problems().size());
        assertTrue(latest.problems().get(0).contains(": 2, which confirm nothing; the last: thank you"));
        pass(1);
        assertEquals(List.of(), latest.problems());
        assertEquals(2, latest.unexpected());
    }

    @Test
    void silence_is_critical_if_nothing_is_stored_and_records_wait() {
        pass(1_000);
        latest.missing(true);
        pass(4);
        latest.missing(true);
        assertEquals("", latest.whyNothingIsStored(), "a cluster elects");
        pass(1);
        assertTrue(
                latest.whyNothingIsStored().startsWith("no record was stored in the last 10 s, and no stream answers"));
        latest.stored();
        assertEquals("", latest.whyNothingIsStored());
        pass(11);
        assertTrue(latest.whyNothingIsStored().startsWith("no record was stored in the last 21 s"));
        latest.missing(false);
        assertEquals("", latest.whyNothingIsStored(), "nothing waits");
        latest.missing(true);
        assertEquals("", latest.whyNothingIsStored());
    }
}
