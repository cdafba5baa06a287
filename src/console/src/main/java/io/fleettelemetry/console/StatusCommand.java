package io.fleettelemetry.console;

import io.fleettelemetry.host.HostStatus;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.karaf.shell.api.action.Command;
import org.apache.karaf.shell.api.action.lifecycle.Service;

/** Shows the state of the host and its datastores. */
@Service
@Command(scope = "telemetry", name = "status", description = "Shows routes, datastores and problems")
public final class StatusCommand extends HostCommand {

    @Override
    String usage() {
        return "telemetry:status [--json]";
    }

    @Override
    Answer answer() {
        HostStatus status = host.status();
        return Answer.done(facts(status), text(status));
    }

    private static Map<String, ?> facts(HostStatus status) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("routes", new TreeMap<>(status.routes()));
        facts.put("reliable_ack_sources", new TreeMap<>(status.reliableAckSources()));
        facts.put("problems", status.problems());
        facts.put("metrics_address", status.metricsAddress());
        facts.put(
                "datastores",
                status.datastores().stream().map(StatusCommand::facts).toList());
        return facts;
    }

    private static Map<String, ?> facts(HostStatus.Datastore datastore) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("name", datastore.name());
        facts.put("present", datastore.present());
        facts.put("routed", datastore.routed());
        facts.put("state", datastore.status().state().name());
        facts.put("summary", datastore.status().summary());
        facts.put("details", datastore.status().details());
        facts.put("offered", datastore.offered());
        facts.put("confirmed", datastore.confirmed());
        facts.put("failed", datastore.failed());
        facts.put("held_records", datastore.heldRecords());
        facts.put("held_bytes", datastore.heldBytes());
        return facts;
    }

    private static List<String> text(HostStatus status) {
        List<String> text = new ArrayList<>();
        text.add("Routes");
        new TreeMap<>(status.routes()).forEach((type, datastores) -> {
            String source = status.reliableAckSources().get(type);
            text.add(line(
                    type, String.join(", ", datastores) + (source == null ? "" : " (reliable ack: " + source + ")")));
        });
        if (status.routes().isEmpty()) {
            text.add("  none: every record fails");
        }
        for (HostStatus.Datastore datastore : status.datastores()) {
            text.add("Datastore " + datastore.name() + (datastore.routed() ? "" : " (no route)"));
            text.add(line("state", datastore.status().state() + (datastore.present() ? "" : " (absent)")));
            text.add(line("summary", datastore.status().summary()));
            datastore.status().details().forEach((name, value) -> text.add(line(name, value)));
            text.add(line("offered", datastore.offered()));
            text.add(line("confirmed", datastore.confirmed()));
            text.add(line("failed", datastore.failed()));
            text.add(line("held", datastore.heldRecords() + " records, " + datastore.heldBytes() + " bytes"));
        }
        text.add("Metrics");
        text.add(
                "  " + (status.metricsAddress().isEmpty() ? "none" : "http://" + status.metricsAddress() + "/metrics"));
        text.add("Problems");
        if (status.problems().isEmpty()) {
            text.add("  none");
        }
        status.problems().forEach(problem -> text.add("  " + problem));
        return text;
    }

    private static String line(String name, Object value) {
        return String.format("  %-24s  %s", name, value);
    }
}
