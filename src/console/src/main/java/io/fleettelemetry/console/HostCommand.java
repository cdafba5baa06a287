package io.fleettelemetry.console;

import io.fleettelemetry.host.TelemetryHost;
import org.apache.karaf.shell.api.action.lifecycle.Reference;

/** A command that asks the host. */
abstract class HostCommand extends TelemetryCommand {

    private static final String NO_HOST = "There is no telemetry host: no bundle offers the service "
            + TelemetryHost.class.getName() + "; look at bundle:list";

    // Optional, so that the commands are there, and say what is missing, while the host is not.
    @Reference(optional = true)
    TelemetryHost host;

    @Override
    final String obstacle() {
        return host == null ? NO_HOST : "";
    }
}
