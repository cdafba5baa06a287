package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.testkit.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** A stream of a test's own, records whose payloads are their numbers, and a look at what is stored. */
public final class BatchScene implements AutoCloseable {

    static final Duration SOON = Duration.ofSeconds(60);

    final NatsServer server;
    final Connection client;
    final JetStreamManagement streams;
    final String namespace = "ns-" + NUID.nextGlobal();
    final Outcomes outcomes = new Outcomes();

    /** @param server with JetStream; it stays the caller's */
    BatchScene(NatsServer server) throws Exception {
        this.server = server;
        this.client = Nats.connect(server.url());
        this.streams = client.jetStreamManagement();
    }

    /** Skips the test, and says so, unless the server knows batches. */
    public static void assumeBatches(NatsServer server) {
        if (!server.knowsBatches()) {
            System.out.println("skipped: this nats-server has no batches, which 2.14 and later have");
            assumeTrue(false, "this nats-server has no batches");
        }
    }

    /** A stream in memory that stores all subjects. */
    StreamConfiguration.Builder stream(boolean allowsBatches) {
        return StreamConfiguration.builder()
                .name(namespace)
                .subjects(namespace + ".>")
                .storageType(StorageType.Memory)
                .duplicateWindow(Duration.ofMinutes(5))
                .allowBatched(allowsBatches);
    }

    Map<String, String> keys(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "url", server.url(), "namespace", namespace, "delivery", "jetstream", "reconnect.wait.ms", "20"));
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return settings;
    }

    NatsDatastore open(String... keysAndValues) {
        return NatsDatastoreTest.open(keys(keysAndValues));
    }

    /** Opens a datastore, and waits until records go out in batches. */
    NatsDatastore openInBatches(String... keysAndValues) {
        NatsDatastore datastore = open(keysAndValues);
        awaitState(datastore, Status.State.OK);
        awaitConfirmedBy(datastore, "batches");
        return datastore;
    }

    static void awaitConfirmedBy(NatsDatastore datastore, String way) {
        await("confirmed by " + way)
                .atMost(SOON)
                .until(() -> way.equals(datastore.status().details().get("confirmed_by")));
    }

    static Status awaitState(NatsDatastore datastore, Status.State state) {
        return await(state.name()).atMost(SOON).until(datastore::status, status -> status.state() == state);
    }

    /** Offers the records with the numbers from this one to that one, which is not offered. */
    void offer(NatsDatastore datastore, int from, int to) {
        IntStream.range(from, to).forEach(i -> offer(datastore, "VIN", "" + i));
    }

    void offer(NatsDatastore datastore, String vin, String payload) {
        datastore.produce(Records.record(vin, "V", payload.getBytes(UTF_8)), outcomes);
    }

    void awaitEnded(int count) {
        await("records ended").atMost(SOON).until(() -> outcomes.ended() >= count);
        outcomes.awaitEnded(count);
    }

    /** Waits until all of so many records are confirmed. */
    void awaitConfirmed(int count) {
        awaitEnded(count);
        assertEquals(
                List.of(), outcomes.failures().stream().map(Failure::reason).toList());
    }

    long stored() {
        try {
            return streams.getStreamInfo(namespace).getStreamState().getMsgCount();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** The payloads of what is stored, in the stream's order. */
    List<String> payloads() throws Exception {
        JetStreamSubscription all = client.jetStream()
                .subscribe(
                        namespace + ".>",
                        PushSubscribeOptions.builder().ordered(true).stream(namespace)
                                .build());
        List<String> payloads = new ArrayList<>();
        for (long left = stored(); left > 0; left--) {
            Message next = all.nextMessage(SOON);
            payloads.add(new String(next.getData(), UTF_8));
        }
        all.unsubscribe();
        return payloads;
    }

    static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(Integer::toString).toList();
    }

    /** Checks that exactly these records are stored, once each and in their order. */
    void assertStored(int from, int to) throws Exception {
        assertSame(numbers(from, to), payloads());
    }

    /** Checks that two lists are the same; says where they begin to differ. */
    static void assertSame(List<String> expected, List<String> actual) {
        int same = 0;
        while (same < expected.size()
                && same < actual.size()
                && expected.get(same).equals(actual.get(same))) {
            same++;
        }
        assertEquals(around(expected, same), around(actual, same), "from the record at " + same + " on");
        assertEquals(expected.size(), actual.size());
    }

    private static List<String> around(List<String> list, int at) {
        return list.subList(Math.max(0, at - 3), Math.min(list.size(), at + 10));
    }

    @Override
    public void close() throws Exception {
        client.close();
    }
}
