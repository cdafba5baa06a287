package io.fleettelemetry.datastore.nats.journal;

/**
 * JetStream: how many messages of a batch may be unanswered. A stream answers at an interval, in messages, that it reports:
 * a short one if it has other producers. Several answers may be outstanding. Servers refuse (429) messages that they could
 * not store in time. Then the window is halved, and grows again slowly. Guarded by the journal's monitor.
 */
final class BatchWindow {

    /** Limit on the outstanding answers of a stream. */
    private static final int OUTSTANDING = 16;
    /** The longest interval, in messages, between two answers of a stream. */
    private static final int MAX_FLOW = 500;

    private static final int MAX = OUTSTANDING * MAX_FLOW;

    /** The stream's interval of answers, in messages, as it last reported it. */
    private int flow = 1;
    /** Limit on unanswered messages in any case, and number of messages stored since the limit last grew. */
    private int limit = MAX;

    private long stored;
    /** Whether the stream has answered on this wire. Before that, a single frame tests whether it takes batches. */
    private boolean known;
    /** Whether the stream has answered in this batch, and whether it could not store a message of it for the moment. */
    private boolean begun;

    private boolean postponed;

    /** Nothing is known of the stream. */
    void forget() {
        known = false;
    }

    /** There is no batch. */
    void end() {
        begun = false;
        postponed = false;
    }

    /** The stream has answered to the batch. */
    void begin() {
        begun = true;
    }

    /** The stream has reported its interval of answers. */
    void flow(int messages) {
        flow = Math.max(1, Math.min(messages, MAX_FLOW));
    }

    /** The stream has stored this many more messages. */
    void stored(long messages) {
        known = true;
        stored += messages;
        if (stored >= limit && limit < MAX) {
            stored = 0;
            limit++;
        }
    }

    /** The stream could not store a message for the moment. */
    void postponed() {
        limit = postponed ? limit : Math.max(OUTSTANDING, limit / 2); // once for all messages on the way
        postponed = true;
    }

    int size() {
        if (!known) {
            return 1;
        }
        return Math.min(limit, begun ? flow * OUTSTANDING : Math.max(flow, OUTSTANDING));
    }

    /** Whether only a few more frames may go out, which would cost too much. */
    boolean isFull(long unanswered) {
        return isFull(size(), unanswered);
    }

    private static boolean isFull(int size, long unanswered) {
        return size - unanswered < Math.max(1, size / 4);
    }

    /** Whether the stream would not answer before it gets more messages than may go out. */
    boolean isStuck(long unanswered) {
        return begun && limit < flow && isFull(limit, unanswered);
    }
}
