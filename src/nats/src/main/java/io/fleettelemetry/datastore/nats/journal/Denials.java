package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.jnats.port.Refusals;
import io.fleettelemetry.jnats.port.Refusals.Refusal;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Which records a server's {@code -ERR}s are about. The server answers every denied frame with one, which names a subject;
 * but where it maps subjects that is not the record's own, and may even be another record's. Mapped by weights, the same
 * subject is refused sometimes. So in core NATS names prove nothing.
 *
 * <p>A server that was {@linkplain Wire#answerEach asked to} answers each frame in its order, and so says exactly which it
 * refuses. From one that was not, or cannot, two things are proof: what answers a frame that was alone is about this one,
 * whatever it says; and if there are as many refusals as frames between two barriers, all of them were refused. Else the
 * frames are {@linkplain Judgement#doubtful doubtful}, and are to be written again.
 */
final class Denials {

    private static final String PUBLISH = "permissions violation for publish";
    private static final String SUBSCRIPTION = "permissions violation for subscription";

    /**
     * What the server's refusals mean.
     *
     * @param denied the records that were denied, the very objects, with the reasons
     * @param words the server's last words about a frame; empty if there were none
     * @param doubtful whether more may have been denied, and nobody knows what
     */
    record Judgement(Map<TelemetryRecord, Failure> denied, String words, boolean doubtful) {

        static final Judgement NOTHING_DENIED = new Judgement(Map.of(), "", false);
        static final Judgement NO_MEMORY = new Judgement(Map.of(), "", true);
    }

    private Denials() {}

    /** A server's refusals of frames, by the subjects that it names. */
    private static final class Named {
        final Map<String, Integer> times = new HashMap<>();
        final Map<String, String> words = new HashMap<>();
        String lastWords = "";
        /** Whether something was refused without naming a subject, or too much. */
        boolean more;

        private final boolean ours;

        /** @param ours whether all that is published is records; else what begins with {@code $} is a question to JetStream */
        Named(Refusals refused, boolean ours) {
            this.ours = ours;
            more = !refused.complete();
            refused.counts().forEach(this::add);
        }

        private void add(String error, int count) {
            String lower = error.toLowerCase(Locale.ROOT);
            if (lower.startsWith(SUBSCRIPTION)) {
                return;
            }
            String subject = lower.startsWith(PUBLISH) ? quoted(error) : null;
            if (!ours && subject != null && subject.startsWith("$")) {
                return;
            }
            lastWords = error;
            if (subject == null) {
                more = true;
            } else {
                times.merge(subject, count, Integer::sum);
                words.put(subject, error);
            }
        }

        boolean isEmpty() {
            return times.isEmpty() && !more;
        }

        /** Whether there are as many refusals of publishing as that. */
        boolean areAll(int frames) {
            return !more && times.values().stream().mapToInt(count -> count).sum() == frames;
        }
    }

    /** The subject that the server has quoted, in Go's way; null if it has quoted none. */
    static String quoted(String error) {
        int from = error.indexOf('"');
        StringBuilder subject = new StringBuilder();
        for (int i = from + 1; from >= 0 && i < error.length(); i++) {
            char next = error.charAt(i);
            if (next == '"') {
                return subject.toString();
            }
            if (next == '\\' && ++i < error.length()) {
                next = error.charAt(i); // of what a subject of ours may have, a quote or a backslash
            }
            subject.append(next);
        }
        return null;
    }

    /**
     * Core NATS: what was denied.
     *
     * @param refused what the server has refused between two barriers
     * @param reached the records that have not ended of all that was written between them, in their order
     * @param all whether none has ended: else what the server says cannot be counted off against them
     * @param subjects of these records
     */
    static Judgement judge(Refusals refused, List<TelemetryRecord> reached, boolean all, Subjects subjects) {
        Named named = new Named(refused, true);
        if (all && refused.answers() != null && refused.answers().frames() == reached.size()) {
            return oneByOne(refused.answers().refusals(), named, reached, subjects);
        }
        if (named.isEmpty() || reached.isEmpty()) {
            return new Judgement(Map.of(), named.lastWords, false);
        }
        if (all && (reached.size() == 1 || named.areAll(reached.size()))) {
            return denyAll(named, reached, subjects);
        }
        return new Judgement(Map.of(), named.lastWords, true);
    }

    private static Judgement oneByOne(
            List<Refusal> refusals, Named named, List<TelemetryRecord> reached, Subjects subjects) {
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        for (Refusal refusal : refusals) {
            TelemetryRecord record = reached.get(refusal.frame());
            denied.put(record, failure(subjects.of(record), refusal.words()));
        }
        return new Judgement(denied, named.lastWords, false);
    }

    /** Each of these was refused: there is one refusal for each frame. */
    private static Judgement denyAll(Named named, List<TelemetryRecord> reached, Subjects subjects) {
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        for (TelemetryRecord record : reached) {
            String subject = subjects.of(record);
            denied.put(record, failure(subject, named.words.getOrDefault(subject, named.lastWords)));
        }
        return new Judgement(denied, named.lastWords, false);
    }

    /**
     * JetStream, where a frame that was denied has no other answer, but cannot be taken for stored either: what the server
     * calls by its own name.
     */
    static Judgement judgeByName(Refusals refused, List<TelemetryRecord> reached, Subjects subjects) {
        Named named = new Named(refused, false);
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        for (TelemetryRecord record : reached) {
            String words = named.words.get(subjects.of(record));
            if (words != null) {
                denied.put(record, failure(subjects.of(record), words));
            }
        }
        return new Judgement(denied, named.lastWords, false);
    }

    private static Failure failure(String subject, String words) {
        return new Failure(
                Failure.Kind.DENIED, "the server does not allow publishing to " + subject + "; it said: " + words);
    }
}
