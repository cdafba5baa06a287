package io.fleettelemetry.jnats.port;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.nats.client.Connection;
import io.nats.client.Options;
import io.nats.client.impl.SocketDataPort;
import io.nats.client.support.WebSocket;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * Carries the bytes of one connection. jnats makes a new port for every attempt to connect.
 *
 * <p>Unlike jnats' own port, it verifies for every kind of URL that the server's certificate is for the host of the
 * URL, or for the host that its {@link PortOwner#certifiedName owner} names, and it reports why TLS failed. It needs
 * the host name for this. On {@code tls} and {@code nats} URLs jnats passes an address instead, unless its options say
 * {@code hostnameResolveMode(HappyEyeballs)}. The socket read timeout of the options applies until the connection is
 * prepared: it limits the TLS handshake, the WebSocket handshake and the wait for the server's INFO. Otherwise each of
 * these would wait for a silent server without end.
 *
 * <p>After its first write the port takes frames as well: complete {@code PUB} and {@code HPUB} messages, which it
 * writes between the messages of jnats. So each connection has a port of its own, and a write to the port of an old
 * connection fails.
 *
 * <p>The port parses both directions. So it knows which {@code PONG} answers a {@link #ping} of its user, and what the
 * server refused before that, in the server's words and order. jnats reports errors later, and without their quotes.
 *
 * <p>Threads: the calls from {@code afterConstruct} to the first {@code write} come one after the other. Then one
 * thread reads, jnats' writer and one thread with frames write, and any thread may close.
 */
public final class FramePort extends SocketDataPort {

    private static final byte[] PING = "PING\r\n".getBytes(US_ASCII);

    /** Bytes of one write. A large frame is written in pieces, so that progress on a slow link is visible. */
    private static final int PIECE = 1 << 16;

    private Options options;
    private PortOwner owner;
    /** The host that the server's certificate must be for; null if it is the one of its URL. */
    private String certifiedName;
    /** Whether the owner knows that the port is open. */
    private boolean toldOpen;

    private final FirstLine firstLine = new FirstLine();
    /** Fair, so that frames cannot delay jnats' PING without end. */
    private final ReentrantLock writing = new ReentrantLock(true);

    private volatile boolean open;
    private volatile boolean closed;
    private volatile boolean framesUnderWay;
    /** Written under the lock. */
    private volatile long framesTaken;

    private boolean masks;
    private final ConnectFirst connectFirst = new ConnectFirst();

    /** Follows what is written. Guarded by the write lock. */
    private final ProtocolScanner outgoing = new ProtocolScanner();

    private final EachAnswer each = new EachAnswer();
    private final Inbound inbound = new Inbound(each);
    /** Whether a byte was read through TLS: later errors are not errors of the handshake. */
    private boolean secured;

    /** For jnats, which makes ports by class name. */
    public FramePort() {}

    /** @throws IllegalArgumentException if the connection listener of the options is not a {@link PortOwner} */
    @Override
    public void afterConstruct(Options options) {
        if (!(options.getConnectionListener() instanceof PortOwner listener)) {
            throw new IllegalArgumentException("the connection listener must be a " + PortOwner.class.getName());
        }
        this.options = options;
        owner = listener;
        certifiedName = owner.certifiedName();
    }

    /** @throws IOException if TLS fails, with the reason; the socket cannot be used any more */
    @Override
    public void upgradeToSecure() throws IOException {
        if (firstLine.hasRest()) { // plain bytes must not be taken for bytes that came through TLS
            throw new IOException("the server did not begin a TLS handshake, but sent: "
                    + firstLine.rest().strip());
        }
        String name = certifiedName == null ? host : certifiedName;
        SSLSocket secure = (SSLSocket) owner.tls().getSocketFactory().createSocket(socket, name, port, true);
        SSLParameters parameters = secure.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        secure.setSSLParameters(parameters);
        try {
            secure.startHandshake();
        } catch (IOException e) {
            throw handshakeFailed(e);
        }
        socket = secure;
        in = secure.getInputStream();
        out = secure.getOutputStream();
        isSecure = true;
    }

    /** Closes the port at the end of the stream, because jnats does not always do so after a reconnect. */
    @Override
    public int read(byte[] dst, int off, int len) throws IOException {
        int count = -1;
        if (!toldOpen && inbound.hasPong()) { // jnats has seen all before that PONG, such as an INFO with new limits
            toldOpen = true;
            owner.opened(this);
        }
        try {
            do {
                count = -1;
                int kept = inbound.putBack(dst, off);
                int read = receive(dst, off + kept, len - kept);
                secured = isSecure;
                count = read < 0 ? read : inbound.follow(dst, off, off + kept + read, len) - off;
            } while (count == 0);
            return count;
        } catch (SSLException e) {
            throw secured ? e : handshakeFailed(e);
        } finally {
            if (count < 0) {
                closed = true;
                inbound.wake();
                owner.closed(this);
            }
        }
    }

    private int receive(byte[] dst, int off, int len) throws IOException {
        if (firstLine.hasRest()) {
            return firstLine.takeRest(dst, off, len);
        }
        int count = super.read(dst, off, len);
        return firstLine.isRead() ? count : firstLine.cut(dst, off, count);
    }

    /** Writes whole protocol messages of jnats. CONNECT goes out first, and ends the preparation of the connection. */
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
            countPings(bytes, length); // before they are written, so that no answer comes before its PING is counted
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
     * Writes whole frames ({@code PUB}, {@code HPUB}) between two messages of jnats. Blocks while the socket is full,
     * until {@link #forceClose}. One thread at a time.
     *
     * @param frames the bytes; not changed, not even by a WebSocket, which masks the bytes of its argument
     * @param from index of the first byte
     * @param to index after the last byte
     * @throws IOException if the port is closed or not yet {@linkplain PortOwner#opened open}, or if the link has
     *     broken; it is then unknown how many bytes arrived
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
                inbound.pinged();
            } else if (line == ProtocolScanner.Line.OTHER) {
                each.asksOther();
            }
        }
    }

    /**
     * Makes the server answer each frame that is written from now on, so that {@link Refusals#answers} says which
     * frames it refuses. For this it writes a second {@code CONNECT}, the same but with {@code verbose}. The server
     * then sends five bytes for each frame.
     *
     * @return false if this connection cannot do it
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
     * Writes a PING after all bytes written so far. jnats does not see its answer. The next PING must wait until
     * {@link #answers} has grown.
     *
     * @param answered is run when the answer has come or the port is closed, on a thread that it must not block
     * @throws IOException as {@link #writeFrames} does
     */
    public void ping(Runnable answered) throws IOException {
        writing.lock();
        try {
            inbound.onAnswer(answered);
            if (!open || closed) {
                throw new IOException("the connection is " + (closed ? "closed" : "not open"));
            }
            inbound.pingedByUs();
            framesUnderWay = true;
            super.write(masks ? PING.clone() : PING, PING.length);
        } finally {
            framesUnderWay = false;
            writing.unlock();
        }
    }

    /**
     * Number of {@linkplain #ping pings} that the server has answered. It has parsed everything written before them.
     */
    public long answers() {
        return inbound.answers();
    }

    /** What the server refused between its answers to the last two {@linkplain #ping pings}. */
    public Refusals refused() {
        return inbound.refused();
    }

    /** The server's last error since it answered a {@linkplain #ping ping}; empty if there was none. */
    public String lastError() {
        return inbound.lastError();
    }

    /**
     * Bytes of frames that the operating system has taken so far; grows while {@link #writeFrames} blocks. Any thread.
     */
    public long framesTaken() {
        return framesTaken;
    }

    /**
     * Sets how many written bytes the operating system may buffer before writing blocks. The system takes it as a hint.
     */
    public void setSendBuffer(int bytes) {
        try {
            socket.setSendBufferSize(bytes);
        } catch (IOException e) {
            // The socket is closed, or the system refuses the value: then the buffer stays as it was.
        }
    }

    /** The connection that this port carries. May be called once the port is open. */
    public Connection connection() {
        return connection;
    }

    /** Whether the port has been closed, by either side. */
    public boolean isClosed() {
        return closed;
    }

    /** Closes the port without the write lock, because a writer may be stuck. */
    @Override
    public void close() throws IOException {
        closed = true;
        inbound.wake();
        owner.closed(this);
        if (framesUnderWay && socket != null) {
            // With TLS, close would wait for the write to end, to send its closing message.
            socket.setSoLinger(true, 0);
        }
        super.close();
    }

    private IOException handshakeFailed(IOException e) {
        if (closed) { // which is then why; jnats closes a port that takes too long
            return e;
        }
        String reason = "TLS with " + host + ":" + port + " failed: "
                + TlsFailure.reason(e, options.getSocketReadTimeoutMillis());
        owner.tlsFailed(reason);
        IOException refusal = new SSLHandshakeException(reason);
        refusal.initCause(e);
        return refusal;
    }
}
