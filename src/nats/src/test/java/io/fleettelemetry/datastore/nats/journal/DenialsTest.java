package io.fleettelemetry.datastore.nats.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.Records;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DenialsTest {

    private final Denials denials = new Denials();
    private final Subjects subjects = new Subjects("ns");

    private static TelemetryRecord record(String vin) {
        return Records.record(vin, "V", new byte[1]);
    }

    private static String publish(String quoted) {
        return "Permissions Violation for Publish to \"" + quoted + "\"";
    }

    private static Refusals refused(String... words) {
        Map<String, Integer> counts = new HashMap<>();
        Arrays.stream(words).forEach(error -> counts.merge(error, 1, Integer::sum));
        return new Refusals(counts, true);
    }

    private Judgement judge(Refusals refused, TelemetryRecord... reached) {
        return denials.judge(refused, List.of(reached), subjects);
    }

    @Test
    void what_answers_a_frame_that_was_alone_is_about_this_one_whatever_it_says() {
        TelemetryRecord alone = record("A");
        for (String words : List.of(publish("eu.A.data"), "Whatever", "permissions violation for publish", "")) {
            Judgement judgement = judge(refused(words), alone);
            assertFalse(judgement.doubtful(), words);
            assertTrue(judgement.denied().get(alone).reason().contains(words), words);
        }
    }

    /** As often as it takes for the server to be taken at its word. */
    private void refuseAlone(TelemetryRecord record) {
        for (int i = 0; i < 4; i++) {
            judge(refused(publish(subjects.of(record))), record);
        }
    }

    @Test
    void a_subject_that_is_not_known_to_be_named_so_is_doubtful_until_it_was_denied_alone_some_times() {
        TelemetryRecord first = record("A");
        TelemetryRecord second = record("A");
        TelemetryRecord other = record("B");
        assertTrue(judge(refused(publish("ns.A.data")), first, other).doubtful(), "B may be mapped to A");
        for (int i = 0; i < 4; i++) {
            assertTrue(judge(refused(publish("ns.A.data")), first, other).doubtful(), "after " + i);
            judge(refused(publish("ns.A.data")), first);
        }
        Judgement judgement = judge(refused(publish("ns.A.data"), publish("ns.A.data")), first, other, second);
        assertFalse(judgement.doubtful());
        assertEquals(2, judgement.denied().size());
        assertFalse(judgement.denied().containsKey(other));
        denials.forget();
        assertTrue(judge(refused(publish("ns.A.data")), first, other).doubtful(), "another server");
    }

    @Test
    void one_refusal_by_another_name_and_nothing_but_proof_counts() {
        TelemetryRecord denied = record("A");
        TelemetryRecord other = record("B");
        refuseAlone(denied);
        judge(refused(publish("ns.A.data")), other);
        assertTrue(judge(refused(publish("ns.A.data")), denied, other).doubtful());
        refuseAlone(denied);
        assertTrue(judge(refused(publish("ns.A.data")), denied, other).doubtful());
        assertEquals(
                2,
                judge(refused(publish("ns.A.data"), publish("ns.A.data")), denied, other)
                        .denied()
                        .size());
        denials.forget();
        refuseAlone(denied);
        assertFalse(judge(refused(publish("ns.A.data")), denied, other).doubtful(), "another server");
    }

    @Test
    void a_subject_that_was_refused_and_passes_and_nothing_but_proof_counts() {
        TelemetryRecord denied = record("A");
        refuseAlone(denied);
        judge(refused(), record("B"), record("C"));
        assertFalse(judge(refused(publish("ns.A.data")), denied, record("B")).doubtful());
        judge(refused(), record("B"), denied);
        assertTrue(judge(refused(publish("ns.A.data")), denied, record("B")).doubtful());
        denials.forget();
        refuseAlone(denied);
        assertTrue(
                judge(refused(publish("ns.A.data")), denied, record("A"), record("B"))
                        .doubtful(),
                "one of two has passed");
        assertTrue(judge(refused(publish("ns.A.data")), denied, record("B")).doubtful());
    }

    @Test
    void what_a_server_has_not_refused_for_long_is_forgotten() {
        refuseAlone(record("A"));
        assertTrue(denials.isWatching());
        for (int i = 0; i < 1_001; i++) {
            judge(refused(), record("B"));
        }
        assertFalse(denials.isWatching());
        assertTrue(
                judge(refused(publish("ns.A.data")), record("A"), record("B")).doubtful());
    }

    @Test
    void refusals_that_do_not_add_up_are_doubtful() {
        TelemetryRecord denied = record("A");
        refuseAlone(denied);
        Refusals two = refused(publish("ns.A.data"), publish("ns.A.data"));
        assertTrue(judge(two, denied, record("B"), record("C")).doubtful(), "two of one: another is mapped to it");
        Refusals more = refused(publish("ns.A.data"), "Invalid Publish Subject");
        assertTrue(judge(more, denied, record("B"), record("C")).doubtful());
        Refusals cut = new Refusals(Map.of(publish("ns.A.data"), 1), false);
        assertTrue(judge(cut, denied, record("B")).doubtful(), "not all of it is known");
        assertFalse(judge(refused(publish("ns.A.data")), denied, record("B")).doubtful());
        assertTrue(
                judge(refused(publish("ns.A.data")), denied, record("A"), record("B"))
                        .doubtful(),
                "one of two");
    }

    @Test
    void as_many_refusals_as_frames_are_about_all_of_them() {
        Judgement judgement = judge(refused(publish("eu.1"), publish("eu.2")), record("A"), record("B"));
        assertFalse(judgement.doubtful());
        assertEquals(2, judgement.denied().size());
    }

    @Test
    void what_is_not_about_frames_is_doubtful_for_none() {
        Judgement judgement = judge(
                refused("Permissions Violation for Subscription to \"a.b\" using queue \"q\""),
                record("A"),
                record("B"));
        assertFalse(judgement.doubtful());
        assertTrue(judgement.denied().isEmpty());
    }

    @Test
    void subjects_are_read_as_the_server_quotes_them() {
        assertEquals("a.O'HARA.b", Denials.quoted(publish("a.O'HARA.b")));
        assertEquals("a.A\"B.b", Denials.quoted(publish("a.A\\\"B.b")));
        assertEquals("a.A\\B.b", Denials.quoted(publish("a.A\\\\B.b")));
        assertEquals(null, Denials.quoted("Permissions Violation for Publish to \"a.b"), "cut off");
        assertEquals(null, Denials.quoted("Permissions Violation for Publish to a.b"));
    }

    @Test
    void in_jetstream_what_is_called_by_its_name_is_denied_and_questions_to_it_are_no_records() {
        TelemetryRecord denied = record("A");
        Refusals refused = refused(publish("ns.A.data"), publish("$JS.API.INFO"));
        Judgement judgement = denials.judgeByName(refused, List.of(denied, record("B")), subjects);
        assertEquals(1, judgement.denied().size());
        assertTrue(judgement.denied().containsKey(denied));
        assertEquals(publish("ns.A.data"), judgement.words());
        assertEquals(
                "",
                denials.judgeByName(refused(publish("$JS.API.INFO")), List.of(denied), subjects)
                        .words());
    }

    @Test
    void what_is_remembered_of_subjects_is_bounded_however_many_are_refused() {
        int most = 0;
        for (int i = 0; i < 40_000; i++) {
            TelemetryRecord record = record("VIN" + i);
            judge(refused(publish(subjects.of(record))), record);
            most = Math.max(most, denials.remembered());
        }
        assertTrue(most <= 32_768, most + " subjects are remembered");
    }
}
