package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;

/** Gets the events of a connection. */
interface ConnectionWatcher {

    /** An event. On jnats' thread for callbacks. */
    void happened(Connection source, Events event);

    /**
     * The server has sent {@code -ERR}. On jnats' thread for callbacks.
     *
     * @param error the server's words
     * @param shown the same, with the server's name if it is an advertised server
     */
    void serverError(String error, String shown);

    /**
     * jnats has reported an exception. On jnats' thread for callbacks.
     *
     * @param error its description
     * @param unexpected whether it is not an exception that links or servers cause
     */
    void exception(String error, boolean unexpected);

    /** A port has written its CONNECT. On a thread of jnats, which must not be blocked. */
    default void begun(FramePort port) {}

    /** A port is open for frames. On a thread of jnats, which must not be blocked. */
    default void opened(FramePort port) {}

    /** A port is being closed. On any thread, which must not be blocked. */
    default void closed(FramePort port) {}
}
