package io.fleettelemetry.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.Transcript.Flaw;
import io.fleettelemetry.testkit.Transcript.Frame;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TranscriptTest {

    private static final String CONNECT = "CONNECT {\"verbose\":false}\r\n";

    private static Transcript client(String text) {
        return Transcript.ofClient((CONNECT + text).getBytes(UTF_8));
    }

    private static Transcript server(String text) {
        return Transcript.ofServer(("INFO {}\r\n" + text).getBytes(UTF_8));
    }

    private static Frame only(Transcript transcript) {
        assertEquals(Optional.empty(), transcript.flaw());
        assertEquals(2, transcript.frames().size());
        return transcript.frames().get(1);
    }

    /** As text, which for a frame would otherwise show arrays' addresses. */
    private static String shown(Frame frame) {
        return String.join(
                "|",
                frame.verb(),
                String.valueOf(frame.subject()),
                String.valueOf(frame.reply()),
                new String(frame.headers(), UTF_8),
                new String(frame.payload(), UTF_8));
    }

    @Test
    void the_bytes_of_a_client_are_split_into_frames_with_offsets() {
        String said = CONNECT + "PING\r\nSUB a.* 1\r\nSUB a.> group 2\r\nUNSUB 1\r\nUNSUB 2 5\r\nPONG\r\n"
                + "PUB a.b 5\r\nhello\r\nPUB a.b to.me 0\r\n\r\n"
                + "HPUB a.b 22 24\r\nNATS/1.0\r\nName: v:\r\n\r\nhi\r\nHPUB a.b to.me 12 12\r\nNATS/1.0\r\n\r\n\r\n";
        Transcript transcript = Transcript.ofClient(said.getBytes(UTF_8));
        assertEquals(Optional.empty(), transcript.flaw());
        assertEquals(said.length(), transcript.end());
        assertEquals(
                List.of(
                        "CONNECT|null|null||{\"verbose\":false}",
                        "PING|null|null||",
                        "SUB|a.*|null||",
                        "SUB|a.>|null||",
                        "UNSUB|null|null||",
                        "UNSUB|null|null||",
                        "PONG|null|null||",
                        "PUB|a.b|null||hello",
                        "PUB|a.b|to.me||",
                        "HPUB|a.b|null|NATS/1.0\r\nName: v:\r\n\r\n|hi",
                        "HPUB|a.b|to.me|NATS/1.0\r\n\r\n|"),
                transcript.frames().stream().map(TranscriptTest::shown).toList());
        for (Frame frame : transcript.frames()) {
            assertEquals(frame.offset(), said.indexOf(frame.verb(), frame.offset()));
        }
        assertEquals(
                List.of("PUB", "PUB", "HPUB", "HPUB"),
                transcript.messages().stream().map(Frame::verb).toList());
    }

    @Test
    void the_bytes_of_a_server_are_split_into_lines_as_well() {
        Transcript transcript = server(
                "+OK\r\nMSG a.b 1 2\r\nhi\r\nMSG a.b 1 to.me 0\r\n\r\n"
                        + "HMSG a.b 1 to.me 16 18\r\nNATS/1.0 503\r\n\r\nhi\r\n-ERR 'Stale Connection'\r\nINFO {\"ldm\":true}\r\n");
        assertEquals(Optional.empty(), transcript.flaw());
        assertEquals(
                List.of(
                        "INFO|null|null||{}",
                        "+OK|null|null||",
                        "MSG|a.b|null||hi",
                        "MSG|a.b|to.me||",
                        "HMSG|a.b|to.me|NATS/1.0 503\r\n\r\n|hi",
                        "-ERR|null|null||'Stale Connection'",
                        "INFO|null|null||{\"ldm\":true}"),
                transcript.frames().stream().map(TranscriptTest::shown).toList());
    }

    @Test
    void payloads_are_bytes_in_which_nothing_has_a_meaning() {
        byte[] payload = new byte[256];
        for (int i = 0; i < payload.length; i++) {
            payload[i] = (byte) i;
        }
        byte[] head = (CONNECT + "PUB a 256\r\n").getBytes(UTF_8);
        byte[] stream = new byte[head.length + 258];
        System.arraycopy(head, 0, stream, 0, head.length);
        System.arraycopy(payload, 0, stream, head.length, 256);
        stream[stream.length - 2] = '\r';
        stream[stream.length - 1] = '\n';
        assertArrayEquals(payload, only(Transcript.ofClient(stream)).payload());
        assertEquals("PUB|b|null||PUB a 4\r\n", shown(only(client("PUB b 9\r\nPUB a 4\r\n\r\n"))));
    }

    @Test
    void verbs_may_be_small_and_words_be_apart() {
        assertEquals("PUB|a|null||x", shown(only(client("pub \t a  1\r\nx\r\n"))));
    }

    @Test
    void a_stream_that_was_cut_anywhere_has_no_flaw_and_ends_where_the_last_whole_frame_does() {
        String whole = CONNECT + "PUB a 3\r\nabc\r\n";
        String last = "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n";
        for (int cut = 0; cut < last.length(); cut++) {
            Transcript transcript = Transcript.ofClient((whole + last.substring(0, cut)).getBytes(UTF_8));
            assertEquals(Optional.empty(), transcript.flaw());
            assertEquals(2, transcript.frames().size());
            assertEquals(whole.length(), transcript.end());
        }
        assertEquals(
                3, Transcript.ofClient((whole + last).getBytes(UTF_8)).frames().size());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            // What follows CONNECT; the offset of the flaw behind it; words of the reason. ~ is CR LF.
            textBlock = """
                    X                           | 0  | no verb begins with "X"
                    PUG a 1                     | 2  | no verb begins with "PUG"
                    MSG a 1 2~hi~               | 0  | no verb begins with "M"
                    PU a 1~x~                   | 2  | "PU" is no verb
                    CONNECT {}~                 | 0  | CONNECT again
                    PING 1~                     | 4  | PING has no arguments
                    PUB a 3~abcd~               | 12 | a message of 3 bytes is followed by CR LF
                    PUB a 5~abc~PING~           | 14 | a message of 5 bytes is followed by CR LF
                    PUB a~                      | 3  | PUB does not take 1 arguments
                    PUB a b c 3~abc~            | 3  | PUB does not take 4 arguments
                    PUB a -1~                   | 3  | "-1" is no number
                    PUB a b~                    | 3  | "b" is no number
                    PUB a 9999999999~           | 3  | is no number
                    PUB a..b 1~x~               | 3  | an empty token
                    PUB .a 1~x~                 | 3  | an empty token
                    PUB a. 1~x~                 | 3  | an empty token
                    PUB a.* 1~x~                | 3  | a wildcard
                    PUB a b.> 1~x~              | 3  | a wildcard
                    SUB >.a 1~                  | 3  | a wildcard
                    SUB a~                      | 3  | SUB takes
                    UNSUB~                      | 5  | UNSUB takes
                    HPUB a 12~NATS/1.0~~~       | 4  | HPUB does not take 2 arguments
                    HPUB a 13 12~NATS/1.0~~~    | 4  | headers of 13 bytes in a message of 12
                    HPUB a 11 12~NATS/1.0~~~    | 25 | do not end with an empty line there
                    HPUB a 12 12~NATS/2.0~~~    | 14 | headers begin with NATS/1.0
                    HPUB a 19 19~NATS/1.0~no it~~~ | 24 | "no it" is no header
                    HPUB a 12 13~NATS/1.0~~~    | 27 | a message of 13 bytes is followed by CR LF
                    """)
    void an_illegal_frame_is_named_with_its_offset(String said, int offset, String reason) {
        Transcript transcript = client(said.strip().replace("~", "\r\n"));
        Flaw flaw = transcript.flaw().orElseThrow();
        assertTrue(flaw.reason().contains(reason), flaw.toString());
        assertEquals(CONNECT.length() + offset, flaw.offset(), flaw.toString());
        assertEquals(1, transcript.frames().size());
        assertEquals(CONNECT.length(), transcript.end());
    }

    @Test
    void a_line_ends_with_both_of_its_bytes_and_before_it_is_too_long() {
        assertEquals(
                CONNECT.length() + 4,
                client("PING\nPING\r\n").flaw().orElseThrow().offset());
        assertEquals(
                CONNECT.length() + 5,
                client("PING\rPING\r\n").flaw().orElseThrow().offset());
        String subject = "a".repeat(4_090);
        assertEquals(Optional.empty(), client("PUB " + subject + " 1\r\nx\r\n").flaw());
        assertEquals(
                CONNECT.length() + 4_096,
                client("PUB " + subject + "a 1\r\nx\r\n").flaw().orElseThrow().offset());
    }

    @ParameterizedTest
    @ValueSource(strings = {"PUB a 1\r\nx\r\n", "PING\r\n"})
    void a_client_that_does_not_begin_with_connect_is_not_legal(String said) {
        Flaw flaw = Transcript.ofClient(said.getBytes(UTF_8)).flaw().orElseThrow();
        assertEquals(0, flaw.offset());
        assertTrue(flaw.reason().contains("not with CONNECT"), flaw.reason());
    }

    @Test
    void a_control_character_is_no_part_of_a_subject() {
        assertTrue(
                client("PUB a\u0000b 1\r\nx\r\n").flaw().orElseThrow().reason().contains("a control character"));
    }
}
