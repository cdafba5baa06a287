package io.fleettelemetry.datastore.nats.settings;

import java.util.Locale;

/** What is done when jnats gives a connection up for good, which it does when its credentials cease to be accepted. */
public enum OnClosed {
    /** The service goes until there is a connection again. */
    WITHDRAW,
    /** The framework is stopped and the process ends, for a supervisor to start it again. */
    HALT;

    static OnClosed of(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }
}
