package io.fleettelemetry.console;

import io.fleettelemetry.host.TelemetryHost;
import org.apache.karaf.shell.api.action.lifecycle.Reference;
import org.osgi.framework.BundleContext;

/** A command that asks the host. */
abstract class HostCommand extends TelemetryCommand {

    private static final String NO_HOST = "There is no telemetry host: no bundle offers the service "
            + TelemetryHost.class.getName() + "; look at bundle:list";

    @Reference
    BundleContext bundle;

    /** Null if there is none. Belongs to one run of the command, for which Karaf makes an object of its own. */
    TelemetryHost host;

    @Override
    final String obstacle() {
        host = host == null ? find(bundle) : host;
        return host == null ? NO_HOST : "";
    }

    /**
     * The host, or null if there is none. Each command looks it up: if commands had a reference to it, Karaf would register
     * them anew whenever the host comes or goes, and may do so in the wrong order, after which they never see the host.
     */
    static TelemetryHost find(BundleContext bundle) {
        var reference = bundle.getServiceReference(TelemetryHost.class);
        if (reference == null) {
            return null;
        }
        TelemetryHost host = bundle.getService(reference);
        bundle.ungetService(reference); // the host lives as long as its bundle, used or not
        return host;
    }
}
