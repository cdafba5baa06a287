package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.settings.SettingsException;
import io.fleettelemetry.api.settings.SettingsReader;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The host's configuration, checked and complete. Maps are sorted by record type.
 *
 * @param routes datastore names by record type, in the order of dispatch, none empty
 * @param reliableAckSources by record type, one of the datastores of its route
 * @param metricsHost address that the metrics endpoint binds
 * @param metricsPort its port; 0 for no endpoint
 * @param holdMaxBytes limit (bytes) on the records held for one datastore: payloads, plus 128 for each record
 * @param holdMax longest time that a record is held
 * @param dispatchWait longest time that an offer waits for room in a full hold
 */
record HostSettings(
        Map<String, List<String>> routes,
        Map<String, String> reliableAckSources,
        String metricsHost,
        int metricsPort,
        long holdMaxBytes,
        Duration holdMax,
        Duration dispatchWait) {

    /** The settings until a configuration arrives: no route, no endpoint. */
    static final HostSettings DEFAULTS = new HostSettings(
            Map.of(), Map.of(), "127.0.0.1", 0, 16_777_216, Duration.ofMillis(10_000), Duration.ofMillis(1_000));

    private static final String ROUTE = "records.";
    private static final String ACK_SOURCE = "reliable_ack_sources.";
    /** The known keys, and prefixes of known keys. */
    static final List<String> KNOWN_KEYS = List.of(
            ROUTE,
            ACK_SOURCE,
            "prometheus_metrics_port",
            "prometheus_metrics_host",
            "hold.max.bytes",
            "hold.max.ms",
            "dispatch.wait.ms");

    /**
     * Reads a Config Admin dictionary.
     *
     * @throws SettingsException with every problem, if there is one
     */
    static HostSettings parse(Map<String, ?> properties) {
        SettingsReader reader = new SettingsReader(properties);
        Map<String, List<String>> routes = routes(reader);
        HostSettings settings = new HostSettings(
                routes,
                reliableAckSources(reader, routes),
                reader.text("prometheus_metrics_host", DEFAULTS.metricsHost),
                (int) reader.number("prometheus_metrics_port", DEFAULTS.metricsPort, 0, 65_535),
                reader.number("hold.max.bytes", DEFAULTS.holdMaxBytes, 0, Long.MAX_VALUE),
                reader.millis("hold.max.ms", DEFAULTS.holdMax, Duration.ZERO),
                reader.millis("dispatch.wait.ms", DEFAULTS.dispatchWait, Duration.ZERO));
        reader.check();
        return settings;
    }

    /** The names of the datastores in all routes. */
    Set<String> datastores() {
        return routes.values().stream().flatMap(List::stream).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private static Map<String, List<String>> routes(SettingsReader reader) {
        Map<String, List<String>> routes = new TreeMap<>();
        for (String key : reader.keysUnder(ROUTE)) {
            List<String> names = reader.list(key);
            if (names.isEmpty()) {
                reader.refuse(key, "names no datastore; give one or more, separated by commas, or remove the line");
            } else if (Set.copyOf(names).size() < names.size()) {
                reader.refuse(key, "names a datastore twice");
            }
            for (String name : names) {
                String problem = Token.flaw(name);
                if (problem != null) {
                    reader.refuse(key, "the datastore name '" + name + "' " + problem);
                }
            }
            routes.put(key.substring(ROUTE.length()), names);
        }
        return Collections.unmodifiableMap(routes);
    }

    /** Checks the Go server's four rules, in its order, and reports the first that is broken. */
    private static Map<String, String> reliableAckSources(SettingsReader reader, Map<String, List<String>> routes) {
        Map<String, String> sources = new TreeMap<>();
        for (String key : reader.keysUnder(ACK_SOURCE)) {
            String type = key.substring(ACK_SOURCE.length());
            List<String> names = reader.list(key);
            List<String> route = routes.get(type);
            if (names.size() != 1) {
                reader.refuse(key, "must name exactly one datastore; remove the line for no reliable acks");
            } else if (type.equals("connectivity")) {
                reader.refuse(key, "records of type connectivity need no reliable ack");
            } else if (names.get(0).equals("logger")) {
                reader.refuse(key, "the logger cannot be a source of reliable acks: a line in the log is not safe");
            } else if (route == null) {
                reader.refuse(key, "there is no records." + type + ", so nothing could confirm such a record");
            } else if (!route.contains(names.get(0))) {
                String valid = route.stream().filter(n -> !n.equals("logger")).collect(Collectors.joining(", "));
                reader.refuse(
                        key, "records." + type + " does not route to it; valid: " + (valid.isEmpty() ? "none" : valid));
            } else {
                sources.put(type, names.get(0));
            }
        }
        return Collections.unmodifiableMap(sources);
    }
}
