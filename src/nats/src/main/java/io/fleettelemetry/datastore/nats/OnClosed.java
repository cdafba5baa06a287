package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.settings.SettingsReader;

/** What is done when jnats gives a connection up for good, which it does when its credentials cease to be accepted. */
enum OnClosed {
    /** The service goes until there is a connection again. */
    WITHDRAW,
    /** The framework is stopped and the process ends, for a supervisor to start it again. */
    HALT;

    static final String KEY = "on.closed";

    static OnClosed parse(SettingsReader reader) {
        String text = reader.text(KEY, "withdraw");
        for (OnClosed choice : values()) {
            if (choice.name().equalsIgnoreCase(text)) {
                return choice;
            }
        }
        reader.refuse(
                KEY,
                "must be withdraw (the service goes until there is a connection again) or halt (the process ends)");
        return WITHDRAW;
    }
}
