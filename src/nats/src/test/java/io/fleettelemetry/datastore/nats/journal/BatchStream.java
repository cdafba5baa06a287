package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.datastore.nats.journal.BatchReply.End;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Flow;
import io.fleettelemetry.datastore.nats.journal.BatchReply.NotNow;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Refused;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Unable;
import io.fleettelemetry.datastore.nats.journal.BatchReply.Unknown;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.IntConsumer;

/** A simulated stream that takes batches as nats-server 2.15 does, in gap mode {@code fail}, and whatever may go wrong with it. */
final class BatchStream {

    private static final Failure REFUSED = new Failure(Failure.Kind.ERROR, "by the test");

    private final Random random;
    /** Whether it is busy, refuses messages, and forgets batches. */
    private final boolean fails;
    /** Answers, in their order. */
    final Deque<BatchReply> replies = new ArrayDeque<>();

    /** Of these, those that must not get lost. */
    private final Set<BatchReply> lastWords = Collections.newSetFromMap(new IdentityHashMap<>());

    /** What is stored of the batches that are open, by their ids. */
    private final Map<String, Long> open = new HashMap<>();

    /** After how many messages it answers at most: other producers have their share. */
    private final int most;

    /** Whether it still takes batches, or stores each message for itself. */
    boolean takes = true;

    BatchStream(Random random, boolean fails) {
        this.random = random;
        this.fails = fails;
        this.most = 1 << random.nextInt(10);
    }

    private boolean seldom() {
        return fails && random.nextInt(40) == 0;
    }

    /** Whether an answer may get lost. */
    boolean mayLose(BatchReply reply) {
        return !lastWords.contains(reply) && random.nextInt(20) == 0;
    }

    /** Its server is started anew, or nothing was written for ten seconds. */
    void forget() {
        open.clear();
    }

    /**
     * A message arrives.
     *
     * @param number of the record in it; -1 if there is none
     * @param store stores a record
     */
    void arrives(String reply, int number, IntConsumer store) {
        String[] words = reply.split("\\.");
        String id = words[words.length - 6];
        int flow = Math.min(most, Integer.parseInt(words[words.length - 5]));
        long sequence = FrameEncoder.sequenceOf(reply);
        long batch = FrameEncoder.batchOf(reply);
        char operation = words[words.length - 2].charAt(0);
        if (!takes) {
            boolean old = number >= 0 && random.nextBoolean();
            if (old) {
                store.accept(number);
            }
            replies.add(new Unable(batch, sequence, old));
        } else if (seldom()) {
            replies.add(new NotNow(batch, sequence));
        } else if (number >= 0 && seldom()) {
            replies.add(new Refused(batch, sequence, REFUSED));
        } else {
            arrives(id, batch, sequence, operation, number, flow, store);
        }
    }

    private void arrives(
            String id, long batch, long sequence, char operation, int number, int flow, IntConsumer store) {
        Long stored = open.get(id);
        if (stored == null && (sequence != 1 || operation == '4')) {
            replies.add(new Unknown(batch));
            return;
        }
        long last = stored == null ? 0 : stored;
        if (operation == '4' && sequence <= last) {
            replies.add(new Flow(batch, last - last % flow, flow));
        } else if (operation == '4' || sequence != last + 1 || operation == '3') {
            ends(id, batch, last);
        } else if (seldom()) { // its headers are refused
            replies.add(new Refused(batch, sequence, REFUSED));
            if (last > 0) {
                ends(id, batch, last);
            }
            open.remove(id);
        } else {
            stores(id, batch, sequence, operation, number, flow, store);
        }
    }

    private void stores(String id, long batch, long sequence, char operation, int number, int flow, IntConsumer store) {
        if (sequence == 1 && operation != '2') {
            replies.add(new Flow(batch, 0, flow));
        }
        if (seldom()) { // at the write: its number is used up, and nothing else will ever tell
            BatchReply refusal = new Refused(batch, sequence, REFUSED);
            replies.add(refusal);
            lastWords.add(refusal);
        } else {
            store.accept(number);
        }
        open.put(id, sequence);
        if (operation == '2') {
            ends(id, batch, sequence);
        } else if (sequence % flow == 0) {
            replies.add(new Flow(batch, sequence, flow));
        }
    }

    private void ends(String id, long batch, long stored) {
        open.remove(id);
        replies.add(new End(batch, stored));
    }
}
