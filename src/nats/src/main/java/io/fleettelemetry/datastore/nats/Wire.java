package io.fleettelemetry.datastore.nats;

import java.io.IOException;
import java.util.List;

/** One connection, as the journal sees it: takes frames, and tells whether the server has parsed them. */
interface Wire {

    /** What came of a barrier. */
    enum Verdict {
        /** The server has parsed everything that was written before it. */
        PASSED,
        /** It has, and denied some of it. */
        DENIED,
        /** It has, and answered an error that does not say to what. */
        REFUSED,
        /** Nobody knows. */
        IN_DOUBT
    }

    /**
     * Writes whole frames. Blocks while the socket is full, until {@link #cut}.
     *
     * @throws IOException if the connection is gone; how much has arrived nobody knows
     */
    void write(byte[] frames, int from, int to) throws IOException;

    /**
     * Sends a PING behind everything that was written and waits for its PONG. One at a time.
     *
     * @throws InterruptedException if the thread was interrupted
     */
    Verdict barrier() throws InterruptedException;

    /**
     * What the server refused between the last barrier and this one, if that answered {@link Verdict#DENIED}.
     *
     * @return the subjects of denied frames, one entry for each frame
     */
    List<String> denied();

    /**
     * To be called before anything is written: what the server has refused on earlier connections is none of this one's
     * business. May wait briefly.
     *
     * @return the server's words if it ended the connection before this one because of a frame; else null
     */
    String begin() throws InterruptedException;

    /** Ends the connection at once, whatever state it is in, and frees a blocked {@link #write}. Never blocks. */
    void cut();

    /** Largest payload, headers included, that the server takes, in bytes. */
    long maxPayload();

    /** Whether the server takes headers. */
    boolean takesHeaders();
}
