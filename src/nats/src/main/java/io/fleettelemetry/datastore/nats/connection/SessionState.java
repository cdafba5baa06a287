package io.fleettelemetry.datastore.nats.connection;

/**
 * What a session does at present, and why. Its thread and threads of jnats change it, each by a transition that has a name;
 * {@link Phase#ENDED} is never left.
 *
 * <p>It is about the session. Whether frames may go out on one wire is known to {@link AnswerPath}: jnats opens a wire before it
 * calls itself connected, and may tell of the end of one when there is already another.
 */
final class SessionState {

    enum Phase {
        /** There is no connection, or none any more. */
        CONNECTING,
        /** Connected; JetStream is being asked whether something can be stored. */
        PREPARING,
        /** Connected, and frames may go out. */
        READY,
        /** Connected, but nothing can be stored. */
        UNUSABLE,
        /** jnats has closed the connection although nobody asked for it; another is about to be made. */
        GIVEN_UP,
        /** It was told to end. */
        ENDED
    }

    /** @param reason what was wrong last; empty if nothing was */
    record Now(Phase phase, String reason) {

        /** Whether jnats has told so last. */
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

    /** Returns whether it was connected: jnats tells this also for every reconnect that fails. */
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
