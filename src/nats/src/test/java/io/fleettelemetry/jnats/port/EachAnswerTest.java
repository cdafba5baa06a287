package io.fleettelemetry.jnats.port;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.jnats.port.Refusals.Answers;
import io.fleettelemetry.jnats.port.Refusals.Refusal;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EachAnswerTest {

    private static final String DENIED = "Permissions Violation for Publish to \"a.b\"";

    private final EachAnswer each = new EachAnswer();
    private final Refusals.Builder tally = new Refusals.Builder();

    private void write(String frames) {
        byte[] bytes = frames.getBytes(UTF_8);
        each.asksFrames(bytes, 0, bytes.length);
    }

    private Refusals take() {
        return tally.take(each.hasBegun());
    }

    @Test
    void connect_is_the_same_but_for_one_option() {
        byte[] connect = "CONNECT {\"lang\":\"java\",\"verbose\":false,\"pass\":\"\u00e4\"}\r\n".getBytes(UTF_8);
        assertEquals(
                "CONNECT {\"lang\":\"java\",\"verbose\":true,\"pass\":\"\u00e4\"}\r\n",
                new String(EachAnswer.verbose(connect), UTF_8));
        assertEquals(0, EachAnswer.verbose(new byte[0]).length);
    }

    @Test
    void each_frame_has_the_answer_in_its_place() {
        each.begins();
        each.ok(tally);
        write("PUB a.a 1\r\nx\r\nPUB a.b 0\r\n\r\n");
        write("HPUB a.b 12 17\r\nNATS/1.0\r\n\r\nPUB\r\n\r\n");
        each.ok(tally);
        each.error(DENIED, tally);
        each.error(DENIED, tally);
        Refusals refusals = take();
        assertEquals(new Answers(3, List.of(new Refusal(1, DENIED), new Refusal(2, DENIED))), refusals.answers());
        assertEquals(Map.of(DENIED, 2), refusals.counts());
        assertEquals(new Answers(0, List.of()), take().answers(), "from here on anew");
    }

    @Test
    void errors_before_the_server_answers_each_frame_belong_to_none() {
        write("PUB a.b 0\r\n\r\n");
        each.begins();
        write("PUB a.b 0\r\n\r\n");
        each.error(DENIED, tally);
        assertNull(take().answers());
        each.ok(tally);
        each.error(DENIED, tally);
        assertEquals(new Answers(1, List.of(new Refusal(0, DENIED))), take().answers());
    }

    @Test
    void answers_to_commands_of_jnats_are_not_answers_to_frames() {
        each.asksOther(); // it is not answered: the server has not been asked to yet
        each.begins();
        each.ok(tally);
        write("PUB a.b 0\r\n\r\n");
        each.asksOther();
        each.asksOther();
        write("PUB a.b 0\r\n\r\nPUB a.a 0\r\n\r\n");
        each.ok(tally);
        each.ok(tally);
        each.error("Permissions Violation for Subscription to \"x\"", tally);
        each.error(DENIED, tally);
        each.ok(tally);
        assertEquals(new Answers(3, List.of(new Refusal(1, DENIED))), take().answers());
    }

    @Test
    void an_error_about_the_connection_is_not_an_answer() {
        each.begins();
        each.ok(tally);
        write("PUB a.a 0\r\n\r\n");
        each.error("User Authentication Expired", tally);
        each.ok(tally);
        assertEquals(new Answers(1, List.of()), take().answers());
    }

    @Test
    void it_is_asked_for_once() {
        assertFalse(each.isAsked());
        each.begins();
        assertTrue(each.isAsked());
        assertFalse(each.hasBegun());
    }
}
