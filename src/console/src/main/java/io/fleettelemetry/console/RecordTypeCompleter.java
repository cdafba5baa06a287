package io.fleettelemetry.console;

import io.fleettelemetry.host.TelemetryHost;
import java.util.List;
import java.util.TreeSet;
import org.apache.karaf.shell.api.action.lifecycle.Reference;
import org.apache.karaf.shell.api.action.lifecycle.Service;
import org.apache.karaf.shell.api.console.CommandLine;
import org.apache.karaf.shell.api.console.Completer;
import org.apache.karaf.shell.api.console.Session;
import org.apache.karaf.shell.support.completers.StringsCompleter;
import org.osgi.framework.BundleContext;

/** Completes record types: the types that vehicles send, and the types with a route. */
@Service
public final class RecordTypeCompleter implements Completer {

    @Reference
    BundleContext bundle;

    @Override
    public int complete(Session session, CommandLine commandLine, List<String> candidates) {
        TreeSet<String> types = new TreeSet<>(SimulatedFleet.RECORD_TYPES);
        TelemetryHost host = HostCommand.find(bundle);
        if (host != null) {
            types.addAll(host.status().routes().keySet());
        }
        return new StringsCompleter(types).complete(session, commandLine, candidates);
    }
}
