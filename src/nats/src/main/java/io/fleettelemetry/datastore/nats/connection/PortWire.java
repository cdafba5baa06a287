package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.jnats.port.FramePort;
import io.fleettelemetry.jnats.port.Refusals;
import io.nats.client.api.ServerInfo;
import java.io.IOException;
import java.util.Locale;
import java.util.regex.Pattern;

/** A {@link FramePort} and the jnats connection that it carries. */
final class PortWire implements Wire {

    /** Errors that a frame may have caused, unlike a lost password or a shutdown of the server. */
    private static final Pattern FRAME = Pattern.compile("protocol|control line|maximum payload|invalid|parse");

    private final FramePort port;
    private final String fatalBefore;
    private final boolean headers;
    /** Number of barriers with a verdict. Used only by the thread that asks for verdicts. */
    private long verdictsGiven;
    /** Used by the writer only. */
    private int kept;

    /** @param before the previous wire, which has ended; null if there was none */
    PortWire(FramePort port, PortWire before) {
        this.port = port;
        this.fatalBefore = before == null ? null : before.fatal();
        ServerInfo info = port.connection().getServerInfo();
        this.headers = info.isHeadersSupported();
    }

    private String fatal() {
        String error = port.lastError();
        return FRAME.matcher(error.toLowerCase(Locale.ROOT)).find() ? error : null;
    }

    FramePort port() {
        return port;
    }

    @Override
    public void write(byte[] frames, int from, int to) throws IOException {
        port.writeFrames(frames, from, to);
    }

    @Override
    public void ping(Runnable answered) throws IOException {
        port.ping(answered);
    }

    @Override
    public boolean answerEach() throws IOException {
        return port.answerEach();
    }

    @Override
    public long taken() {
        return port.framesTaken();
    }

    @Override
    public void mayKeep(int bytes) {
        if (bytes != kept) {
            kept = bytes;
            port.setSendBuffer(bytes);
        }
    }

    /** A PONG means that the server has parsed everything before the PING. The port knows the PING of each PONG. */
    @Override
    public Verdict verdict() {
        boolean closed = port.isClosed(); // first, so that an answer before the end counts
        if (port.answers() > verdictsGiven) {
            verdictsGiven++;
            return Verdict.PASSED;
        }
        return closed ? Verdict.IN_DOUBT : Verdict.PENDING;
    }

    @Override
    public Refusals refused() {
        return port.refused();
    }

    @Override
    public String fatalBefore() {
        return fatalBefore;
    }

    @Override
    public void cut() {
        try {
            port.forceClose();
        } catch (IOException e) {
            // The port is closed anyway.
        }
    }

    @Override
    public long maxPayload() {
        long max = port.connection().getServerInfo().getMaxPayload(); // the server may announce a new limit at any time
        return max > 0 ? max : Long.MAX_VALUE; // or announce none
    }

    @Override
    public boolean takesHeaders() {
        return headers;
    }
}
