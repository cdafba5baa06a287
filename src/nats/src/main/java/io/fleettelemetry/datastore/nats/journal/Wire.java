package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.jnats.port.Refusals;
import java.io.IOException;

/** One connection, as the journal sees it: takes frames, and tells whether the server has parsed them. */
public interface Wire {

    /** What came of a barrier. */
    enum Verdict {
        /** Nothing yet. */
        PENDING,
        /** The server has parsed everything that was written before it, and has said what of it it {@link #refused}. */
        PASSED,
        /** Nobody will ever know. */
        IN_DOUBT
    }

    /**
     * Writes whole frames. Blocks while the socket is full, until {@link #cut}.
     *
     * @throws IOException if the connection is gone; how much has arrived nobody knows
     */
    void write(byte[] frames, int from, int to) throws IOException;

    /** Bytes of frames that the system has taken so far; while a {@link #write} blocks they show whether it gets on. */
    default long taken() {
        return 0;
    }

    /** How much of what was written, in bytes, the system may keep to itself. It may round this, or take no notice. */
    default void mayKeep(int bytes) {}

    /**
     * Begins a barrier: sends a PING behind everything that was written. One at a time. Blocks as {@link #write} does, and is
     * called by the same thread.
     *
     * @param answered is run when there is a {@link #verdict}; by a thread that must not be kept
     * @throws IOException as {@link #write} does
     */
    void ping(Runnable answered) throws IOException;

    /**
     * Has the server say of each frame that is written from now on whether it refuses it; {@link #refused} then has it. Called
     * by the thread that writes.
     *
     * @return false if that cannot be had on this connection
     * @throws IOException as {@link #write} does
     */
    default boolean answerEach() throws IOException {
        return false;
    }

    /**
     * What came of the oldest barrier that was not yet told of; each is told of once. Never blocks. One thread.
     */
    Verdict verdict();

    /** What the server refused between the barrier that passed last and the one before it. */
    Refusals refused();

    /** The server's words if it ended the connection before this one because of a frame; else null. */
    String fatalBefore();

    /** Ends the connection at once, whatever state it is in, and frees a blocked {@link #write}. Never blocks. */
    void cut();

    /** Largest payload, headers included, that the server takes, in bytes. */
    long maxPayload();

    /** Whether the server takes headers. */
    boolean takesHeaders();
}
