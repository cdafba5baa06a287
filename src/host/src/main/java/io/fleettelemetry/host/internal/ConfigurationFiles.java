package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.PlainText;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.cm.ConfigurationEvent;
import org.osgi.service.cm.ConfigurationListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports surprising states of our files in {@code etc/}: a copy of a file of which there can be only one, and a
 * datastore's file without a name, which both have no effect; and a configuration whose file was deleted while Karaf
 * was stopped, which Config Admin still has. Thread-safe.
 */
final class ConfigurationFiles implements ConfigurationListener {

    private static final Logger log = LoggerFactory.getLogger(ConfigurationFiles.class);

    private static final String OURS = "(" + ConfigurationAdmin.SERVICE_FACTORYPID + "=io.fleettelemetry.*)";
    private static final String OURS_TOO = "(service.pid=io.fleettelemetry.*)";
    /** The PIDs with exactly one configuration. All our other configurations belong to factories. */
    private static final Set<String> SINGLE =
            Set.of(HostConfiguration.PID, "io.fleettelemetry.datastore.logger", "io.fleettelemetry.airbrake");

    private static final Set<String> NAMED = Set.of("io.fleettelemetry.datastore.nats");

    private final ConfigurationAdmin admin;
    /** The problems that were logged; guarded by this. */
    private List<String> named = List.of();

    ConfigurationFiles(ConfigurationAdmin admin) {
        this.admin = admin;
    }

    @Override
    public void configurationEvent(ConfigurationEvent event) {
        if (event.getPid().startsWith("io.fleettelemetry.")) {
            look();
        }
    }

    /** Logs the problems that are new since the last call. */
    synchronized void look() {
        List<String> now = problems();
        now.stream()
                .filter(problem -> !named.contains(problem))
                .forEach(problem -> log.warn("configuration_file_problem reason=\"{}\"", PlainText.of(problem)));
        named = now;
    }

    /** One sentence for each problem, with the way out; sorted. */
    List<String> problems() {
        List<String> problems = new ArrayList<>();
        try {
            Configuration[] ours = admin.listConfigurations("(|" + OURS + OURS_TOO + ")");
            for (Configuration each : ours == null ? new Configuration[0] : ours) {
                String problem = problem(each);
                if (problem != null) {
                    problems.add(problem);
                }
            }
        } catch (IOException | InvalidSyntaxException | IllegalStateException e) {
            // Config Admin is stopping. Problems are reported when it is back.
        }
        Collections.sort(problems);
        return problems;
    }

    private static String problem(Configuration configuration) {
        try {
            String pid = configuration.getPid();
            String factory = configuration.getFactoryPid();
            Path file = file(configuration.getProperties().get("felix.fileinstall.filename"));
            String name = file == null ? pid : String.valueOf(file.getFileName());
            if (factory != null && SINGLE.contains(factory)) {
                return name + " has no effect: " + factory + ".cfg is in force; delete this copy, or keep it elsewhere";
            }
            if (NAMED.contains(pid)) {
                return name + " has no effect: the file of a datastore needs a name, such as " + pid
                        + "-default.cfg; rename it";
            }
            if (file != null && Files.notExists(file)) {
                return "the file " + file + " is missing, but " + pid + " is still in force: restore the file, or"
                        + " remove the configuration with config:delete " + pid;
            }
        } catch (IllegalStateException e) {
            // The configuration was deleted at this moment.
        }
        return null;
    }

    /** The file of a configuration; null if it has none, or if its URL is not a file of this machine. */
    private static Path file(Object url) {
        try {
            return url == null ? null : Path.of(URI.create(url.toString()));
        } catch (RuntimeException e) { // several kinds, which all mean that this is not a path
            return null;
        }
    }
}
