package io.fleettelemetry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A TCP link that a test can break: a proxy on 127.0.0.1 in front of a port. It does not know the protocol that it
 * carries.
 *
 * <p>Faults of a connection ({@link #cut}, {@link #swallow}) affect only open connections. Faults of the link
 * ({@link #freeze}, {@link #delay}, {@link #refuse}) affect new connections as well. Thread-safe.
 */
public final class Link implements AutoCloseable {

    /** How a connection ends. */
    public enum Cut {
        /** By a reset: bytes on the way are lost, and readers and writers get an error. */
        RST,
        /** In order: both sides get the bytes that the link had passed on, and then the end of the stream. */
        FIN
    }

    /** The direction of bytes. */
    public enum Way {
        TO_SERVER,
        TO_CLIENT
    }

    /**
     * The bytes that the link read from one connection, whether it passed them on or not.
     *
     * @param fromClient bytes of the client; they may end anywhere if the connection was cut
     * @param fromServer bytes of the server; they may end anywhere as well
     */
    public record Recording(byte[] fromClient, byte[] fromServer) {}

    static final int PIECE = 1 << 16;

    private final int target;
    private final int port;

    // All guarded by this; every change that a thread may wait for is notified.
    private final List<LinkConnection> open = new ArrayList<>();
    private final List<LinkConnection> recorded = new ArrayList<>();
    private ServerSocket listener;
    private boolean accepting;
    private int accepted;
    private boolean recording;
    private boolean closed;
    private long frozenUntil = System.nanoTime();
    private long refusingUntil = System.nanoTime();
    private long delayNanos;
    private long bytesPerSecond;
    private long paceUntil = System.nanoTime();
    private long allowance = Long.MAX_VALUE;
    private Cut afterAllowance;

    private Link(int target, int port) {
        this.target = target;
        this.port = port;
    }

    /** Opens a link, on a free port, to a port of 127.0.0.1. No program needs to listen there yet. */
    public static Link to(int target) {
        var link = new Link(target, FreePort.next());
        link.listen();
        daemon(link::acceptAll, "link-" + link.port + "-accept");
        return link;
    }

    public int port() {
        return port;
    }

    /** The URL of the link: {@code nats://127.0.0.1:<port>}. */
    public String url() {
        return "nats://127.0.0.1:" + port;
    }

    /** Number of connections made so far. */
    public synchronized int connections() {
        return accepted;
    }

    /** Ends all connections. New ones can be made immediately. */
    public synchronized void cut(Cut how) {
        List.copyOf(open).forEach(connection -> connection.cut(how));
        notifyAll();
    }

    /**
     * Passes exactly this many more bytes on to the server, counted over all present and future connections, and then
     * cuts. Only with {@link Cut#FIN} is it certain that the server has seen all of them.
     */
    public synchronized void cutAfter(long bytes, Cut how) {
        allowance = bytes;
        afterAllowance = how;
    }

    /**
     * Stops all bytes for this time, without closing a connection: at most one piece is read, and none is passed on.
     * {@link Duration#ZERO} ends it.
     */
    public synchronized void freeze(Duration time) {
        frozenUntil = System.nanoTime() + time.toNanos();
        notifyAll();
    }

    /**
     * Makes the open connections half-open: bytes of one side, and its end, are read and discarded from now on. The
     * other direction works as before.
     */
    public synchronized void swallow(Way way) {
        open.forEach(connection -> connection.swallow(way));
    }

    /**
     * Passes on every piece of up to 64 KiB after this delay, and reads the next one only then. So a delayed link is
     * also slow. {@link Duration#ZERO} ends it.
     */
    public synchronized void delay(Duration time) {
        delayNanos = time.toNanos();
        notifyAll();
    }

    /**
     * Passes on this many bytes a second to the server. Connections made from now on buffer little inside the link. 0
     * ends it.
     */
    public synchronized void throttle(long bytes) {
        bytesPerSecond = bytes;
        notifyAll();
    }

    /** Does not listen on the port for this time. Open connections stay. */
    public synchronized void refuse(Duration time) {
        refusingUntil = System.nanoTime() + time.toNanos();
        close(listener);
        notifyAll();
        while (accepting) { // the system listens until the call to accept has returned
            pause(0);
        }
    }

    /**
     * Ends all faults: freezing, delay, refusing, and a cut that has not happened yet. Connections stay as they are.
     */
    public synchronized void heal() {
        frozenUntil = System.nanoTime();
        refusingUntil = System.nanoTime();
        delayNanos = 0;
        bytesPerSecond = 0;
        allowance = Long.MAX_VALUE;
        if (listener.isClosed() && !closed) {
            listen();
        }
        notifyAll();
    }

    /** Records, in memory, the bytes of each connection that is made from now on. */
    public synchronized void record() {
        recording = true;
    }

    /** The recordings so far, one for each connection, in the order of the connections. */
    public synchronized List<Recording> recordings() {
        return recorded.stream().map(LinkConnection::recording).toList();
    }

    /** Ends all connections with a reset, and stops listening. */
    @Override
    public synchronized void close() {
        closed = true;
        close(listener);
        cut(Cut.RST);
    }

    private synchronized void listen() {
        try {
            listener = new ServerSocket();
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen on port " + port, e);
        }
        notifyAll();
    }

    private void acceptAll() {
        ServerSocket now;
        while ((now = awaitListener()) != null) {
            try {
                accept(now.accept());
            } catch (IOException refusing) {
                // closed by refuse or close
            }
        }
    }

    /** The open listener, which this makes when refusing ends; null if the link is closed. */
    private synchronized ServerSocket awaitListener() {
        accepting = false;
        notifyAll();
        while (!closed && listener.isClosed()) {
            if (!pauseUntil(refusingUntil)) {
                listen();
            }
        }
        accepting = !closed;
        return closed ? null : listener;
    }

    private void accept(Socket client) {
        LinkConnection connection;
        String name;
        synchronized (this) {
            accepted++;
            name = "link-" + port + "-" + accepted;
            connection = new LinkConnection(this, client, recording);
            if (bytesPerSecond > 0) {
                keepLittle(client);
            }
            open.add(connection); // before it is connected to the server, so that a fault from now on affects it, too
            if (recording) {
                recorded.add(connection);
            }
        }
        if (connection.reaches(target)) {
            daemon(() -> connection.carry(Way.TO_SERVER), name + "-to-server");
            daemon(() -> connection.carry(Way.TO_CLIENT), name + "-to-client");
        } else {
            connection.cut(Cut.RST);
        }
    }

    /** Waits for a time of {@link System#nanoTime} or a notification; false if the time has come. */
    private synchronized boolean pauseUntil(long moment) {
        long nanos = moment - System.nanoTime();
        if (nanos <= 0) {
            return false;
        }
        pause(nanos);
        return true;
    }

    /** Waits for a notification, at most this time; 0 means without a limit. */
    private synchronized void pause(long nanos) {
        try {
            wait(nanos / 1_000_000, (int) (nanos % 1_000_000));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting", e);
        }
    }

    /** Waits while the link is frozen, and for the delay of one piece. */
    synchronized void hold(LinkConnection connection) {
        long due = System.nanoTime() + delayNanos;
        while (isOpen(connection) && (pauseUntil(frozenUntil) || delayNanos > 0 && pauseUntil(due))) {
            // something has changed, or the time has come: look again
        }
    }

    /** Waits for the time that this many bytes need. */
    synchronized void pace(LinkConnection connection, int bytes) {
        if (bytesPerSecond > 0) {
            long now = System.nanoTime();
            paceUntil = (paceUntil - now > 0 ? paceUntil : now) + bytes * 1_000_000_000L / bytesPerSecond;
            while (isOpen(connection) && bytesPerSecond > 0 && pauseUntil(paceUntil)) {
                // look again
            }
        }
    }

    /** Whether the connection has been neither cut nor ended. */
    synchronized boolean isOpen(LinkConnection connection) {
        return open.contains(connection);
    }

    synchronized void ended(LinkConnection connection) {
        open.remove(connection);
    }

    /** Returns how many of the next bytes may be passed on to the server. */
    synchronized int allow(int bytes) {
        if (allowance == Long.MAX_VALUE) {
            return bytes;
        }
        int allowed = (int) Math.min(bytes, allowance);
        allowance -= allowed;
        return allowed;
    }

    synchronized void cutIfUsedUp() {
        if (allowance == 0) {
            allowance = Long.MAX_VALUE;
            cut(afterAllowance);
        }
    }

    private static void daemon(Runnable task, String name) {
        var thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private static void keepLittle(Socket socket) {
        try {
            socket.setReceiveBufferSize(PIECE);
        } catch (IOException closed) {
            // then it keeps nothing
        }
    }

    static void close(AutoCloseable socket) {
        try {
            socket.close();
        } catch (Exception e) {
            throw new IllegalStateException("closing a socket failed", e);
        }
    }
}
