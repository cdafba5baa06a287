package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Token;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The host's configuration, checked and complete.
 *
 * @param routes datastore names by record type, in the order of dispatch, none empty
 * @param reliableAckSources by record type, one of the datastores of its route
 * @param metricsHost address that the metrics endpoint binds
 * @param metricsPort its port; 0 for no endpoint
 * @param holdMaxBytes what may be held for one datastore, payloads and 128 bytes for each record
 * @param holdMax how long a record may be held
 * @param dispatchWait how long an offer waits for room in a full hold
 */
record HostSettings(
        Map<String, List<String>> routes,
        Map<String, String> reliableAckSources,
        String metricsHost,
        int metricsPort,
        long holdMaxBytes,
        Duration holdMax,
        Duration dispatchWait) {

    /** What holds until a configuration arrives: no route, no endpoint. */
    static final HostSettings DEFAULTS = new HostSettings(
            Map.of(), Map.of(), "127.0.0.1", 0, 16_777_216, Duration.ofMillis(10_000), Duration.ofMillis(1_000));

    private static final String ROUTE = "records.";
    private static final String ACK_SOURCE = "reliable_ack_sources.";
    private static final Set<String> SINGLE_KEYS = Set.of(
            "prometheus_metrics_port", "prometheus_metrics_host", "hold.max.bytes", "hold.max.ms", "dispatch.wait.ms");

    /** A configuration that was refused: one sentence a problem, each naming the key, the value and the reason. */
    static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;
        private final transient List<String> problems;

        RefusedException(List<String> problems) {
            super(String.join("; ", problems));
            this.problems = List.copyOf(problems);
        }

        List<String> problems() {
            return problems;
        }
    }

    /**
     * Reads a Config Admin dictionary; keys that are not the host's are left alone.
     *
     * @throws RefusedException with every problem, if there is one
     */
    static HostSettings parse(Map<String, ?> properties) throws RefusedException {
        Parser parser = new Parser(properties);
        Map<String, List<String>> routes = parser.routes();
        HostSettings settings = new HostSettings(
                routes,
                parser.reliableAckSources(routes),
                parser.text("prometheus_metrics_host", DEFAULTS.metricsHost),
                (int) parser.number("prometheus_metrics_port", DEFAULTS.metricsPort, 0, 65_535),
                parser.number("hold.max.bytes", DEFAULTS.holdMaxBytes, 0, Long.MAX_VALUE),
                parser.millis("hold.max.ms", DEFAULTS.holdMax),
                parser.millis("dispatch.wait.ms", DEFAULTS.dispatchWait));
        if (!parser.problems.isEmpty()) {
            throw new RefusedException(parser.problems);
        }
        return settings;
    }

    /** The keys among these that look like the host's own but are not: mistyped ones, most likely. */
    static List<String> unknownKeys(Map<String, ?> properties) {
        return properties.keySet().stream()
                .filter(key -> !key.startsWith(ROUTE) && !key.startsWith(ACK_SOURCE) && !SINGLE_KEYS.contains(key))
                .filter(key -> Stream.of("service.", "component.", "felix.", "org.apache.", "osgi.", ".")
                        .noneMatch(key::startsWith))
                .sorted()
                .toList();
    }

    private static final class Parser {
        private final Map<String, ?> properties;
        private final List<String> problems = new ArrayList<>();

        Parser(Map<String, ?> properties) {
            this.properties = properties;
        }

        Map<String, List<String>> routes() {
            Map<String, List<String>> routes = new TreeMap<>();
            for (String key : keysUnder(ROUTE)) {
                List<String> names = names(key);
                Set<String> distinct = new LinkedHashSet<>(names);
                if (names.isEmpty()) {
                    problem(key, "names no datastore; give one or more, separated by commas, or remove the line");
                } else if (distinct.size() < names.size()) {
                    problem(key, "names a datastore twice");
                }
                for (String name : distinct) {
                    String flaw = Token.flaw(name);
                    if (flaw != null) {
                        problem(key, "the datastore name '" + name + "' " + flaw);
                    }
                }
                routes.put(key.substring(ROUTE.length()), List.copyOf(distinct));
            }
            return Map.copyOf(routes);
        }

        /** The Go server's four rules, in its order; the first that is broken is named. */
        Map<String, String> reliableAckSources(Map<String, List<String>> routes) {
            Map<String, String> sources = new TreeMap<>();
            for (String key : keysUnder(ACK_SOURCE)) {
                String type = key.substring(ACK_SOURCE.length());
                List<String> names = names(key);
                List<String> route = routes.get(type);
                if (names.size() != 1) {
                    problem(key, "must name exactly one datastore");
                } else if (type.equals("connectivity")) {
                    problem(key, "the record type connectivity needs no reliable ack");
                } else if (names.get(0).equals("logger")) {
                    problem(key, "the logger cannot be a source of reliable acks: a log line is no safe place");
                } else if (route == null) {
                    problem(key, "there is no records." + type + ", so no datastore could confirm such a record");
                } else if (!route.contains(names.get(0))) {
                    String valid =
                            route.stream().filter(n -> !n.equals("logger")).collect(Collectors.joining(", "));
                    problem(
                            key,
                            "records." + type + " does not route to it; valid: " + (valid.isEmpty() ? "none" : valid));
                } else {
                    sources.put(type, names.get(0));
                }
            }
            return Map.copyOf(sources);
        }

        private List<String> keysUnder(String prefix) {
            return properties.keySet().stream()
                    .filter(key -> key.startsWith(prefix) && key.length() > prefix.length())
                    .sorted()
                    .toList();
        }

        private List<String> names(String key) {
            return Arrays.stream(text(key, "").split(",", -1))
                    .map(String::strip)
                    .filter(name -> !name.isEmpty())
                    .toList();
        }

        /** The value as text; a list or an array, which typed configurations have, as if separated by commas. */
        String text(String key, String absent) {
            Object value = properties.get(key);
            if (value instanceof Object[] array) {
                value = Arrays.asList(array);
            }
            if (value instanceof Collection<?> list) {
                return list.stream().map(String::valueOf).collect(Collectors.joining(","));
            }
            return value == null || value.toString().isBlank()
                    ? absent
                    : value.toString().strip();
        }

        long number(String key, long absent, long min, long max) {
            String text = text(key, "");
            if (text.isEmpty()) {
                return absent;
            }
            try {
                long number = Long.parseLong(text);
                if (number >= min && number <= max) {
                    return number;
                }
            } catch (NumberFormatException e) {
                // said below, as for a number outside the range
            }
            problem(
                    key,
                    max == Long.MAX_VALUE
                            ? "must be a whole number, " + min + " or more"
                            : "must be a whole number from " + min + " to " + max);
            return absent;
        }

        Duration millis(String key, Duration absent) {
            return Duration.ofMillis(
                    number(key, absent.toMillis(), 0, Duration.ofDays(1).toMillis()));
        }

        private void problem(String key, String reason) {
            problems.add(key + " = " + text(key, "(empty)") + ": " + reason);
        }
    }
}
