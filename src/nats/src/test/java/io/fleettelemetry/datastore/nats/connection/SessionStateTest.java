package io.fleettelemetry.datastore.nats.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.connection.SessionState.Now;
import io.fleettelemetry.datastore.nats.connection.SessionState.Phase;
import org.junit.jupiter.api.Test;

class SessionStateTest {

    private final SessionState state = new SessionState();

    private void assertNow(Phase phase, String reason) {
        assertEquals(new Now(phase, reason), state.now());
    }

    @Test
    void it_connects_from_the_beginning_and_each_failure_is_the_reason() {
        assertNow(Phase.CONNECTING, "");
        state.attemptFailed("Connection refused");
        assertNow(Phase.CONNECTING, "Connection refused");
    }

    @Test
    void a_connection_takes_the_reason_away() {
        state.attemptFailed("Connection refused");
        state.connected(true);
        assertNow(Phase.READY, "");
        state.connected(false);
        assertNow(Phase.PREPARING, "");
    }

    @Test
    void an_end_is_news_once_however_many_reconnects_fail() {
        state.connected(false);
        state.unusable("no_ack");
        assertTrue(state.disconnected("Read channel closed."));
        assertNow(Phase.CONNECTING, "disconnected: Read channel closed.");
        assertFalse(state.disconnected(""));
        assertNow(Phase.CONNECTING, "disconnected");
    }

    @Test
    void after_jnats_gave_up_it_connects_again() {
        state.givenUp("Authorization Violation");
        assertFalse(state.now().isConnected());
        state.attemptFailed("still");
        assertNow(Phase.CONNECTING, "still");
    }

    @Test
    void the_end_is_final() {
        state.unusable("no_ack");
        state.ended();
        state.connected(true);
        state.disconnected("late");
        assertNow(Phase.ENDED, "no_ack");
        assertTrue(state.hasEnded());
    }
}
