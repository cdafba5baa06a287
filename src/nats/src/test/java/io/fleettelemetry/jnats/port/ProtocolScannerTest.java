package io.fleettelemetry.jnats.port;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.jnats.port.ProtocolScanner.Line;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a server may say, in pieces of any size. */
class ProtocolScannerTest {

    private static final String SAID = "INFO {\"a\":\"-ERR 'no'\"}\r\n"
            + "PING\r\n"
            + "pong\r\n"
            + "+OK\r\n"
            + "MSG a.b 1 29\r\n-ERR 'in a payload'\r\nPONG\r\nP\r\n"
            + "HMSG a.b 1 _INBOX.1 12 34\r\nNATS/1.0\r\n\r\nPONG\r\nPONG\r\n-ERR 'x'\r\n"
            + "\r\n"
            + "MSG a.b 1 0\r\n\r\n"
            + "PONG\r\n"
            + "-ERR 'Permissions Violation for Publish to \"a.O'HARA.b\"'\r\n"
            + "-err  \tpermissions violation for publish \r\n"
            + "-ERR\r\n"
            + "PONGS\r\n"
            + "PONG\n"
            + "-ERR 'end'\r\n";

    private static final List<String> HEARD = List.of(
            "PING",
            "PONG",
            "OK",
            "PONG",
            "ERROR Permissions Violation for Publish to \"a.O'HARA.b\"",
            "ERROR permissions violation for publish",
            "ERROR ",
            "PONG",
            "ERROR end");

    private static List<String> heard(String said, Random pieces) {
        ProtocolScanner scanner = new ProtocolScanner();
        byte[] bytes = said.getBytes(UTF_8);
        List<String> heard = new ArrayList<>();
        for (int from = 0; from < bytes.length; ) {
            int to = Math.min(bytes.length, from + 1 + pieces.nextInt(1 + pieces.nextInt(200)));
            while (from < to) {
                Line line = scanner.scan(bytes, from, to);
                from = scanner.at();
                if (line != Line.NONE && line != Line.OTHER) {
                    heard.add(line == Line.ERROR ? line + " " + scanner.error() : line.toString());
                }
            }
        }
        return heard;
    }

    @Test
    void lines_are_found_in_pieces_of_any_size_and_payloads_are_skipped() {
        for (int seed = 0; seed < 1_000; seed++) {
            assertEquals(HEARD, heard(SAID, new Random(seed)), "seed " + seed);
        }
    }

    @Test
    void an_error_without_an_end_takes_no_memory() {
        String error =
                heard("-ERR '" + "x".repeat(1_000_000) + "'\r\n", new Random(1)).get(0);
        assertEquals("ERROR ".length() + 4_095, error.length());
    }

    @Test
    void the_announced_size_is_that_of_the_payload_or_of_its_headers() {
        assertEquals(2_000_000_000, announced("MSG a.1 1 2000000000\r\n"));
        assertEquals(Integer.MAX_VALUE, announced("MSG a 1 _INBOX.2 99999999999999999999\r\n"));
        assertEquals(34, announced("HMSG a.99999 77777 12 34\r\n"));
        assertEquals(34, announced("hmsg a.99999\t 77777 _INBOX.88888  12 \t34\r\n"));
        assertEquals(2_000_000_000, announced("HMSG a.1 1 2000000000 34\r\n"));
        assertEquals(0, announced("PING 12 34\r\n"));
        assertEquals(0, announced("MSG a 1 0\r\n"));
    }

    private static long announced(String said) {
        long announced = 0;
        for (int seed = 0; seed < 100; seed++) {
            ProtocolScanner scanner = new ProtocolScanner();
            byte[] bytes = said.getBytes(UTF_8);
            Random pieces = new Random(seed);
            for (int from = 0; from < bytes.length; from = scanner.at()) {
                scanner.scan(bytes, from, Math.min(bytes.length, from + 1 + pieces.nextInt(bytes.length)));
            }
            assertTrue(seed == 0 || announced == scanner.announced(), "seed " + seed);
            announced = scanner.announced();
        }
        return announced;
    }

    @Test
    void pings_between_messages_are_counted_and_those_in_payloads_are_not() {
        String said =
                "CONNECT {\"x\":\"PING\"}\r\nPING\r\nPUB a 6\r\nPING\r\n\r\nHPUB a b 12 18\r\nNATS/1.0\r\n\r\nPING\r\n\r\nPING\r\n";
        for (int seed = 0; seed < 100; seed++) {
            assertEquals(List.of("PING", "PING"), heard(said, new Random(seed)));
        }
    }
}
