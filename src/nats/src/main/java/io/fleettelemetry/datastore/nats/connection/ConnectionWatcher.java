package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;

/** Is told what happens to a connection. */
interface ConnectionWatcher {

    /** An event, by jnats' thread for callbacks. */
    void happened(Connection source, Events event);

    /**
     * The server has answered {@code -ERR}. By jnats' thread for callbacks.
     *
     * @param error its words
     * @param shown the same, with the server's name if it is one that others of its cluster have named
     */
    void serverError(String error, String shown);

    /**
     * jnats has met an exception. By jnats' thread for callbacks.
     *
     * @param error what it says
     * @param unexpected whether neither a link nor a server makes such exceptions
     */
    void exception(String error, boolean unexpected);

    /** A port has written its CONNECT. By a thread of jnats, which must not be kept. */
    default void begun(FramePort port) {}

    /** A port is open for frames. By a thread of jnats, which must not be kept. */
    default void opened(FramePort port) {}

    /** A port is being closed. By any thread, which must not be kept. */
    default void closed(FramePort port) {}
}
