package io.fleettelemetry.datastore.nats;

import io.nats.client.Connection;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * What a running datastore lends to who wants to read its records along: the way to its server, with its credentials.
 * Public for the commands of this bundle, and in no package that others see.
 */
public interface Feed {

    /** The subject of all of its records: {@code <namespace>.>}. */
    String subject();

    /**
     * Connects as the datastore does, beside it.
     *
     * @param errors is told what is wrong with the connection afterwards, by a thread of jnats
     * @return the connection, which the caller closes; jnats makes it anew when it breaks
     * @throws IOException if no server can be used; the message names them, and the reason
     */
    Connection connect(Consumer<String> errors) throws IOException, InterruptedException;
}
