package io.fleettelemetry.jnats.port;

import io.nats.client.ConnectionListener;
import java.io.IOException;
import javax.net.ssl.SSLContext;

/**
 * The user of the {@link FramePort}s of a connection. It is the connection listener of the connection's options,
 * because jnats makes the ports and offers them no other way to reach their user. Threads of jnats call it; it must not
 * block.
 */
public interface PortOwner extends ConnectionListener {

    /**
     * Returns the keys and the trusted certificates for one TLS handshake. Called before each handshake, so that
     * certificates can be replaced between two attempts to connect.
     *
     * @return a new context for every handshake, because a resumed session would not verify a certificate
     * @throws IOException if the context cannot be made, with the reason
     */
    SSLContext tls() throws IOException;

    /**
     * Returns the host that the server's certificate must be for. The thread that connects calls it once for each port.
     *
     * @return the host; null if it is the one that the port connects to
     */
    default String certifiedName() {
        return null;
    }

    /**
     * TLS has failed, in the handshake or after it. With TLS 1.3 the server verifies the client's certificate only
     * after the handshake, and jnats does not report what it reads while it connects.
     *
     * @param reason one sentence that names the server
     */
    void tlsFailed(String reason);

    /** The port has written CONNECT. Must not call the port. */
    default void begun(FramePort port) {}

    /**
     * The port is open for frames: the server has answered the messages with which jnats connected, and has sent its
     * limits for this user.
     */
    default void opened(FramePort port) {}

    /**
     * The port is being closed and carries no more bytes. Called for ports that never opened as well; may be called
     * twice.
     */
    default void closed(FramePort port) {}
}
