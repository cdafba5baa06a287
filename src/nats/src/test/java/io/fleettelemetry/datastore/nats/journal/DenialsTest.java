package io.fleettelemetry.datastore.nats.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.Records;
import io.fleettelemetry.datastore.nats.journal.Denials.Judgement;
import io.fleettelemetry.jnats.port.Refusals;
import io.fleettelemetry.jnats.port.Refusals.Answers;
import io.fleettelemetry.jnats.port.Refusals.Refusal;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DenialsTest {

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
        return new Refusals(counts, true, null);
    }

    private Judgement judge(Refusals refused, TelemetryRecord... reached) {
        return Denials.judge(refused, List.of(reached), true, subjects);
    }

    @Test
    void an_error_after_a_single_frame_belongs_to_that_frame_in_any_words() {
        TelemetryRecord alone = record("A");
        for (String words : List.of(publish("eu.A.data"), "Whatever", "permissions violation for publish", "")) {
            Judgement judgement = judge(refused(words), alone);
            assertFalse(judgement.doubtful(), words);
            assertTrue(judgement.denied().get(alone).reason().contains(words), words);
        }
    }

    @Test
    void an_error_that_names_a_subject_does_not_say_which_frame_it_belongs_to() {
        TelemetryRecord denied = record("A");
        assertTrue(judge(refused(publish("ns.A.data")), denied, record("B")).doubtful(), "B may be mapped to A");
        Refusals two = refused(publish("ns.A.data"), publish("ns.A.data"));
        assertTrue(judge(two, denied, record("A"), record("B")).doubtful());
        assertTrue(
                judge(refused("Invalid Publish Subject"), denied, record("B")).doubtful());
        Refusals cut = new Refusals(Map.of(publish("ns.A.data"), 2), false, null);
        assertTrue(judge(cut, denied, record("B")).doubtful(), "not all of it is known");
    }

    private static Refusals answered(int frames, Refusal... refusals) {
        Map<String, Integer> counts = new HashMap<>();
        Arrays.stream(refusals).forEach(refusal -> counts.merge(refusal.words(), 1, Integer::sum));
        return new Refusals(counts, true, new Answers(frames, List.of(refusals)));
    }

    @Test
    void a_server_that_answers_each_frame_says_which_it_refuses_by_any_name() {
        TelemetryRecord first = record("A");
        TelemetryRecord second = record("B");
        TelemetryRecord third = record("C");
        Refusals refused = answered(3, new Refusal(1, publish("ns.A.data")), new Refusal(2, publish("eu.C")));
        Judgement judgement = judge(refused, first, second, third);
        assertFalse(judgement.doubtful());
        assertEquals(Set.of(second, third), judgement.denied().keySet());
        assertTrue(judgement.denied().get(second).reason().contains("ns.B.data"), "its own subject");
        assertTrue(judgement.denied().get(second).reason().contains(publish("ns.A.data")), "the server's words");
        assertEquals(Map.of(), judge(answered(2), first, second).denied());
    }

    @Test
    void answers_that_are_not_as_many_as_the_frames_tell_nothing_of_single_ones() {
        TelemetryRecord denied = record("A");
        Refusals missing = answered(1, new Refusal(0, publish("ns.A.data")));
        assertTrue(judge(missing, denied, record("B")).doubtful());
        assertTrue(judge(answered(3, new Refusal(2, publish("ns.A.data"))), denied, record("B"))
                .doubtful());
        assertEquals(
                Set.of(denied),
                judge(answered(0, new Refusal(0, "x")), denied).denied().keySet(),
                "alone");
    }

    @Test
    void as_many_refusals_as_frames_are_about_all_of_them() {
        Judgement judgement = judge(refused(publish("eu.1"), publish("eu.2")), record("A"), record("B"));
        assertFalse(judgement.doubtful());
        assertEquals(2, judgement.denied().size());
    }

    @Test
    void refusals_prove_nothing_of_single_frames_if_one_has_ended_already() {
        TelemetryRecord left = record("A");
        for (Refusals refused :
                List.of(refused(publish("ns.A.data")), answered(1, new Refusal(0, publish("ns.A.data"))))) {
            assertTrue(Denials.judge(refused, List.of(left), false, subjects).doubtful());
        }
        assertFalse(Denials.judge(answered(2), List.of(left), false, subjects).doubtful());
    }

    @Test
    void an_error_that_is_not_about_frames_puts_none_in_doubt() {
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
    void in_jetstream_a_denial_by_name_fails_the_record_and_denied_api_requests_fail_none() {
        TelemetryRecord denied = record("A");
        Refusals refused = refused(publish("ns.A.data"), publish("$JS.API.INFO"));
        Judgement judgement = Denials.judgeByName(refused, List.of(denied, record("B")), subjects);
        assertEquals(1, judgement.denied().size());
        assertTrue(judgement.denied().containsKey(denied));
        assertEquals(publish("ns.A.data"), judgement.words());
        assertEquals(
                "",
                Denials.judgeByName(refused(publish("$JS.API.INFO")), List.of(denied), subjects)
                        .words());
    }
}
