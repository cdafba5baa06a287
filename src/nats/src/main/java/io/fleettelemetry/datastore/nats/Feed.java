package io.fleettelemetry.datastore.nats;

import io.nats.client.Connection;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * A running datastore for a reader of its records: it connects the reader to the datastore's server, with its
 * credentials. Public for the commands of this bundle, and in a package that other bundles do not see.
 */
public interface Feed {

    /** The subject of all of its records: {@code <namespace>.>}. */
    String subject();

    /**
     * Makes another connection like the datastore's own.
     *
     * @param errors gets later problems of the connection, on a thread of jnats
     * @return the connection, which the caller must close; jnats reconnects it when it breaks
     * @throws IOException if no server can be used; the message names the servers and the reason
     */
    Connection connect(Consumer<String> errors) throws IOException, InterruptedException;
}
