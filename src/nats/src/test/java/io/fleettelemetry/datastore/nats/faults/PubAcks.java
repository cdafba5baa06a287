package io.fleettelemetry.datastore.nats.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.fleettelemetry.testkit.Link;
import io.fleettelemetry.testkit.Link.Recording;
import io.fleettelemetry.testkit.Transcript;
import io.fleettelemetry.testkit.Transcript.Flaw;
import io.fleettelemetry.testkit.Transcript.Frame;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which records a server has acknowledged, read off the wire: what tells a server that lost what it had acknowledged from a
 * datastore that confirmed what nobody had.
 */
final class PubAcks {

    /**
     * A subject of answers to a message of a batch: the batch, its flow, what a gap means, and the message's number in it, as
     * nats-server's documents have it.
     */
    private static final Pattern IN_BATCH = Pattern.compile("(.+)\\.\\d+\\.fail\\.(\\d+)\\.\\d\\.\\$FI");

    private static final Pattern FLOW = Pattern.compile("\\{\"type\":\"ack\",\"seq\":(\\d+),.*");
    private static final Pattern COUNT = Pattern.compile(".*\"count\":(\\d+).*");

    private final Fleet fleet;
    /** Records by the subjects of their answers, and in batches by their numbers. */
    private final Map<String, Long> asked = new HashMap<>();

    private final Map<String, NavigableMap<Long, Long>> batches = new HashMap<>();
    private final Ids acknowledged;

    private PubAcks(Fleet fleet) {
        this.fleet = fleet;
        this.acknowledged = new Ids(fleet);
    }

    /**
     * The records whose PubAck went through one of these links, which must have {@linkplain Link#record recorded}. It may
     * come by another connection than the record went: the server answers to a subject.
     */
    static Ids seen(List<Link> links, Fleet fleet) {
        List<Recording> recordings =
                links.stream().flatMap(link -> link.recordings().stream()).toList();
        PubAcks acks = new PubAcks(fleet);
        recordings.forEach(recording ->
                messages(Transcript.ofClient(recording.fromClient())).forEach(acks::published));
        recordings.forEach(recording ->
                messages(Transcript.ofServer(recording.fromServer())).forEach(acks::answered));
        return acks.acknowledged;
    }

    private void published(Frame frame) {
        long id = fleet.id(frame.subject(), frame.payload());
        if (id == Fleet.ALIEN || frame.reply() == null) {
            return;
        }
        asked.put(frame.reply(), id);
        Matcher inBatch = IN_BATCH.matcher(frame.reply());
        if (inBatch.matches()) {
            batches.computeIfAbsent(inBatch.group(1), batch -> new TreeMap<>()).put(Long.valueOf(inBatch.group(2)), id);
        }
    }

    private void answered(Frame frame) {
        String answer = new String(frame.payload(), UTF_8);
        boolean isPubAck = answer.contains("\"stream\":") && !answer.contains("\"error\":");
        Matcher inBatch = IN_BATCH.matcher(frame.subject());
        Matcher upTo = (isPubAck ? COUNT : FLOW).matcher(answer);
        if (inBatch.matches() && upTo.matches() && batches.containsKey(inBatch.group(1))) {
            NavigableMap<Long, Long> stored = batches.get(inBatch.group(1)).headMap(Long.valueOf(upTo.group(1)), true);
            stored.values().forEach(acknowledged::add);
            stored.clear();
        } else if (isPubAck && asked.containsKey(frame.subject())) {
            acknowledged.add(asked.get(frame.subject()));
        }
    }

    private static List<Frame> messages(Transcript transcript) {
        if (transcript.flaw().isPresent()) {
            Flaw flaw = transcript.flaw().get();
            throw new AssertionError("not legal at byte " + flaw.offset() + ": " + flaw.reason());
        }
        return transcript.messages();
    }
}
