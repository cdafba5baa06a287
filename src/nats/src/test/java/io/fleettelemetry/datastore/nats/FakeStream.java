package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.Nats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A stream of a test's own, on a server without JetStream: it is shown as one that allows batches, stores what is published
 * once, and answers as nats-server does, or does not.
 */
final class FakeStream implements AutoCloseable {

    /** After so many messages of a batch it answers. */
    private static final int FLOW = 100;

    private static final int BEGIN = 0;
    private static final int END_WITH_THIS = 2;
    private static final int END = 3;
    private static final int PING = 4;

    private final String namespace;
    private final boolean takesBatches;
    private final Connection connection;
    private final List<String> stored = new ArrayList<>();
    private final Map<String, Integer> ids = new HashMap<>();
    /** How much of each batch is stored. */
    private final Map<String, Long> batches = new HashMap<>();

    private long muteUntil = System.nanoTime();
    private int unsaid;

    /** @param takesBatches whether it does, as it says, or answers each message, as nats-server did before 2.14 */
    FakeStream(BatchScene scene, boolean takesBatches) throws Exception {
        this.namespace = scene.namespace;
        this.takesBatches = takesBatches;
        this.connection = Nats.connect(scene.server.url());
        connection.createDispatcher(this::asked).subscribe("$JS.API.STREAM.LIST");
        Dispatcher messages = connection.createDispatcher(this::published);
        messages.setPendingLimits(-1, -1);
        messages.subscribe(namespace + ".>");
        connection.flush(BatchScene.SOON);
    }

    private void asked(Message request) {
        answer(
                request.getReplyTo(),
                "{\"total\":1,\"offset\":0,\"limit\":256,\"streams\":[{\"config\":{\"name\":\"" + namespace
                        + "\",\"subjects\":[\"" + namespace + ".>\"],\"duplicate_window\":300000000000,"
                        + "\"allow_batched\":true},\"created\":\"2026-01-01T00:00:00Z\",\"state\":{\"messages\":0}}]}");
    }

    private synchronized void published(Message message) {
        String reply = message.getReplyTo();
        if (takesBatches && reply.endsWith(".$FI")) {
            String[] words = reply.split("\\.");
            int last = words.length - 1;
            inBatch(
                    message,
                    reply.substring(0, reply.indexOf(".fail.")),
                    Long.parseLong(words[last - 2]),
                    Integer.parseInt(words[last - 1]));
        } else {
            store(message);
            say(reply, "{\"stream\":\"" + namespace + "\",\"seq\":" + stored.size() + "}");
        }
    }

    private void inBatch(Message message, String batch, long number, int operation) {
        String reply = message.getReplyTo();
        long known = batches.getOrDefault(batch, operation == BEGIN || number == 1 ? 0L : -1L);
        if (known < 0) {
            say(
                    reply,
                    "{\"error\":{\"code\":400,\"err_code\":10208,\"description\":\"batch publish ID unknown\"},\"stream\":\""
                            + namespace + "\",\"seq\":0}");
            return;
        }
        if (operation == PING) {
            say(reply, "{\"type\":\"ack\",\"seq\":" + known / FLOW * FLOW + ",\"msgs\":" + FLOW + "}");
            return;
        }
        if (number != known + 1) {
            throw new IllegalStateException(number + " behind " + known);
        }
        if (operation != END) {
            store(message);
            known++;
        }
        batches.put(batch, known);
        if (operation == END || operation == END_WITH_THIS) {
            batches.remove(batch);
            say(
                    reply,
                    "{\"stream\":\"" + namespace + "\",\"seq\":" + stored.size() + ",\"batch\":\"b\",\"count\":" + known
                            + "}");
        } else if (operation == BEGIN) {
            say(reply, "{\"type\":\"ack\",\"seq\":0,\"msgs\":" + FLOW + "}");
        } else if (known % FLOW == 0) {
            say(reply, "{\"type\":\"ack\",\"seq\":" + known + ",\"msgs\":" + FLOW + "}");
        }
    }

    private void store(Message message) {
        String id = message.getHeaders().getFirst("Nats-Msg-Id");
        if (ids.putIfAbsent(id, stored.size()) == null) {
            stored.add(new String(message.getData(), UTF_8));
        }
    }

    private void say(String reply, String words) {
        if (muteUntil - System.nanoTime() > 0) {
            unsaid++;
        } else {
            answer(reply, words);
        }
    }

    private void answer(String reply, String words) {
        connection.publish(reply, words.getBytes(UTF_8));
    }

    /** For so long it stores, and answers to nobody. */
    synchronized void beMute(Duration time) {
        muteUntil = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(time.toMillis());
    }

    /** How many answers it has not given. */
    synchronized int unsaid() {
        return unsaid;
    }

    synchronized List<String> stored() {
        return List.copyOf(stored);
    }

    @Override
    public void close() throws Exception {
        connection.close();
    }
}
