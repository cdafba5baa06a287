package io.fleettelemetry.datastore.nats.connection;

/**
 * The phase of a session, and the reason for it. The session's thread and threads of jnats change it by named
 * transitions. {@link Phase#ENDED} is final.
 *
 * <p>This is the state of the session. {@link AnswerPath} knows whether frames may go out on one wire: jnats opens a
 * wire before it reports that it is connected, and may report the end of a wire when there is already another one.
 */
final class SessionState {

    enum Phase {
        /** There is no connection, or no longer one. */
        CONNECTING,
        /** Connected; JetStream is being asked whether records can be stored. */
        PREPARING,
        /** Connected, and frames may go out. */
        READY,
        /** Connected, but nothing can be stored. */
        UNUSABLE,
        /** jnats has closed the connection unexpectedly; another one will be made. */
        GIVEN_UP,
        /** The session was asked to end. */
        ENDED
    }

    /** @param reason the last problem; empty if there is none */
    record Now(Phase phase, String reason) {

        /** Whether jnats last reported that it is connected. */
        boolean isConnected() {
            return phase == Phase.PREPARING || phase == Phase.READY || phase == Phase.UNUSABLE;
        }
    }

    private volatile Now now = new Now(Phase.CONNECTING, "");

    Now now() {
        return now;
    }

    String reason() {
        return now.reason;
    }

    boolean hasEnded() {
        return now.phase == Phase.ENDED;
    }

    private synchronized Now become(Phase phase, String reason) {
        Now before = now;
        if (before.phase != Phase.ENDED) {
            now = new Now(phase, reason);
        }
        return before;
    }

    void attemptFailed(String reason) {
        become(Phase.CONNECTING, reason);
    }

    void connected(boolean isReady) {
        become(isReady ? Phase.READY : Phase.PREPARING, "");
    }

    /** @param warning why nothing is stored, as far as JetStream shows; empty if something is */
    void preparing(String warning) {
        become(Phase.PREPARING, warning);
    }

    /** @param warning why nothing is stored, as far as JetStream shows; empty if something is */
    void ready(String warning) {
        become(Phase.READY, warning);
    }

    void unusable(String reason) {
        become(Phase.UNUSABLE, reason);
    }

    /** Returns whether the session was connected: jnats calls this for every failed reconnect, too. */
    boolean disconnected(String error) {
        return become(Phase.CONNECTING, "disconnected" + (error.isEmpty() ? "" : ": " + error))
                .isConnected();
    }

    void givenUp(String cause) {
        become(Phase.GIVEN_UP, cause);
    }

    synchronized void ended() {
        become(Phase.ENDED, now.reason);
    }
}
