package io.fleettelemetry.testkit;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A cluster of nats-servers: {@code n1}, {@code n2} and so on, each connected to each other one. Every server can be
 * killed, paused and restarted like any other {@link NatsServer}.
 */
public final class NatsCluster implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int PROBE_MS = 2000;
    private static final Pattern ROUTE_TO = Pattern.compile("\"remote_id\": *\"([^\"]+)\"");

    private final List<NatsServer> servers = new ArrayList<>();
    /** The monitoring port of each server. */
    private final List<Integer> monitors = new ArrayList<>();

    private NatsCluster() {}

    /**
     * Starts a cluster. Returns when it is {@linkplain #awaitTogether complete}.
     *
     * @param size number of servers
     * @param config further lines for each of them, as for {@link NatsServer#start}
     * @throws IllegalStateException if a server does not start, or the cluster is not complete in time
     */
    public static NatsCluster start(int size, String... config) {
        var cluster = new NatsCluster();
        try {
            List<Integer> ports =
                    IntStream.range(0, size).map(i -> FreePort.next()).boxed().toList();
            String routes = ports.stream()
                    .map(port -> "\"nats://127.0.0.1:" + port + '"')
                    .collect(Collectors.joining(", ", "[", "]"));
            for (int port : ports) {
                int monitor = FreePort.next();
                var lines = new ArrayList<>(List.of(config));
                lines.add("server_name: n" + (cluster.servers.size() + 1));
                lines.add("http: \"127.0.0.1:" + monitor + '"');
                // The servers advertise no addresses, so a client cannot bypass its link.
                lines.add("cluster { name: fleet, listen: \"127.0.0.1:" + port + "\", no_advertise: true, routes: "
                        + routes + " }");
                cluster.servers.add(NatsServer.start(lines.toArray(String[]::new)));
                cluster.monitors.add(monitor);
            }
            cluster.awaitTogether();
            return cluster;
        } catch (RuntimeException e) {
            cluster.close();
            throw e;
        }
    }

    /** All servers, in the order of their names. */
    public List<NatsServer> servers() {
        return List.copyOf(servers);
    }

    /**
     * Returns the server of a name, for example of a stream's leader.
     *
     * @param name {@code n1} and so on
     */
    public NatsServer server(String name) {
        return servers.get(Integer.parseInt(name.substring(1)) - 1);
    }

    /**
     * Waits until each server has routes to all others and, with JetStream, has a leader and has caught up. All servers
     * must be running.
     *
     * @throws IllegalStateException if that takes more than a minute
     */
    public void awaitTogether() {
        if (!Wait.until(LIMIT, () -> monitors.stream().allMatch(this::isTogether))) {
            throw new IllegalStateException("the servers did not come together:\n"
                    + servers.stream().map(NatsServer::log).collect(Collectors.joining("\n")));
        }
    }

    private boolean isTogether(int monitor) {
        // Servers from 2.10 on have several routes to each other, so servers are counted and not routes.
        long others = ROUTE_TO.matcher(ask(monitor, "routez"))
                .results()
                .map(route -> route.group(1))
                .distinct()
                .count();
        return others == servers.size() - 1 && ask(monitor, "healthz").contains("\"ok\"");
    }

    /** The answer of a server's monitoring port; empty if there is none, or if it is an error. */
    private static String ask(int monitor, String what) {
        try {
            var connection = (HttpURLConnection) URI.create("http://127.0.0.1:" + monitor + '/' + what)
                    .toURL()
                    .openConnection();
            connection.setConnectTimeout(PROBE_MS);
            connection.setReadTimeout(PROBE_MS);
            try (var in = connection.getInputStream()) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            }
        } catch (IOException notYet) {
            return "";
        }
    }

    /** Kills the servers and deletes their stores. */
    @Override
    public void close() {
        servers.forEach(NatsServer::close);
    }
}
