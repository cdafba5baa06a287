package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.datastore.nats.settings.ConnectionSettings;
import io.fleettelemetry.datastore.nats.settings.ServerUrls;
import io.nats.client.Options;
import io.nats.client.ServerPool;
import io.nats.client.support.Encoding;
import io.nats.client.support.NatsUri;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The servers that jnats tries: those of the settings, always and by the names in the settings; and, in addition, those
 * that a cluster advertises, which come and go.
 *
 * <p>jnats' own pool does not distinguish them: an advertised address replaces the configured name, and the pause
 * between two rounds is lost with the server that began the first round. Here a round always begins with a server of
 * the settings, and these servers are never removed.
 */
public final class Servers implements ServerPool {

    /** Limit on advertised servers. No cluster is larger, and a server might advertise new ones without end. */
    public static final int MAX_DISCOVERED = 64;

    private final List<Server> own;
    private final boolean discover;
    private final Duration wait;

    /** The servers in the order of the attempts; the last attempt was at the last one. Guarded by this. */
    private List<Server> order;

    private volatile Server current;
    /** The time of the attempt before this one at the current server. Guarded by this. */
    private long triedBefore;
    /** The time of the last attempt at any server, in {@link System#nanoTime}. */
    private volatile long lastTried = System.nanoTime();

    private volatile boolean closed;

    /** @param discovered servers that the cluster has advertised */
    public Servers(ConnectionSettings settings, Collection<Server> discovered) {
        this.own = settings.servers().stream().distinct().map(Servers::own).toList();
        this.discover = settings.discover();
        this.wait = settings.reconnectWait();
        this.order = new ArrayList<>(own);
        if (discover) {
            order.addAll(discovered);
        }
        this.current = own.get(0);
    }

    /** One server; compared by identity. */
    public static final class Server {
        private final NatsUri url;
        /** For an advertised server, the host whose certificate it may have; null for a server of the settings. */
        private final String learnedFrom;
        /** Whether the certificate must be for its own address. */
        private volatile boolean byOwnName;
        /** The time of the last attempt, in {@link System#nanoTime}; guarded by the pool. */
        private long tried = System.nanoTime() - Duration.ofDays(1).toNanos();

        private Server(NatsUri url, String learnedFrom) {
            this.url = url;
            this.learnedFrom = learnedFrom;
            this.byOwnName = learnedFrom == null || !url.hostIsIpAddress();
        }

        boolean isDiscovered() {
            return learnedFrom != null;
        }

        /** The host that its certificate must be for. */
        public String certifiedName() {
            return byOwnName ? url.getHost() : learnedFrom;
        }

        private boolean isAt(NatsUri other) {
            return url.equivalent(other);
        }

        /** Host and port. */
        @Override
        public String toString() {
            return url.getHost() + ":" + url.getPort();
        }
    }

    private static Server own(String url) {
        try {
            return new Server(new NatsUri(withTokenAsJson(url)), null);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("not refused by the settings: " + ServerUrls.withoutSecrets(url));
        }
    }

    /** Escapes a token before the {@code @}, because jnats does not escape it in its JSON. */
    private static String withTokenAsJson(String url) throws URISyntaxException {
        String info = new URI(url).getRawUserInfo();
        if (info == null || info.contains(":")) {
            return url;
        }
        String token = Encoding.jsonEncode(Encoding.uriDecode(info));
        String written = URLEncoder.encode(token, StandardCharsets.UTF_8).replace("+", "%20");
        return url.replace(info + "@", written + "@");
    }

    /** The server of the current or the last attempt. */
    public Server current() {
        return current;
    }

    /** The time since the last attempt, in nanoseconds. */
    long untriedNanos() {
        return System.nanoTime() - lastTried;
    }

    /** Ends an attempt to connect after the current server: there may be many servers, and none may answer. */
    void close() {
        closed = true;
    }

    /** The advertised servers. */
    synchronized List<Server> discovered() {
        return order.stream().filter(Server::isDiscovered).toList();
    }

    /** TLS with {@link #current} has failed. An advertised address may have its own certificate or the cluster's. */
    void tlsFailed() {
        Server now = current;
        if (now.isDiscovered() && now.url.hostIsIpAddress()) {
            now.byOwnName = !now.byOwnName;
        }
    }

    /**
     * How long jnats must wait before it tries {@link #current}, so that each server gets the pause of the settings.
     */
    synchronized Duration pause(long round) {
        long nanos = wait.toNanos();
        nanos += ThreadLocalRandom.current().nextLong(nanos / 10 + 1);
        if (round == 0) { // the connection was just lost: a pause is needed only if it had just been made
            nanos = Math.max(0, triedBefore + nanos - System.nanoTime());
        }
        return Duration.ofNanos(nanos);
    }

    @Override
    public void initialize(Options options) {
        beginRound();
    }

    /**
     * Begins a round: the servers of the settings in random order, the last one tried at the end; then advertised ones.
     */
    private synchronized void beginRound() {
        List<Server> begun = new ArrayList<>(own);
        Collections.shuffle(begun, ThreadLocalRandom.current());
        begun.addAll(discovered());
        if (begun.remove(current)) {
            begun.add(current.isDiscovered() ? begun.size() : own.size() - 1, current);
        }
        order = begun;
    }

    /** @return whether there is a new server */
    @Override
    public synchronized boolean acceptDiscoveredUrls(List<String> urls) {
        if (!discover) {
            return false;
        }
        Server from = current;
        List<Server> named = new ArrayList<>();
        boolean changed = false;
        for (String url : urls.subList(0, Math.min(urls.size(), MAX_DISCOVERED))) {
            NatsUri uri = discovered(url, from);
            if (uri == null || own.stream().anyMatch(server -> server.isAt(uri))) {
                continue;
            }
            Server known = order.stream()
                    .filter(server -> server.isAt(uri))
                    .findFirst()
                    .orElse(null);
            changed |= known == null;
            named.add(
                    known == null
                            ? new Server(uri, from.isDiscovered() ? from.learnedFrom : from.url.getHost())
                            : known);
        }
        order.removeIf(server -> server.isDiscovered() && server != from && !named.contains(server));
        named.stream().filter(server -> !order.contains(server)).forEach(order::add);
        return changed;
    }

    /**
     * The URL of an advertised server, with the scheme and the credentials of the advertising one; null if it is wrong.
     */
    private static NatsUri discovered(String address, Server from) {
        String info = from.url.getUri().getRawUserInfo();
        try {
            return new NatsUri(from.url.getScheme() + "://" + (info == null ? "" : info + "@") + address);
        } catch (URISyntaxException e) {
            return null;
        }
    }

    /** Null if there is none, as jnats expects. */
    @Override
    public synchronized NatsUri peekNextServer() {
        return closed ? null : order.get(0).url;
    }

    @Override
    public synchronized NatsUri nextServer() {
        Server next = order.remove(0);
        order.add(next);
        triedBefore = next.tried;
        next.tried = System.nanoTime();
        lastTried = next.tried;
        current = next;
        return next.url;
    }

    @Override
    public void connectSucceeded(NatsUri url) {
        beginRound();
    }

    /** A server is tried again, however often it fails. */
    @Override
    public void connectFailed(NatsUri url) {}

    @Override
    @Deprecated
    public List<String> resolveHostToIps(String host) {
        return null; // the port resolves the name, and verifies it
    }

    @Override
    public synchronized List<String> getServerList() {
        return order.stream().map(Server::toString).toList();
    }

    @Override
    public boolean hasSecureServer() {
        return own.stream().anyMatch(server -> server.url.isSecure());
    }
}
