package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;

/** Is told what happens to a connection. */
interface ConnectionWatcher {

    /** An event, by jnats' thread for callbacks. */
    void happened(Connection source, Events event);

    /** Something is wrong: what the server said, or an exception's text. By jnats' thread for callbacks. */
    void wrong(String error);

    /** The server has answered {@code -ERR}. Before {@link #wrong}, by the same thread. */
    default void refused(String error) {}

    /** A port has written its CONNECT. By a thread of jnats, which must not be kept. */
    default void begun(FramePort port) {}

    /** A port is open for frames. By a thread of jnats, which must not be kept. */
    default void opened(FramePort port) {}

    /** A port is being closed. By any thread, which must not be kept. */
    default void closed(FramePort port) {}
}
