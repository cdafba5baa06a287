package io.fleettelemetry.jnats.port;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.nats.client.Connection;
import io.nats.client.Options;
import io.nats.client.impl.SocketDataPort;
import io.nats.client.support.WebSocket;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * The bytes of one connection, from its beginning to its end: jnats makes a new port for every attempt to connect.
 *
 * <p>Other than jnats' own, it checks that a server's certificate is for the host of its URL, or for the one that its {@link PortOwner#certifiedName owner} says, with every kind of URL, and
 * says why TLS fails. For that it has to be given the host's name: on {@code tls} and {@code nats} URLs jnats passes an
 * address instead, unless its options say {@code hostnameResolveMode(HappyEyeballs)}. The socket's read timeout of the
 * options ends with the connection's preparation: it bounds the TLS handshake, the WebSocket handshake and the wait for
 * the server's INFO, each of which would otherwise wait for a silent server for ever.
 *
 * <p>From its first write on it is open for frames as well: ready {@code PUB} and {@code HPUB} messages, whole ones, which
 * go out between those of jnats. A port's identity is thus the epoch of a connection, and a write to an old one fails by
 * itself.
 *
 * <p>It follows what both sides say: so it knows which {@code PONG} answers a {@link #ping} of its user, and what the server
 * has refused before that, in the server's own words and order. jnats tells errors late, and without their quotes.
 *
 * <p>{@code afterConstruct} to the first {@code write} happen one after the other; then one thread reads, jnats' writer and
 * one that brings frames write, and any thread may close.
 */
public final class FramePort extends SocketDataPort {

    private static final byte[] PING = "PING\r\n".getBytes(US_ASCII);
    private static final byte[] PONG = "PONG\r\n".getBytes(US_ASCII);

    private static final String ORPHAN = "the server sent a PONG without a PING";
    /** So much is written at once: what a slow link takes of a large frame is to be seen while it is written. */
    private static final int PIECE = 1 << 16;

    private Options options;
    private PortOwner owner;
    /** The host that the server's certificate must be for; null if it is the one of its URL. */
    private String certifiedName;
    /** How long a line of the server's may be: one without an end would fill the heap. */
    private static final int MAX_LINE = 1 << 20;

    /**
     * How large a payload may be that the server announces: jnats sets memory aside for it before it comes. No nats-server can be
     * configured to a larger {@code max_payload}; what we ask for, a page of 256 streams at most, is smaller.
     */
    private static final int MAX_PAYLOAD = 64 << 20;

    /** Whether the server's first line has been read. */
    private boolean greeted;
    /** Whether the owner knows that the port is open. */
    private boolean toldOpen;
    /** What the server has sent right behind its first line, and nobody has read. */
    private byte[] behind = {};
    /** Fair, so that jnats' PING is not kept waiting by frames and more frames. */
    private final ReentrantLock writing = new ReentrantLock(true);

    private volatile boolean open;
    private volatile boolean closed;
    private volatile boolean framesUnderWay;
    /** Written under the lock. */
    private volatile long framesTaken;

    private boolean masks;
    private final ConnectFirst connectFirst = new ConnectFirst();

    // PING and PONG: what was written is guarded by the lock of writes, what was read belongs to the thread that reads.
    private final ProtocolScanner outgoing = new ProtocolScanner();
    private final ProtocolScanner incoming = new ProtocolScanner();
    private final Refusals.Tally refusals = new Refusals.Tally();
    private final EachAnswer each = new EachAnswer();
    /** PINGs that were written, jnats' and ours; which of them was ours last; and whom its answer wakes. */
    private volatile long pings;

    private volatile long ourPing;
    private volatile Runnable answered;
    private long pongs;
    /** How many of our PINGs were answered, and what the server refused between the last two of these answers. */
    private volatile long answers;

    private volatile Refusals refused = Refusals.NONE;
    /** The server's last words, and whether they came behind the last answer. */
    private volatile String lastError = "";
    /** The first bytes of what may become the PONG to a PING of ours, which jnats must not see. */
    private final byte[] held = new byte[PONG.length];

    private int heldLength;
    /** Whether TLS has brought something to read: from then on it works. */
    private boolean secured;

    /** For jnats, which makes it by its name. */
    public FramePort() {}

    /** @throws IllegalArgumentException if the options' connection listener is no {@link PortOwner} */
    @Override
    public void afterConstruct(Options options) {
        if (!(options.getConnectionListener() instanceof PortOwner listener)) {
            throw new IllegalArgumentException("the connection listener must be a " + PortOwner.class.getName());
        }
        this.options = options;
        owner = listener;
        certifiedName = owner.certifiedName();
    }

    /** @throws IOException with the reason; the socket is then of no use any more */
    @Override
    public void upgradeToSecure() throws IOException {
        if (behind.length > 0) { // nothing that is not encrypted may be taken for a part of what is
            throw new IOException(
                    "the server did not begin a TLS handshake, but sent: " + new String(behind, UTF_8).strip());
        }
        String name = certifiedName == null ? host : certifiedName;
        SSLSocket secure = (SSLSocket) owner.tls().getSocketFactory().createSocket(socket, name, port, true);
        SSLParameters parameters = secure.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        secure.setSSLParameters(parameters);
        try {
            secure.startHandshake();
        } catch (IOException e) {
            throw refused(e);
        }
        socket = secure;
        in = secure.getInputStream();
        out = secure.getOutputStream();
        isSecure = true;
    }

    /** Once nothing can be read any more the port is closed: jnats does not always do so, behind a reconnect. */
    @Override
    public int read(byte[] dst, int off, int len) throws IOException {
        int count = -1;
        if (!toldOpen && pongs > 0) { // and jnats has seen what came before that PONG, an INFO with new limits for one
            toldOpen = true;
            owner.opened(this);
        }
        try {
            do {
                count = -1;
                int kept = heldLength;
                System.arraycopy(held, 0, dst, off, kept);
                heldLength = 0;
                int read = receive(dst, off + kept, len - kept);
                secured = isSecure;
                count = read < 0 ? read : follow(dst, off, off + kept + read, len) - off;
            } while (count == 0);
            return count;
        } catch (SSLException e) {
            throw secured ? e : refused(e);
        } finally {
            if (count < 0) {
                closed = true;
                wake();
                owner.closed(this);
            }
        }
    }

    /**
     * Sees what the server says, in the order in which it says it, and takes the PONGs to our own PINGs out.
     *
     * @return the end of what is left for jnats
     * @throws IOException if the server has sent a PONG that nobody asked for: then none proves anything any more
     */
    private int follow(byte[] bytes, int from, int to, int room) throws IOException {
        int end = to;
        Refusals before = null;
        int at = from;
        while (at < end) {
            ProtocolScanner.Line line = incoming.scan(bytes, at, end);
            at = incoming.at();
            if (line == ProtocolScanner.Line.ERROR) {
                lastError = incoming.error();
                each.error(lastError, refusals);
            } else if (line == ProtocolScanner.Line.OK) {
                each.ok(refusals);
            } else if (line == ProtocolScanner.Line.PONG && ++pongs == ourPing) {
                int start = at - incoming.lineLength();
                if (start < from) { // it began before we asked
                    throw new IOException(ORPHAN);
                }
                before = refusals.take(each.hasBegun());
                lastError = "";
                System.arraycopy(bytes, at, bytes, start, end - at);
                end -= at - start;
                at = start;
            } else if (line == ProtocolScanner.Line.OTHER && incoming.announced() > MAX_PAYLOAD) {
                throw new IOException("the server has announced a message of more than " + MAX_PAYLOAD + " bytes");
            }
        }
        if (pongs > pings) {
            throw new IOException(ORPHAN);
        }
        if (incoming.begun() > MAX_LINE) {
            throw new IOException("the server has sent a line of more than " + MAX_LINE + " bytes");
        }
        if (before != null) { // only now: until then nobody sends another PING, for which a PONG too many could pass
            refused = before;
            answers++;
            wake();
        }
        if (pongs < ourPing && isPongBegun(bytes, from, end) && room > 2 * PONG.length) {
            heldLength = incoming.begun();
            end -= heldLength;
            System.arraycopy(bytes, end, held, 0, heldLength);
            incoming.beginLine();
        }
        return end;
    }

    /** Whether the bytes end with the beginning of a PONG. */
    private boolean isPongBegun(byte[] bytes, int from, int end) {
        int begun = incoming.begun();
        int start = end - begun;
        for (int i = 0; i < begun; i++) {
            if (i == PONG.length || start < from || (bytes[start + i] & ~0x20) != (PONG[i] & ~0x20)) {
                return false;
            }
        }
        return begun > 0;
    }

    /**
     * The server's INFO, and no more. If the server refuses a connection, its reason comes with the INFO, and jnats would
     * read past it.
     */
    private int receive(byte[] dst, int off, int len) throws IOException {
        if (greeted && behind.length == 0) {
            return super.read(dst, off, len);
        }
        if (behind.length > 0) {
            int count = Math.min(len, behind.length);
            System.arraycopy(behind, 0, dst, off, count);
            behind = Arrays.copyOfRange(behind, count, behind.length);
            return count;
        }
        int count = super.read(dst, off, len);
        for (int i = off; i < off + count; i++) {
            if (dst[i] == '\n') {
                greeted = true;
                behind = Arrays.copyOfRange(dst, i + 1, off + count);
                return i + 1 - off;
            }
        }
        return count;
    }

    /** Whole protocol messages of jnats; with CONNECT, which goes out first, the connection's preparation is over. */
    @Override
    public void write(byte[] src, int toWrite) throws IOException {
        writing.lock();
        try {
            boolean first = !open;
            byte[] bytes = first ? connectFirst.order(src, toWrite) : src;
            int length = first ? bytes.length : toWrite;
            if (length == 0) {
                return;
            }
            countPings(bytes, length); // before they are out: so the answer to none comes early
            if (first) {
                socket.setSoTimeout(0);
                masks = socket instanceof WebSocket;
            }
            super.write(bytes, length);
            open = true;
            if (first) {
                owner.begun(this);
            }
        } finally {
            writing.unlock();
        }
    }

    /**
     * Writes whole frames ({@code PUB}, {@code HPUB}) between two messages of jnats. Blocks while the socket is full, until
     * {@link #forceClose}.
     *
     * @param frames not changed, also not by a WebSocket, which masks what it is given in place
     * @throws IOException if the port is closed, or not yet {@linkplain PortOwner#opened open}, or the link has broken; how
     *     much has arrived nobody knows
     */
    public void writeFrames(byte[] frames, int from, int to) throws IOException {
        writing.lock();
        try {
            if (!open || closed) {
                throw new IOException("the connection is " + (closed ? "closed" : "not open"));
            }
            framesUnderWay = true;
            each.asksFrames(frames, from, to);
            for (int at = from, end; at < to; at = end) {
                end = Math.min(to, at + PIECE);
                if (masks) {
                    out.write(Arrays.copyOfRange(frames, at, end));
                } else {
                    out.write(frames, at, end - at);
                }
                framesTaken += end - at;
            }
        } finally {
            framesUnderWay = false;
            writing.unlock();
        }
    }

    private void countPings(byte[] bytes, int to) {
        for (int at = 0; at < to; at = outgoing.at()) {
            ProtocolScanner.Line line = outgoing.scan(bytes, at, to);
            if (line == ProtocolScanner.Line.PING) {
                pings++;
            } else if (line == ProtocolScanner.Line.OTHER) {
                each.asksOther();
            }
        }
    }

    /**
     * Has the server answer each frame that is written from now on, so that it is known which it {@linkplain Refusals#answers
     * refuses}: by a second {@code CONNECT}, the same but with {@code verbose}. It costs the server five bytes for each frame.
     *
     * @return false if that cannot be had on this connection
     * @throws IOException as {@link #writeFrames} does
     */
    public boolean answerEach() throws IOException {
        writing.lock();
        try {
            if (!open || closed) {
                throw new IOException("the connection is " + (closed ? "closed" : "not open"));
            }
            if (each.isAsked()) {
                return true;
            }
            byte[] verbose = EachAnswer.verbose(connectFirst.connect());
            if (verbose.length == 0) {
                return false;
            }
            framesUnderWay = true;
            each.begins();
            super.write(verbose, verbose.length);
            return true;
        } finally {
            framesUnderWay = false;
            writing.unlock();
        }
    }

    /**
     * Writes a PING behind everything that was written. jnats does not hear of its answer. One at a time: the next one not
     * before {@link #answers} has grown.
     *
     * @param answered is run when the answer has come, or the port is closed; by a thread that must not be kept
     * @throws IOException as {@link #writeFrames} does
     */
    public void ping(Runnable answered) throws IOException {
        writing.lock();
        try {
            this.answered = answered;
            if (!open || closed) {
                throw new IOException("the connection is " + (closed ? "closed" : "not open"));
            }
            pings++;
            ourPing = pings;
            framesUnderWay = true;
            super.write(masks ? PING.clone() : PING, PING.length);
        } finally {
            framesUnderWay = false;
            writing.unlock();
        }
    }

    /** How many {@linkplain #ping pings} the server has answered: it has parsed all that was written before them. */
    public long answers() {
        return answers;
    }

    /** What the server refused between the answer to the last {@linkplain #ping ping} and the one before that. */
    public Refusals refused() {
        return refused;
    }

    /** The last thing that the server has refused since it answered a {@linkplain #ping ping}; empty if it has nothing. */
    public String lastError() {
        return lastError;
    }

    private void wake() {
        Runnable asked = answered;
        if (asked != null) {
            asked.run();
        }
    }

    /** Bytes of frames that the system has taken so far, also while {@link #writeFrames} blocks. For any thread. */
    public long framesTaken() {
        return framesTaken;
    }

    /** How much of what is written, in bytes, the system may keep before writing blocks; it takes that as a hint. */
    public void setSendBuffer(int bytes) {
        try {
            socket.setSendBufferSize(bytes);
        } catch (IOException e) {
            // It is closed, or the system does not care: then it is as it was.
        }
    }

    /** The connection that this port carries; callable once it is open. */
    public Connection connection() {
        return connection;
    }

    /** Whether it has been closed, by whomever. */
    public boolean isClosed() {
        return closed;
    }

    /** Does not wait for the lock of writes: it must get through while one is stuck. */
    @Override
    public void close() throws IOException {
        closed = true;
        wake();
        owner.closed(this);
        if (framesUnderWay && socket != null) {
            // Under TLS closing would wait for the write to end, to say goodbye in order.
            socket.setSoLinger(true, 0);
        }
        super.close();
    }

    private IOException refused(IOException e) {
        if (closed) { // which is then why; jnats closes a port that takes too long
            return e;
        }
        String reason = "TLS with " + host + ":" + port + " failed: " + reason(e);
        owner.tlsFailed(reason);
        IOException refusal = new SSLHandshakeException(reason);
        refusal.initCause(e);
        return refusal;
    }

    private String reason(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        if (root instanceof CertPathBuilderException) {
            return "no CA that is trusted here has signed the server's certificate: " + root.getMessage();
        }
        if (root instanceof CertificateExpiredException) {
            return "the server's certificate has expired: " + root.getMessage();
        }
        // What the JDK throws if the host's name is not in the certificate; for all else it has subclasses.
        if (root.getClass() == CertificateException.class) {
            return "the server's certificate is not for this host: " + root.getMessage();
        }
        if (root instanceof SocketException || root instanceof EOFException) {
            return "the server closed the connection (" + root.getMessage()
                    + "); it may not accept the client certificate, or may require one";
        }
        if (root instanceof SocketTimeoutException) {
            return "no answer within " + options.getSocketReadTimeoutMillis() + " ms";
        }
        return root.getMessage() == null ? root.toString() : root.getMessage();
    }
}
