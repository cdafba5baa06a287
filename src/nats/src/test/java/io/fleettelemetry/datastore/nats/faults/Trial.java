package io.fleettelemetry.datastore.nats.faults;

import static org.awaitility.Awaitility.await;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.datastore.nats.NatsProducerFactory;
import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.NatsServer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/**
 * A datastore at work: a server, a link to it that breaks, a subscriber that does not use the link, a load. Set up by the
 * methods that return this, then {@link #open opened}, then hit, then {@link #end ended}.
 */
final class Trial implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final String fault;
    private final Map<String, String> settings = new HashMap<>(Map.of(
            "reconnect.wait.ms", "20",
            // Above what a busy machine takes to answer, and below what a test wants to wait.
            "silent.ms", "1500",
            "heartbeat.ms", "500"));
    private Function<Map<String, String>, CloseableProducer> opener = new NatsProducerFactory()::open;
    private String[] config = {};
    private Fleet fleet = Fleet.USUAL;
    private int rate = 10_000;
    private boolean holds = true;
    private String tap = "";

    NatsServer server;
    Link link;
    CloseableProducer producer;
    Arrivals arrivals;
    Load load;

    /** @param fault what the table calls it */
    Trial(String fault) {
        this.fault = fault;
        settings.put("namespace", fleet.namespace());
    }

    Trial producer(Function<Map<String, String>, CloseableProducer> anotherOpener) {
        opener = anotherOpener;
        return this;
    }

    /** Lines of the server's configuration. */
    Trial server(String... lines) {
        config = lines;
        return this;
    }

    Trial set(String key, Object value) {
        settings.put(key, String.valueOf(value));
        return this;
    }

    Trial fleet(int vehicles, int bytes, int largeBytes) {
        fleet = new Fleet(fleet.namespace(), vehicles, bytes, largeBytes);
        return this;
    }

    Fleet fleet() {
        return fleet;
    }

    /** Records per second. */
    Trial rate(int perSecond) {
        rate = perSecond;
        return this;
    }

    /** A record that is refused as FULL has failed. */
    Trial withoutHold() {
        holds = false;
        return this;
    }

    /** The subscriber's {@code user:password}. */
    Trial subscriber(String userInfo) {
        tap = userInfo + '@';
        return this;
    }

    /** Starts server, link and subscriber; {@link #offer} does the rest. */
    Trial connect() {
        return connect(0);
    }

    /** @param port of the server's that the link leads to; 0 for the one that speaks NATS */
    private Trial connect(int port) {
        server = NatsServer.start(config);
        link = Link.to(port == 0 ? server.port() : port);
        settings.putIfAbsent("url", link.url());
        arrivals = Arrivals.at(server.url().replace("://", "://" + tap), fleet);
        return this;
    }

    /** Like {@link #connect}, with a link to the port on which the server speaks WebSocket. */
    Trial connectWebSocket(int port) {
        connect(port);
        return set("url", link.url().replace("nats://", "ws://"));
    }

    /** Opens the datastore and begins to offer. */
    Trial offer() {
        producer = opener.apply(settings);
        load = new Load(producer, fleet, rate, holds).start();
        return this;
    }

    /** Connects, opens the datastore and lets it work for a while. */
    Trial open() {
        connect().offer().load.awaitConfirmed(rate / 4);
        return this;
    }

    /** Lets it work up to a moment that nothing here is in step with: after up to that many records more, at least one. */
    void awaitSomeMoment(Random random, int records) {
        load.awaitOffered(1 + random.nextInt(records));
    }

    void awaitState(Status.State state) {
        await().atMost(LIMIT).until(() -> producer.status().state() == state);
    }

    /** Waits until the datastore has connected so many times through the link. */
    void awaitConnections(int count) {
        await().atMost(LIMIT).pollInterval(Duration.ofMillis(5)).until(() -> link.connections() >= count);
    }

    /** Heals the link, offers no more, waits for every record to end and to arrive, and prints what came of it. */
    Tally end() {
        link.heal();
        try {
            load.finish();
            producer.close();
            arrivals.awaitAll();
        } finally {
            Tally.of(fault, load, arrivals).print();
        }
        return Tally.of(fault, load, arrivals);
    }

    /** Ends whatever is still there. */
    @Override
    public void close() {
        if (load != null) {
            load.close();
        }
        if (producer != null) {
            producer.close();
        }
        if (arrivals != null) {
            arrivals.close();
        }
        if (link != null) {
            link.close();
        }
        if (server != null) {
            server.close();
        }
    }
}
