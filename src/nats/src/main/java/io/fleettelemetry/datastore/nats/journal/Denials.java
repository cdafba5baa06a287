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
 * Finds the records that a server's {@code -ERR} messages are about. The server sends one for every denied frame, with
 * a subject. But if the server maps subjects, that is not the record's own subject, and may even be another record's.
 * With weighted mappings the same subject is refused only sometimes. So in core NATS the subject proves nothing.
 *
 * <p>A server that was {@linkplain Wire#answerEach asked to} answers each frame in its order, which shows exactly the
 * refused frames. Without that, there are two proofs: a refusal after a single frame is about that frame; and if there
 * are as many refusals as frames between two barriers, all of these frames were refused. Otherwise the frames are
 * {@linkplain Judgement#doubtful doubtful}, and must be written again.
 */
final class Denials {

    private static final String PUBLISH = "permissions violation for publish";
    private static final String SUBSCRIPTION = "permissions violation for subscription";

    /**
     * The meaning of the server's refusals.
     *
     * @param denied the denied records, by identity, with their failures
     * @param words the server's last words about a frame; empty if there were none
     * @param doubtful whether more records may have been denied, without knowing which
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
        /** Whether there was a refusal without a subject, or too many refusals. */
        boolean more;

        private final boolean ours;

        /**
         * @param ours whether all messages are records; otherwise subjects that begin with {@code $} are JetStream
         *     requests
         */
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

        /** Whether there are exactly this many refusals of publishing. */
        boolean areAll(int frames) {
            return !more && times.values().stream().mapToInt(count -> count).sum() == frames;
        }
    }

    /** The subject that the server quoted, in Go's syntax; null if there is none. */
    static String quoted(String error) {
        int from = error.indexOf('"');
        StringBuilder subject = new StringBuilder();
        for (int i = from + 1; from >= 0 && i < error.length(); i++) {
            char next = error.charAt(i);
            if (next == '"') {
                return subject.toString();
            }
            if (next == '\\' && ++i < error.length()) {
                next = error.charAt(i); // in our subjects, only a quote or a backslash is escaped
            }
            subject.append(next);
        }
        return null;
    }

    /**
     * Core NATS: finds the denied records.
     *
     * @param refused the server's refusals between two barriers
     * @param reached the records written between them that have not ended, in their order
     * @param all whether none of those written has ended; otherwise refusals cannot be matched to them by counting
     * @param subjects builds the subjects of these records
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

    /** Denies all of these records, because there is one refusal for each frame. */
    private static Judgement denyAll(Named named, List<TelemetryRecord> reached, Subjects subjects) {
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        for (TelemetryRecord record : reached) {
            String subject = subjects.of(record);
            denied.put(record, failure(subject, named.words.getOrDefault(subject, named.lastWords)));
        }
        return new Judgement(denied, named.lastWords, false);
    }

    /**
     * JetStream: finds the denied records by their subjects. A denied frame has no other answer, but it is never
     * mistaken for a stored one either.
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
