package io.fleettelemetry.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A TCP link that breaks when told to: a proxy on 127.0.0.1 in front of a port. It knows nothing of what it carries.
 *
 * <p>Faults of a connection ({@link #cut}, {@link #swallow}) hit the ones that are open; those made afterwards are
 * sound. Faults of the link ({@link #freeze}, {@link #delay}, {@link #refuse}) hit every connection. Safe for any number
 * of threads.
 */
public final class Link implements AutoCloseable {

    /** How a connection ends. */
    public enum Cut {
        /** By a reset: what was on its way is gone, and whoever reads or writes gets an error. */
        RST,
        /** In order: both sides get what the link had passed on, and then the end of the stream. */
        FIN
    }

    /** Where bytes go. */
    public enum Way {
        TO_SERVER,
        TO_CLIENT
    }

    /**
     * What the link read of one connection, whether it passed it on or not.
     *
     * @param fromClient ends anywhere, if the connection was cut
     * @param fromServer likewise
     */
    public record Recording(byte[] fromClient, byte[] fromServer) {}

    private static final int PIECE = 1 << 16;

    private final int target;
    private final int port;

    // All guarded by this; a change of what somebody may wait for is notified.
    private final List<Connection> open = new ArrayList<>();
    private final List<Connection> recorded = new ArrayList<>();
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

    /** Opens a link, on a free port, to a port of 127.0.0.1, where nobody needs to listen yet. */
    public static Link to(int target) {
        var link = new Link(target, FreePort.next());
        link.listen();
        daemon(link::acceptAll, "link-" + link.port + "-accept");
        return link;
    }

    public int port() {
        return port;
    }

    /** {@code nats://127.0.0.1:<port>}. */
    public String url() {
        return "nats://127.0.0.1:" + port;
    }

    /** How many connections were made so far. */
    public synchronized int connections() {
        return accepted;
    }

    /** Ends all connections. New ones can be made at once. */
    public synchronized void cut(Cut how) {
        List.copyOf(open).forEach(connection -> connection.cut(how));
        notifyAll();
    }

    /**
     * Passes exactly this many more bytes on to the server, counted over all connections, those to come included; then
     * cuts. Only after {@link Cut#FIN} has the server surely seen all of them.
     */
    public synchronized void cutAfter(long bytes, Cut how) {
        allowance = bytes;
        afterAllowance = how;
    }

    /**
     * Nothing moves for so long, and nothing is closed either: one piece is read at most, and none is passed on.
     * {@link Duration#ZERO} ends it.
     */
    public synchronized void freeze(Duration time) {
        frozenUntil = System.nanoTime() + time.toNanos();
        notifyAll();
    }

    /**
     * The connections that are open become half-open: what one side sends from now on is read and thrown away, its end
     * too, and the other way everything is as before.
     */
    public synchronized void swallow(Way way) {
        open.forEach(connection -> connection.swallow(way));
    }

    /**
     * Every piece of up to 64 KiB is passed on so much later, and the next one is read only then: a delayed link is a slow
     * one, too. {@link Duration#ZERO} ends it.
     */
    public synchronized void delay(Duration time) {
        delayNanos = time.toNanos();
        notifyAll();
    }

    /**
     * So many bytes a second go to the server, and little waits inside the link on connections that are made from now on. 0 ends
     * it.
     */
    public synchronized void throttle(long bytes) {
        bytesPerSecond = bytes;
        notifyAll();
    }

    /** Nobody listens on the port for so long. Connections that are open stay. */
    public synchronized void refuse(Duration time) {
        refusingUntil = System.nanoTime() + time.toNanos();
        close(listener);
        notifyAll();
        while (accepting) { // the system listens until the call to accept has come back
            pause(0);
        }
    }

    /** Ends what goes on: freezing, delay, refusing, and a cut still to come. Connections are as they are. */
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

    /** From now on keeps, in memory, what goes through each connection that is made. */
    public synchronized void record() {
        recording = true;
    }

    /** What was kept so far, one for each connection, in the order in which they were made. */
    public synchronized List<Recording> recordings() {
        return recorded.stream().map(Connection::recording).toList();
    }

    /** Ends all connections with a reset, and listens no more. */
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
        Connection connection;
        String name;
        synchronized (this) {
            accepted++;
            name = "link-" + port + "-" + accepted;
            connection = new Connection(client, recording);
            if (bytesPerSecond > 0) {
                keepLittle(client);
            }
            open.add(connection); // before there is a way to the server: whatever comes now hits this one, too
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

    /** Waits for a moment of {@link System#nanoTime} or a notification; false if the moment has come. */
    private synchronized boolean pauseUntil(long moment) {
        long nanos = moment - System.nanoTime();
        if (nanos <= 0) {
            return false;
        }
        pause(nanos);
        return true;
    }

    /** Waits for a notification, and at most so long; 0 is for ever. */
    private synchronized void pause(long nanos) {
        try {
            wait(nanos / 1_000_000, (int) (nanos % 1_000_000));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting", e);
        }
    }

    /** How many of the next bytes to the server may still go. */
    private synchronized int allow(int bytes) {
        if (allowance == Long.MAX_VALUE) {
            return bytes;
        }
        int allowed = (int) Math.min(bytes, allowance);
        allowance -= allowed;
        return allowed;
    }

    private synchronized void cutIfUsedUp() {
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

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0); // makes close send RST
        } catch (IOException closed) {
            return;
        }
        close(socket);
    }

    private static void end(Socket socket) {
        try {
            socket.shutdownOutput();
        } catch (IOException ended) {
            // all the better
        }
    }

    private static void close(AutoCloseable socket) {
        try {
            socket.close();
        } catch (Exception e) {
            throw new IllegalStateException("closing a socket failed", e);
        }
    }

    /** A client's connection and the one to the server that belongs to it. */
    private final class Connection {

        private final Socket client;
        private final Socket server = new Socket();
        private final boolean isRecorded;
        private final ByteArrayOutputStream fromClient = new ByteArrayOutputStream();
        private final ByteArrayOutputStream fromServer = new ByteArrayOutputStream();
        private final Set<Way> swallowed = ConcurrentHashMap.newKeySet();
        private final AtomicInteger carrying = new AtomicInteger(2);

        Connection(Socket client, boolean isRecorded) {
            this.client = client;
            this.isRecorded = isRecorded;
        }

        /** Whether the server is there, and nobody has cut the connection while it was made. */
        boolean reaches(int target) {
            try {
                server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                return isOpen();
            } catch (IOException e) {
                return false;
            }
        }

        void swallow(Way way) {
            swallowed.add(way);
        }

        void cut(Cut how) {
            synchronized (Link.this) {
                open.remove(this);
            }
            if (how == Cut.RST) {
                reset(client);
                reset(server);
            } else {
                // What still comes is read until both have closed: closing with bytes unread would send a reset, and a
                // reset takes from the server what it has not read yet.
                swallow(Way.TO_SERVER);
                swallow(Way.TO_CLIENT);
                end(client);
                end(server);
            }
        }

        /** Carries bytes one way until they end. */
        void carry(Way way) {
            Socket from = way == Way.TO_SERVER ? client : server;
            Socket to = way == Way.TO_SERVER ? server : client;
            byte[] piece = new byte[PIECE];
            try {
                int length;
                while ((length = from.getInputStream().read(piece)) >= 0) {
                    keep(way, piece, length);
                    hold();
                    if (way == Way.TO_SERVER) {
                        pace(length);
                    }
                    pass(way, to, piece, length);
                }
                hold();
                if (!swallowed.contains(way)) {
                    end(to);
                }
            } catch (IOException broken) {
                if (isOpen()) {
                    cut(Cut.RST);
                }
            } finally {
                if (carrying.decrementAndGet() == 0) {
                    synchronized (Link.this) {
                        open.remove(this);
                    }
                    Link.close(client);
                    Link.close(server);
                }
            }
        }

        private void pass(Way way, Socket to, byte[] piece, int length) throws IOException {
            if (swallowed.contains(way)) {
                return;
            }
            try {
                to.getOutputStream().write(piece, 0, way == Way.TO_SERVER ? allow(length) : length);
            } catch (IOException e) {
                if (!swallowed.contains(way)) { // else it was cut while this wrote
                    throw e;
                }
            }
            if (way == Way.TO_SERVER) {
                cutIfUsedUp();
            }
        }

        private void hold() {
            synchronized (Link.this) {
                long due = System.nanoTime() + delayNanos;
                while (isOpen() && (pauseUntil(frozenUntil) || delayNanos > 0 && pauseUntil(due))) {
                    // something has changed, or the time has come: look again
                }
            }
        }

        /** Takes the time that so many bytes need. */
        private void pace(int bytes) {
            synchronized (Link.this) {
                if (bytesPerSecond > 0) {
                    long now = System.nanoTime();
                    paceUntil = (paceUntil - now > 0 ? paceUntil : now) + bytes * 1_000_000_000L / bytesPerSecond;
                    while (isOpen() && bytesPerSecond > 0 && pauseUntil(paceUntil)) {
                        // look again
                    }
                }
            }
        }

        private boolean isOpen() {
            synchronized (Link.this) {
                return open.contains(this);
            }
        }

        private void keep(Way way, byte[] piece, int length) {
            if (isRecorded) {
                (way == Way.TO_SERVER ? fromClient : fromServer).write(piece, 0, length);
            }
        }

        Recording recording() {
            return new Recording(fromClient.toByteArray(), fromServer.toByteArray());
        }
    }
}
