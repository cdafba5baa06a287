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
 * The servers that jnats tries: those of the settings, for ever, by the names that the settings give them; and those that a
 * cluster names, which come and go, as an addition.
 *
 * <p>jnats' own pool makes no such difference: a discovered address takes the place of the name that was written, and the
 * pause between two rounds is lost with the server that began the first. Here a round always begins with a server of the
 * settings, and none of these is ever removed.
 */
public final class Servers implements ServerPool {

    /** Of a cluster's servers so many are known. Nobody has larger ones, and a server that names ever new ones must end. */
    public static final int MAX_DISCOVERED = 64;

    private final List<Server> own;
    private final boolean discover;
    private final Duration wait;

    /** What is tried, in this order; the last attempt was at the last one. Guarded by this. */
    private List<Server> order;

    private volatile Server current;
    /** When the server that is tried now was tried before this time. Guarded by this. */
    private long triedBefore;
    /** When any was tried last, on the clock of {@link System#nanoTime}. */
    private volatile long lastTried = System.nanoTime();

    private volatile boolean closed;

    /** @param discovered servers that others of the same cluster have named */
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
        /** For one that was discovered, the host whose certificate it may show; null for one of the settings. */
        private final String learnedFrom;
        /** Whether the certificate must be for its own address. */
        private volatile boolean byOwnName;
        /** When it was tried last, on the clock of {@link System#nanoTime}; guarded by the pool. */
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

    /** What stands before the {@code @}, if it is a token: jnats puts it into its JSON as it is. */
    private static String withTokenAsJson(String url) throws URISyntaxException {
        String info = new URI(url).getRawUserInfo();
        if (info == null || info.contains(":")) {
            return url;
        }
        String token = Encoding.jsonEncode(Encoding.uriDecode(info));
        String written = URLEncoder.encode(token, StandardCharsets.UTF_8).replace("+", "%20");
        return url.replace(info + "@", written + "@");
    }

    /** The server that is being tried, or was last. */
    public Server current() {
        return current;
    }

    /** How long none has been tried, in nanoseconds. */
    long untriedNanos() {
        return System.nanoTime() - lastTried;
    }

    /** Has an attempt to connect end with the server that is tried now: there may be many, and none may answer. */
    void close() {
        closed = true;
    }

    /** Those that others have named. */
    synchronized List<Server> discovered() {
        return order.stream().filter(Server::isDiscovered).toList();
    }

    /** TLS with {@link #current} has failed. A discovered address may have a certificate of its own, or its cluster's. */
    void tlsFailed() {
        Server now = current;
        if (now.isDiscovered() && now.url.hostIsIpAddress()) {
            now.byOwnName = !now.byOwnName;
        }
    }

    /** How long jnats must wait before it tries {@link #current}: no server is tried again without the pause of the settings. */
    synchronized Duration pause(long round) {
        long nanos = wait.toNanos();
        nanos += ThreadLocalRandom.current().nextLong(nanos / 10 + 1);
        if (round == 0) { // the connection has just been lost: only if it was made just before that
            nanos = Math.max(0, triedBefore + nanos - System.nanoTime());
        }
        return Duration.ofNanos(nanos);
    }

    @Override
    public void initialize(Options options) {
        beginRound();
    }

    /** Own servers first, in any order but the last that was tried; then those that were discovered. */
    private synchronized void beginRound() {
        List<Server> begun = new ArrayList<>(own);
        Collections.shuffle(begun, ThreadLocalRandom.current());
        begun.addAll(discovered());
        if (begun.remove(current)) {
            begun.add(current.isDiscovered() ? begun.size() : own.size() - 1, current);
        }
        order = begun;
    }

    /** @return whether one is new */
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

    /** With the scheme and the credentials of the one that named it; null if it is no address. */
    private static NatsUri discovered(String address, Server from) {
        String info = from.url.getUri().getRawUserInfo();
        try {
            return new NatsUri(from.url.getScheme() + "://" + (info == null ? "" : info + "@") + address);
        } catch (URISyntaxException e) {
            return null;
        }
    }

    /** Null, for jnats, if there is none. */
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

    /** However often it fails, it is tried again. */
    @Override
    public void connectFailed(NatsUri url) {}

    @Override
    @Deprecated
    public List<String> resolveHostToIps(String host) {
        return null; // the port connects by the name, and checks it
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
