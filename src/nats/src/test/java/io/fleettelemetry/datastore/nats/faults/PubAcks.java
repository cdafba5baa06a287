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

/**
 * Which records a server has acknowledged, read off the wire: what tells a server that lost what it had acknowledged from a
 * datastore that confirmed what nobody had.
 */
final class PubAcks {

    private PubAcks() {}

    /**
     * The records whose PubAck went through one of these links, which must have {@linkplain Link#record recorded}. It may
     * come by another connection than the record went: the server answers to a subject.
     */
    static Ids seen(List<Link> links, Fleet fleet) {
        List<Recording> recordings =
                links.stream().flatMap(link -> link.recordings().stream()).toList();
        Map<String, Long> asked = new HashMap<>();
        recordings.forEach(recording -> addAsked(recording, fleet, asked));
        Ids acknowledged = new Ids(fleet);
        recordings.forEach(recording -> addAcknowledged(recording, asked, acknowledged));
        return acknowledged;
    }

    private static void addAsked(Recording recording, Fleet fleet, Map<String, Long> asked) {
        for (Frame frame : messages(Transcript.ofClient(recording.fromClient()))) {
            long id = fleet.id(frame.subject(), frame.payload());
            if (id != Fleet.ALIEN && frame.reply() != null) {
                asked.put(frame.reply(), id);
            }
        }
    }

    private static void addAcknowledged(Recording recording, Map<String, Long> asked, Ids acknowledged) {
        for (Frame frame : messages(Transcript.ofServer(recording.fromServer()))) {
            Long id = asked.get(frame.subject());
            String answer = new String(frame.payload(), UTF_8);
            if (id != null && answer.contains("\"stream\":") && !answer.contains("\"error\":")) {
                acknowledged.add(id);
            }
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
