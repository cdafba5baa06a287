package io.fleettelemetry.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.testkit.Link.Cut;
import io.fleettelemetry.testkit.Link.Way;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LinkTest {

    private static final int SHORT_MS = 100;
    private static final int LIMIT_MS = 10_000;
    private static final Duration FOR_EVER = Duration.ofDays(1);

    private ServerSocket listener;
    private Link link;

    @BeforeEach
    void open() throws IOException {
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        link = Link.to(listener.getLocalPort());
    }

    @AfterEach
    void close() throws IOException {
        link.close();
        listener.close();
    }

    /** Both ends of one connection through the link. */
    private final class Pair implements AutoCloseable {
        final Socket client = new Socket(InetAddress.getLoopbackAddress(), link.port());
        final Socket server = listener.accept();

        Pair() throws IOException {
            client.setSoTimeout(LIMIT_MS);
            server.setSoTimeout(LIMIT_MS);
        }

        @Override
        public void close() throws IOException {
            client.close();
            server.close();
        }
    }

    private static void say(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(US_ASCII));
    }

    private static String hear(Socket socket, int length) throws IOException {
        return new String(socket.getInputStream().readNBytes(length), US_ASCII);
    }

    private static void assertSilent(Socket socket) throws IOException {
        socket.setSoTimeout(SHORT_MS);
        assertThrows(SocketTimeoutException.class, () -> socket.getInputStream().read());
        socket.setSoTimeout(LIMIT_MS);
    }

    private static void assertEnded(Socket socket) throws IOException {
        assertEquals(-1, socket.getInputStream().read());
    }

    private static void assertReset(Socket socket) {
        var failure =
                assertThrows(IOException.class, () -> socket.getInputStream().readAllBytes());
        assertTrue(failure.getMessage().contains("reset"), failure.toString());
    }

    @Test
    void it_carries_bytes_both_ways_and_the_end_of_each() throws IOException {
        try (var pair = new Pair()) {
            say(pair.client, "there");
            assertEquals("there", hear(pair.server, 5));
            say(pair.server, "back");
            assertEquals("back", hear(pair.client, 4));
            pair.client.shutdownOutput();
            assertEnded(pair.server);
            say(pair.server, "last");
            pair.server.shutdownOutput();
            assertEquals("last", hear(pair.client, 4));
            assertEnded(pair.client);
        }
    }

    @Test
    void a_cut_by_reset_is_an_error_on_both_sides_and_the_next_connection_is_sound() throws IOException {
        try (var first = new Pair();
                var second = new Pair()) {
            link.cut(Cut.RST);
            assertReset(first.client);
            assertReset(first.server);
            assertReset(second.client);
            assertReset(second.server);
        }
        try (var third = new Pair()) {
            say(third.client, "sound");
            assertEquals("sound", hear(third.server, 5));
        }
        assertEquals(3, link.connections());
    }

    @Test
    void a_cut_in_order_is_the_end_on_both_sides_even_for_one_who_goes_on_talking() throws IOException {
        try (var pair = new Pair()) {
            say(pair.client, "before");
            assertEquals("before", hear(pair.server, 6));
            link.cut(Cut.FIN);
            say(pair.client, "too late");
            say(pair.server, "too late");
            assertEnded(pair.client);
            assertEnded(pair.server);
        }
    }

    @Test
    void a_cut_after_some_bytes_lets_exactly_these_through_whichever_connection_sends_them() throws IOException {
        try (var first = new Pair();
                var second = new Pair()) {
            link.cutAfter(7, Cut.FIN);
            say(first.client, "abcd");
            assertEquals("abcd", hear(first.server, 4));
            say(second.client, "efghij");
            assertEquals("efg", hear(second.server, 3));
            assertEnded(second.server);
            assertEnded(second.client);
            assertEnded(first.server);
            assertEnded(first.client);
        }
        try (var third = new Pair()) {
            say(third.client, "a whole sentence");
            assertEquals("a whole sentence", hear(third.server, 16));
        }
    }

    @Test
    void a_server_gets_all_of_a_long_text_that_is_cut_in_order() throws Exception {
        byte[] text = new byte[3_000_000];
        try (var pair = new Pair()) {
            link.cutAfter(2_000_001, Cut.FIN);
            var talker = new Thread(() -> {
                try {
                    pair.client.getOutputStream().write(text);
                    assertEnded(pair.client);
                    pair.client.setSoLinger(true, 0);
                    pair.client.close();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            talker.start();
            assertEquals(2_000_001, pair.server.getInputStream().readAllBytes().length);
            talker.join();
        }
    }

    @Test
    void nothing_moves_on_a_frozen_link_and_everything_arrives_when_it_thaws() throws IOException {
        try (var old = new Pair()) {
            link.freeze(FOR_EVER);
            try (var fresh = new Pair()) {
                say(old.client, "one");
                say(old.server, "two");
                say(fresh.client, "three");
                assertSilent(old.server);
                assertSilent(old.client);
                assertSilent(fresh.server);
                link.heal();
                assertEquals("one", hear(old.server, 3));
                assertEquals("two", hear(old.client, 3));
                assertEquals("three", hear(fresh.server, 5));
            }
        }
    }

    @Test
    void a_frozen_link_thaws_by_itself_and_can_be_cut_before_that() throws IOException {
        try (var pair = new Pair()) {
            link.freeze(Duration.ofMillis(SHORT_MS));
            say(pair.client, "one");
            assertEquals("one", hear(pair.server, 3));
            link.freeze(FOR_EVER);
            say(pair.client, "two");
            link.freeze(Duration.ZERO);
            assertEquals("two", hear(pair.server, 3));
            link.freeze(FOR_EVER);
            say(pair.client, "three");
            link.cut(Cut.RST);
            assertReset(pair.server);
        }
    }

    @Test
    void a_half_open_connection_swallows_what_goes_to_the_server_and_hides_that_the_client_has_gone()
            throws IOException {
        try (var pair = new Pair()) {
            link.swallow(Way.TO_SERVER);
            say(pair.client, "lost");
            say(pair.server, "heard");
            assertEquals("heard", hear(pair.client, 5));
            pair.client.shutdownOutput();
            assertSilent(pair.server);
            assertSilent(pair.client);
        }
        try (var next = new Pair()) {
            say(next.client, "sound");
            assertEquals("sound", hear(next.server, 5));
        }
    }

    @Test
    void it_can_be_half_open_the_other_way() throws IOException {
        try (var pair = new Pair()) {
            link.swallow(Way.TO_CLIENT);
            say(pair.server, "lost");
            say(pair.client, "heard");
            assertEquals("heard", hear(pair.server, 5));
            assertSilent(pair.client);
        }
    }

    @Test
    void a_delayed_link_is_late_until_it_is_healed() throws IOException {
        try (var pair = new Pair()) {
            link.delay(Duration.ofMillis(SHORT_MS));
            long start = System.nanoTime();
            say(pair.client, "x");
            hear(pair.server, 1);
            assertTrue(System.nanoTime() - start >= SHORT_MS * 1_000_000L);
            link.delay(FOR_EVER);
            say(pair.client, "y");
            assertSilent(pair.server);
            link.heal();
            assertEquals("y", hear(pair.server, 1));
        }
    }

    @Test
    void it_refuses_connections_for_a_time_keeps_the_open_ones_and_listens_again_by_itself() throws IOException {
        try (var old = new Pair()) {
            link.refuse(FOR_EVER);
            assertThrows(ConnectException.class, Pair::new);
            say(old.client, "still here");
            assertEquals("still here", hear(old.server, 10));
            link.heal();
            new Pair().close();
            long start = System.nanoTime();
            link.refuse(Duration.ofMillis(SHORT_MS));
            awaitPair().close();
            assertTrue(System.nanoTime() - start >= SHORT_MS * 1_000_000L);
        }
    }

    private Pair awaitPair() throws IOException {
        while (true) {
            try {
                return new Pair();
            } catch (ConnectException notYet) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void a_client_is_turned_away_when_the_server_is_not_there() throws IOException {
        listener.close();
        try (var client = new Socket(InetAddress.getLoopbackAddress(), link.port())) {
            assertReset(client);
        }
        assertEquals(1, link.connections());
    }

    @Test
    void on_request_it_records_each_connection() throws IOException {
        new Pair().close();
        link.record();
        try (var first = new Pair();
                var second = new Pair()) {
            say(first.client, "question");
            hear(first.server, 8);
            say(first.server, "answer");
            hear(first.client, 6);
            link.swallow(Way.TO_SERVER);
            link.swallow(Way.TO_CLIENT);
            say(second.client, "swallowed");
            second.client.shutdownOutput();
            say(second.server, "too");
            second.server.shutdownOutput();
        }
        assertTrue(Wait.until(Duration.ofSeconds(10), () -> said(1).equals("swallowed, too")));
        assertEquals("question, answer", said(0));
        assertEquals(2, link.recordings().size());
    }

    private String said(int connection) {
        var recording = link.recordings().get(connection);
        return new String(recording.fromClient(), US_ASCII) + ", " + new String(recording.fromServer(), US_ASCII);
    }
}
