package io.fleettelemetry.console;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.settings.Namespace;
import io.fleettelemetry.api.settings.NatsUrls;
import io.fleettelemetry.api.settings.SettingsException;
import io.fleettelemetry.api.settings.SettingsReader;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Translates the Go server's configuration: into settings for our {@code .cfg} files, and into reasons why the rest has
 * no counterpart here.
 *
 * <p>Settings that the file does not have stay as they are here. Only the routes, and the sources of reliable acks that
 * refer to them, are replaced as a whole. At least one route must be left.
 */
final class GoImport {

    static final String NATS = "io.fleettelemetry.datastore.nats-default.cfg";
    static final String HOST = "io.fleettelemetry.host.cfg";
    static final String LOGGER = "io.fleettelemetry.datastore.logger.cfg";
    static final String AIRBRAKE = "io.fleettelemetry.airbrake.cfg";

    /** The files in the order in which they are written: a route comes after its datastore. */
    static final List<String> FILES = List.of(NATS, LOGGER, AIRBRAKE, HOST);

    private static final String ROUTES = "records.";
    private static final String ACK_SOURCES = "reliable_ack_sources.";
    private static final String KEY_VARIABLE = "AIRBRAKE_PROJECT_KEY";

    /** The dispatchers of the Go server that exist here, by the same names. */
    private static final Set<String> DATASTORES = Set.of("nats", "logger");

    private static final Set<String> DISPATCHERS =
            Set.of("nats", "logger", "kafka", "kinesis", "pubsub", "zmq", "mqtt", "redis");
    private static final int MAX_TRACKED_VINS = 20;

    private final GoConfig config;
    private final List<ImportedSetting> settings = new ArrayList<>();
    private final Map<String, String> withoutCounterpart;
    private final List<String> notes = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();

    /**
     * Translates a file.
     *
     * @param config the file
     * @param variables the environment of Karaf's process
     * @throws GoConfig.Wrong if the Go server would not start with the file, or we could not
     */
    GoImport(GoConfig config, Map<String, String> variables) throws GoConfig.Wrong {
        this.config = config;
        this.withoutCounterpart = new LinkedHashMap<>(config.withoutCounterpart());
        namespace();
        nats();
        logger();
        airbrake(variables);
        routes();
        reliableAckSources();
        monitoring();
        trackedVins();
        if (!problems.isEmpty()) {
            throw new GoConfig.Wrong(problems);
        }
    }

    private void take(String from, String file, String key, String value) {
        if (value.isBlank()) {
            return; // to the Go server this means absent
        }
        if (value.contains("${") || value.contains("$[")) {
            refuse(from, key, value, "contains ${ or $[, which Karaf would replace; use another value");
        }
        settings.add(new ImportedSetting(from, file, key, value.strip()));
    }

    private void refuse(String from, String value, String reason) {
        refuse(from, "", value, reason);
    }

    /** @param key the key in the .cfg file, which decides whether the value may be shown */
    private void refuse(String from, String key, String value, String reason) {
        problems.add(from + " = \"" + Secret.masked(key, value) + "\": " + reason);
    }

    private void namespace() {
        String namespace = config.text("namespace");
        if (namespace.isEmpty()) {
            if (config.has("namespace") || routesTo("nats")) {
                notes.add("namespace: " + (config.has("namespace") ? "empty" : "not in the file")
                        + "; a NATS subject needs a namespace, so the one that is configured here stays");
            }
            return;
        }
        String problem = Namespace.problem(namespace);
        if (problem != null) {
            refuse("namespace", namespace, problem);
        }
        take("namespace", NATS, "namespace", namespace);
    }

    private void nats() {
        String url = config.text("nats.url");
        if (url.isBlank() && routesTo("nats")) {
            notes.add("nats.url: not in the file, so the server that is configured here stays");
        }
        SettingsReader reader = new SettingsReader(Map.of("url", url));
        NatsUrls.read(reader, "url", any -> true);
        try {
            reader.check();
        } catch (SettingsException e) {
            e.problems().forEach(problem -> problems.add("nats." + problem));
        }
        take("nats.url", NATS, "url", url);
        take("nats.name", NATS, "name", config.text("nats.name"));
    }

    private void logger() {
        take("logger.verbose", LOGGER, "verbose", config.scalar("logger.verbose"));
    }

    private void airbrake(Map<String, String> variables) {
        String host = config.text("airbrake.host");
        if (!host.isBlank()) {
            URI uri = uri(host.strip());
            if (uri == null
                    || uri.getHost() == null
                    || uri.getRawUserInfo() != null
                    || !Set.of("http", "https").contains(uri.getScheme())) {
                refuse("airbrake.host", "host", host, "must be a URL such as https://api.airbrake.io, without a user");
            }
        }
        String key = config.text("airbrake.project_key").strip();
        if (!key.chars().allMatch(c -> c > ' ' && c <= '~')) {
            refuse(
                    "airbrake.project_key",
                    ".project_key",
                    key,
                    "must not contain blanks, line breaks or characters outside ASCII");
        }
        String project = config.scalar("airbrake.project_id");
        if (project.startsWith("-")) {
            refuse("airbrake.project_id", project, "must be 0 or more");
        }
        take("airbrake.host", AIRBRAKE, "host", host);
        take("airbrake.project_id", AIRBRAKE, "project_id", project);
        take("airbrake.project_key", AIRBRAKE, ".project_key", key);
        take("airbrake.environment", AIRBRAKE, "environment", config.text("airbrake.environment"));
        if (!key.isEmpty()) {
            notes.add("airbrake.project_key: the environment variable " + KEY_VARIABLE
                    + ", if it is set for Karaf, replaces the key"
                    + (variables.containsKey(KEY_VARIABLE) ? "; it is set now" : ""));
        } else if (!project.isEmpty() && !project.equals("0") && !variables.containsKey(KEY_VARIABLE)) {
            notes.add("airbrake.project_key: not in the file; without .project_key in etc/" + AIRBRAKE
                    + " or the environment variable " + KEY_VARIABLE + " nothing is reported");
        }
    }

    private void monitoring() {
        String port = config.scalar("monitoring.prometheus_metrics_port");
        if (!port.isEmpty() && (Long.parseLong(port) < 0 || Long.parseLong(port) > 65_535)) {
            refuse("monitoring.prometheus_metrics_port", port, "must be a port from 0 (none) to 65535");
        }
        take("monitoring.prometheus_metrics_port", HOST, "prometheus_metrics_port", port);
        if (!port.isEmpty()
                && !port.equals("0")
                && config.text("monitoring.prometheus_metrics_host").isBlank()) {
            notes.add("monitoring.prometheus_metrics_port: the Go server listens on every address; here the address is"
                    + " prometheus_metrics_host of " + HOST + ", by default 127.0.0.1; set 0.0.0.0 for every address");
        }
        take(
                "monitoring.prometheus_metrics_host",
                HOST,
                "prometheus_metrics_host",
                config.text("monitoring.prometheus_metrics_host"));
    }

    private void trackedVins() {
        long vins =
                config.list("vins_signal_tracking_enabled").stream().distinct().count();
        if (vins > MAX_TRACKED_VINS) {
            problems.add("vins_signal_tracking_enabled: names " + vins + " VINs; the Go server takes "
                    + MAX_TRACKED_VINS + " and does not start with more");
        }
    }

    private static URI uri(String text) {
        try {
            return new URI(text);
        } catch (URISyntaxException e) {
            return null;
        }
    }

    private boolean routesTo(String dispatcher) {
        return config.namesIn("records").stream()
                .anyMatch(type -> config.list(ROUTES + type).contains(dispatcher));
    }

    /** Whether the file has routes: then our routes and sources of reliable acks are replaced as a whole. */
    boolean hasRoutes() {
        return config.has("records");
    }

    private void routes() {
        if (!hasRoutes()) {
            notes.add(
                    "records: not in the file; for the Go server this means no routes, but the routes that are configured here stay");
            return;
        }
        int before = problems.size();
        List<String> types = config.namesIn("records");
        types.forEach(type -> route(type, config.list(ROUTES + type)));
        if (problems.size() == before
                && settings.stream().noneMatch(setting -> setting.key().startsWith(ROUTES))) {
            refuseToLeaveNoRoute(types);
        }
    }

    /** Refuses a file without routes. The Go server starts with it, but here every record would fail. */
    private void refuseToLeaveNoRoute(List<String> types) {
        String only = types.stream()
                .flatMap(type -> config.list(ROUTES + type).stream())
                .distinct()
                .collect(Collectors.joining(", "));
        problems.add("records: has no route" + (only.isEmpty() ? "" : " to a datastore that is here, only to " + only)
                + "; add one to nats or logger, such as \"V\": [\"nats\"], or remove records to keep the routes that are"
                + " configured here");
    }

    private void route(String type, List<String> dispatchers) {
        String from = ROUTES + type;
        String flaw = Token.flaw(type);
        if (flaw != null) {
            problems.add(from + ": the record type \"" + type + "\" " + flaw
                    + "; remove it, because it cannot be part of a subject");
        }
        if (dispatchers.isEmpty()) {
            problems.add(from + " = []: names no datastore (unknown_dispatch_rule); name one, or remove the key");
            return;
        }
        Set<String> kept = new LinkedHashSet<>();
        for (String dispatcher : dispatchers) {
            if (!DATASTORES.contains(dispatcher)) {
                leaveOut(from, dispatcher);
            } else if (!kept.add(dispatcher)) {
                notes.add(from + ": " + dispatcher + " is named twice; here a datastore gets a record once");
            }
        }
        if (kept.isEmpty()) {
            notes.add(
                    from + ": no datastore is left, so the route is left out, and records of this type fail; to publish"
                            + " them to NATS, add " + from + " = nats to etc/" + HOST);
        } else {
            take(from, HOST, from, String.join(",", kept));
        }
    }

    private void leaveOut(String from, String dispatcher) {
        withoutCounterpart.put(
                from + ": " + dispatcher,
                DISPATCHERS.contains(dispatcher)
                        ? "there is no such datastore here"
                        : "there is no such datastore here, nor in the Go server, which would drop the vehicle's connection");
    }

    /** Checks the Go server's four rules, in its order, and reports the first that is broken. */
    private void reliableAckSources() {
        for (String type : config.namesIn("reliable_ack_sources")) {
            String from = ACK_SOURCES + type;
            String source = config.text(from);
            List<String> valid = config.list(ROUTES + type).stream()
                    .filter(dispatcher -> !dispatcher.equals("logger"))
                    .toList();
            if (type.equals("connectivity")) {
                refuse(from, source, "records of type connectivity need no reliable ack; remove the key");
            } else if (source.equals("logger")) {
                refuse(from, source, "the logger cannot be a source of reliable acks; name another, or remove the key");
            } else if (!config.has(ROUTES + type)) {
                refuse(from, source, "there is no records." + type + "; add it, or remove the key");
            } else if (!valid.contains(source)) {
                refuse(
                        from,
                        source,
                        "records." + type + " does not route to it; valid: "
                                + (valid.isEmpty() ? "none" : String.join(", ", valid)));
            } else if (DATASTORES.contains(source)) {
                take(from, HOST, from, source);
            } else {
                leaveOut(from, source);
                notes.add(from + ": is left out, so records of type " + type + " get no reliable acks");
            }
        }
    }

    /** The settings that are taken over. */
    List<ImportedSetting> settings() {
        return settings;
    }

    /** The reasons of settings without a counterpart here, by key. */
    Map<String, String> withoutCounterpart() {
        return withoutCounterpart;
    }

    /** The keys that the Go server does not know either. */
    List<String> unknown() {
        return config.unknown();
    }

    /** Further notes for the operator, one sentence each. */
    List<String> notes() {
        return notes;
    }

    /**
     * Changes the text of one of our files.
     *
     * @param file one of {@link #FILES}
     */
    void applyTo(String file, CfgText text) {
        List<ImportedSetting> here =
                settings.stream().filter(setting -> setting.file().equals(file)).toList();
        if (file.equals(HOST) && hasRoutes()) {
            for (String family : List.of(ROUTES, ACK_SOURCES)) {
                text.removeFamily(
                        family,
                        key -> here.stream().anyMatch(setting -> setting.key().equals(key)));
            }
        }
        here.forEach(setting -> text.set(setting.key(), setting.value()));
    }
}
