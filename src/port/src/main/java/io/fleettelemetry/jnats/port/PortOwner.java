package io.fleettelemetry.jnats.port;

import io.nats.client.ConnectionListener;
import java.io.IOException;
import javax.net.ssl.SSLContext;

/**
 * Whom the {@link FramePort}s of a connection ask and tell: the connection listener of its options, which is the one way
 * from a port, that jnats makes, to its user. Called by threads of jnats; must not block.
 */
public interface PortOwner extends ConnectionListener {

    /**
     * The keys and the trust for one TLS handshake. Asked before each, so that certificates can be replaced while a
     * connection is being made anew.
     *
     * @return a context of its own for every handshake: a resumed session would check no certificate
     * @throws IOException if there is none to be had, with the reason
     */
    SSLContext tls() throws IOException;

    /**
     * The host that the certificate of the server must be for to which a port is about to connect. Asked once, by the thread
     * that connects.
     *
     * @return null if it is the one that the port connects to
     */
    default String certifiedName() {
        return null;
    }

    /**
     * TLS has failed, in the handshake or behind it: under TLS 1.3 a server judges a client's certificate only then, and
     * jnats says nothing of what it reads while it is connecting.
     *
     * @param reason one sentence that names the server
     */
    void tlsFailed(String reason);

    /** The port's CONNECT has been written. Must not call the port. */
    default void begun(FramePort port) {}

    /**
     * The port is open for frames: the server has answered what jnats sent when it connected, and has told its limits for
     * this user.
     */
    default void opened(FramePort port) {}

    /** The port is being closed: nothing more goes through it. Also for ports that never opened; may come twice. */
    default void closed(FramePort port) {}
}
