package io.fleettelemetry.datastore.nats.settings;

import java.util.Locale;

/** The reaction when jnats gives a connection up for good, because the server no longer accepts its credentials. */
public enum OnClosed {
    /** The service is withdrawn until there is a connection again. */
    WITHDRAW,
    /** The framework stops and the process ends, so that a supervisor starts it again. */
    HALT;

    static OnClosed of(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
