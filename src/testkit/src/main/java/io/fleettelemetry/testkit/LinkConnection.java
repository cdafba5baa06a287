package io.fleettelemetry.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A client's connection, and the link's connection to the server for it. */
final class LinkConnection {

    private final Link link;
    private final Socket client;
    private final Socket server = new Socket();
    private final boolean isRecorded;
    private final ByteArrayOutputStream fromClient = new ByteArrayOutputStream();
    private final ByteArrayOutputStream fromServer = new ByteArrayOutputStream();
    private final Set<Link.Way> swallowed = ConcurrentHashMap.newKeySet();
    private final AtomicInteger carrying = new AtomicInteger(2);

    LinkConnection(Link link, Socket client, boolean isRecorded) {
        this.link = link;
        this.client = client;
        this.isRecorded = isRecorded;
    }

    /** Connects to the server. False if the server is absent, or the connection was cut in the meantime. */
    boolean reaches(int target) {
        try {
            server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            return link.isOpen(this);
        } catch (IOException e) {
            return false;
        }
    }

    void swallow(Link.Way way) {
        swallowed.add(way);
    }

    void cut(Link.Cut how) {
        link.ended(this);
        if (how == Link.Cut.RST) {
            reset(client);
            reset(server);
        } else {
            // The link reads until both sides have closed: closing with unread bytes would send a reset, and a
            // reset discards the bytes that the server has not read yet.
            swallow(Link.Way.TO_SERVER);
            swallow(Link.Way.TO_CLIENT);
            end(client);
            end(server);
        }
    }

    /** Carries bytes in one direction until the stream ends. */
    void carry(Link.Way way) {
        Socket from = way == Link.Way.TO_SERVER ? client : server;
        Socket to = way == Link.Way.TO_SERVER ? server : client;
        byte[] piece = new byte[Link.PIECE];
        try {
            int length;
            while ((length = from.getInputStream().read(piece)) >= 0) {
                keep(way, piece, length);
                link.hold(this);
                if (way == Link.Way.TO_SERVER) {
                    link.pace(this, length);
                }
                pass(way, to, piece, length);
            }
            link.hold(this);
            if (!swallowed.contains(way)) {
                end(to);
            }
        } catch (IOException broken) {
            if (link.isOpen(this)) {
                cut(Link.Cut.RST);
            }
        } finally {
            if (carrying.decrementAndGet() == 0) {
                link.ended(this);
                Link.close(client);
                Link.close(server);
            }
        }
    }

    private void pass(Link.Way way, Socket to, byte[] piece, int length) throws IOException {
        if (swallowed.contains(way)) {
            return;
        }
        try {
            to.getOutputStream().write(piece, 0, way == Link.Way.TO_SERVER ? link.allow(length) : length);
        } catch (IOException e) {
            if (!swallowed.contains(way)) { // otherwise it was cut during the write
                throw e;
            }
        }
        if (way == Link.Way.TO_SERVER) {
            link.cutIfUsedUp();
        }
    }

    private void keep(Link.Way way, byte[] piece, int length) {
        if (isRecorded) {
            (way == Link.Way.TO_SERVER ? fromClient : fromServer).write(piece, 0, length);
        }
    }

    Link.Recording recording() {
        return new Link.Recording(fromClient.toByteArray(), fromServer.toByteArray());
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0); // makes close send RST
        } catch (IOException closed) {
            return;
        }
        Link.close(socket);
    }

    private static void end(Socket socket) {
        try {
            socket.shutdownOutput();
        } catch (IOException ended) {
            // all the better
        }
    }
}
