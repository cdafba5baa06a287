package io.fleettelemetry.jnats.port;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** What jnats has left from the connection before must not come before CONNECT. */
class ConnectFirstTest {

    private static final String CONNECT = "CONNECT {\"verbose\":false}\r\n";

    private final ConnectFirst first = new ConnectFirst();

    private String order(String text) {
        byte[] padded = (text + "left over in the buffer").getBytes(US_ASCII);
        return new String(first.order(padded, text.length()), US_ASCII);
    }

    @Test
    void usually_it_is_first_already() {
        assertEquals(CONNECT + "PING\r\n", order(CONNECT + "PING\r\n"));
    }

    @Test
    void a_ping_of_the_connection_before_goes_behind_it() {
        assertEquals(CONNECT + "PING\r\nPING\r\n", order("PING\r\n" + CONNECT + "PING\r\n"));
    }

    @Test
    void a_ping_written_before_connect_waits_for_it() {
        assertEquals("", order("PING\r\n"));
        assertEquals("", order("PONG\r\n"));
        assertEquals(CONNECT + "PING\r\nPONG\r\nPING\r\n", order(CONNECT + "PING\r\n"));
    }
}
