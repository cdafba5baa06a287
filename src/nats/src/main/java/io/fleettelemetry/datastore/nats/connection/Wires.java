package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.journal.Wire;

/** Gets notifications about the wires of sessions, on threads that must not be blocked. */
public interface Wires {

    /**
     * Frames may go out and will be answered. But the server may still refuse the credentials: see {@link #connected}.
     */
    void opened(Session session, Wire wire);

    void closed(Session session, Wire wire);

    /** There is a connection, but nothing can be stored on it, until {@link #opened}. */
    void unusable(Session session, String why);

    /** The server has accepted the session. */
    void connected(Session session);

    /**
     * jnats has closed the connection unexpectedly. The session will connect anew.
     *
     * @param cause the server's words, if there are any
     */
    void lost(Session session, String cause);

    /** The server is about to shut down, and asks its clients to use other servers. */
    void leaving(Session session);
}
