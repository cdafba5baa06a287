package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import io.nats.client.api.ServerInfo;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A {@link FramePort} and the jnats connection that it carries. */
final class PortWire implements Wire {

    /** The watchdog ends a silent connection long before. */
    private static final Duration BARRIER_LIMIT = Duration.ofMinutes(10);

    private final FramePort port;
    private final Connection connection;
    private final Refusals refusals;
    private final long maxPayload;
    private final boolean headers;

    PortWire(FramePort port, Refusals refusals) {
        this.port = port;
        this.connection = port.connection();
        this.refusals = refusals;
        ServerInfo info = connection.getServerInfo();
        this.maxPayload = info.getMaxPayload();
        this.headers = info.isHeadersSupported();
    }

    FramePort port() {
        return port;
    }

    @Override
    public void write(byte[] frames, int from, int to) throws IOException {
        port.writeFrames(frames, from, to);
    }

    @Override
    public String begin() throws InterruptedException {
        refusals.hasMoved(connection, errors());
        refusals.read();
        return refusals.fatal();
    }

    /**
     * PONG means that the server has parsed everything before the PING; but jnats' flush also returns as if it had been
     * answered when there was no connection to ask. There is one now, and its port is still this one: then there was one
     * all the time, because a port is closed for good, and a new one opens before its connection counts as connected.
     */
    @Override
    public Verdict barrier() throws InterruptedException {
        while (!port.isClosed() && connection.getStatus() != Connection.Status.CONNECTED) {
            TimeUnit.MILLISECONDS.sleep(1); // the server is about to let us in, or not
        }
        if (port.isClosed()) {
            return Verdict.IN_DOUBT; // a flush would wait for the next connection
        }
        try {
            connection.flush(BARRIER_LIMIT);
        } catch (TimeoutException | RuntimeException e) { // jnats throws several kinds when a connection ends meanwhile
            return Verdict.IN_DOUBT;
        }
        if (connection.getStatus() != Connection.Status.CONNECTED || port.isClosed()) {
            return Verdict.IN_DOUBT;
        }
        if (!refusals.hasMoved(connection, errors())) {
            return Verdict.PASSED;
        }
        refusals.read();
        return refusals.other() != null ? Verdict.REFUSED : Verdict.DENIED;
    }

    private long errors() {
        return connection.getStatistics().getErrs();
    }

    @Override
    public List<String> denied() {
        return refusals.denied();
    }

    @Override
    public void cut() {
        try {
            port.forceClose();
        } catch (IOException e) {
            // It is closed all the same.
        }
    }

    @Override
    public long maxPayload() {
        return maxPayload;
    }

    @Override
    public boolean takesHeaders() {
        return headers;
    }
}
