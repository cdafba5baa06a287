package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.journal.Wire;

/** Is told of the wires of sessions, by threads that must not be kept. */
public interface Wires {

    /** Frames may go out, and will be answered; but the server may still refuse the credentials, see {@link #connected}. */
    void opened(Session session, Wire wire);

    void closed(Session session, Wire wire);

    /** There is a connection, but nothing can be stored by it. Until {@link #opened}. */
    void unusable(Session session, String why);

    /** The server has let the session in. */
    void connected(Session session);

    /**
     * jnats has closed the connection, although nobody asked for it; the session goes on to connect anew.
     *
     * @param cause the server's words, if it said anything
     */
    void lost(Session session, String cause);

    /** The server is about to shut down, and asks its clients to go elsewhere. */
    void leaving(Session session);
}
