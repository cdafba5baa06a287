package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.jnats.port.Refusals;
import java.io.IOException;

/** One connection, as the journal sees it: it takes frames, and reports whether the server has parsed them. */
public interface Wire {

    /** The result of a barrier. */
    enum Verdict {
        /** There is no result yet. */
        PENDING,
        /**
         * The server has parsed everything written before the barrier, and has reported its refusals
         * ({@link #refused}).
         */
        PASSED,
        /** The result will never be known. */
        IN_DOUBT
    }

    /**
     * Writes whole frames. Blocks while the socket is full, until {@link #cut}.
     *
     * @throws IOException if the connection is gone; it is then unknown how many bytes arrived
     */
    void write(byte[] frames, int from, int to) throws IOException;

    /**
     * Bytes of frames that the operating system has taken so far. While a {@link #write} blocks, they show its
     * progress.
     */
    default long taken() {
        return 0;
    }

    /** Sets how many written bytes the operating system may buffer. The system may round or ignore this. */
    default void mayKeep(int bytes) {}

    /**
     * Begins a barrier: sends a PING after everything written so far. One at a time. Blocks as {@link #write} does, and
     * is called by the same thread.
     *
     * @param answered is run when there is a {@link #verdict}, on a thread that it must not block
     * @throws IOException as {@link #write} does
     */
    void ping(Runnable answered) throws IOException;

    /**
     * Makes the server report for each frame that is written from now on whether it refuses it; see {@link #refused}.
     * Called by the writing thread.
     *
     * @return false if this connection cannot do it
     * @throws IOException as {@link #write} does
     */
    default boolean answerEach() throws IOException {
        return false;
    }

    /**
     * Returns the result of the oldest barrier without one; each result is returned once. Never blocks. One thread
     * calls it.
     */
    Verdict verdict();

    /** The server's refusals between the last passed barrier and the one before it. */
    Refusals refused();

    /** The server's words if it ended the previous connection because of a frame; otherwise null. */
    String fatalBefore();

    /** Ends the connection at once, in any state, and frees a blocked {@link #write}. Never blocks. */
    void cut();

    /** Largest payload, headers included, that the server takes, in bytes. */
    long maxPayload();

    /** Whether the server takes headers. */
    boolean takesHeaders();
}
