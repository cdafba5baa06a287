package io.fleettelemetry.jnats.port;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;

/**
 * Follows the bytes that the server sends on one connection: which {@code PONG} answers a PING of ours, and what the server
 * has refused before that, in its own words and order.
 *
 * <p>The reading thread calls {@link #putBack} and {@link #follow}. Writers hold the port's write lock. Any thread may call
 * the rest.
 */
final class Inbound {

    private static final byte[] PONG = "PONG\r\n".getBytes(US_ASCII);
    private static final String ORPHAN = "the server sent a PONG without a PING";

    /** Limit (bytes) on a line of the server: a line without an end would fill the heap. */
    private static final int MAX_LINE = 1 << 20;

    /**
     * Limit (bytes) on a payload that the server announces, because jnats allocates memory for it before it comes. No
     * nats-server can have a larger {@code max_payload}. The largest answer that we ask for, a page of 256 streams, is
     * smaller.
     */
    private static final int MAX_PAYLOAD = 64 << 20;

    // Written by writers.
    /** Number of PINGs written by jnats and us; the number of our last one; and the callback for its answer. */
    private volatile long pings;

    private volatile long ourPing;
    private volatile Runnable answered;

    // The reader's.
    private final ProtocolScanner scanner = new ProtocolScanner();
    private final Refusals.Builder refusals = new Refusals.Builder();
    private final EachAnswer each;
    private long pongs;
    /** Bytes that may be the beginning of the PONG to a PING of ours, which jnats must not see. */
    private final byte[] held = new byte[PONG.length];

    private int heldLength;

    // Written by the reader.
    /** Number of our PINGs that were answered; and the refusals between the last two of these answers. */
    private volatile long answers;

    private volatile Refusals refused = Refusals.NONE;
    /** The server's last error since the last answer to a PING of ours; else empty. */
    private volatile String lastError = "";

    Inbound(EachAnswer each) {
        this.each = each;
    }

    /** Counts a PING of jnats before it is written, so that its answer never comes too early. */
    void pinged() {
        pings++;
    }

    /** Counts a PING of ours before it is written. */
    void pingedByUs() {
        pings++;
        ourPing = pings;
    }

    /** @param answered is run when the next PING of ours is answered, and when the connection ends */
    void onAnswer(Runnable answered) {
        this.answered = answered;
    }

    void wake() {
        Runnable asked = answered;
        if (asked != null) {
            asked.run();
        }
    }

    boolean hasPong() {
        return pongs > 0;
    }

    long answers() {
        return answers;
    }

    Refusals refused() {
        return refused;
    }

    String lastError() {
        return lastError;
    }

    /** Puts back the bytes that the last {@link #follow} has kept from jnats. Returns how many. */
    int putBack(byte[] bytes, int from) {
        int length = heldLength;
        System.arraycopy(held, 0, bytes, from, length);
        heldLength = 0;
        return length;
    }

    /**
     * Parses what the server sent, in its order, and removes the PONGs that answer our own PINGs.
     *
     * @param room how many bytes the reader asked for
     * @return the end of the bytes that are left for jnats
     * @throws IOException if the server has sent a PONG without a PING: then a PONG proves nothing any more
     */
    int follow(byte[] bytes, int from, int to, int room) throws IOException {
        int end = to;
        Refusals before = null;
        int at = from;
        while (at < end) {
            ProtocolScanner.Line line = scanner.scan(bytes, at, end);
            at = scanner.at();
            if (line == ProtocolScanner.Line.ERROR) {
                lastError = scanner.error();
                each.error(lastError, refusals);
            } else if (line == ProtocolScanner.Line.OK) {
                each.ok(refusals);
            } else if (line == ProtocolScanner.Line.PONG && ++pongs == ourPing) {
                int start = at - scanner.lineLength();
                if (start < from) { // the PONG began before our PING was written
                    throw new IOException(ORPHAN);
                }
                before = refusals.take(each.hasBegun());
                lastError = "";
                System.arraycopy(bytes, at, bytes, start, end - at);
                end -= at - start;
                at = start;
            } else if (line == ProtocolScanner.Line.OTHER && scanner.announced() > MAX_PAYLOAD) {
                throw new IOException("the server has announced a message of more than " + MAX_PAYLOAD + " bytes");
            }
        }
        if (pongs > pings) {
            throw new IOException(ORPHAN);
        }
        if (scanner.begun() > MAX_LINE) {
            throw new IOException("the server has sent a line of more than " + MAX_LINE + " bytes");
        }
        if (before != null) { // only now, so that no PING goes out that a surplus PONG could seem to answer
            refused = before;
            answers++;
            wake();
        }
        if (pongs < ourPing && isPongBegun(bytes, from, end) && room > 2 * PONG.length) {
            heldLength = scanner.begun();
            end -= heldLength;
            System.arraycopy(bytes, end, held, 0, heldLength);
            scanner.beginLine();
        }
        return end;
    }

    /** Whether the bytes end with the beginning of a PONG. */
    private boolean isPongBegun(byte[] bytes, int from, int end) {
        int begun = scanner.begun();
        int start = end - begun;
        for (int i = 0; i < begun; i++) {
            if (i == PONG.length || start < from || (bytes[start + i] & ~0x20) != (PONG[i] & ~0x20)) {
                return false;
            }
        }
        return begun > 0;
    }
}
