package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Which records a server's {@code -ERR}s are about. The server answers every denied frame with one, which names a subject;
 * but where it maps subjects that is not the record's own, and may even be another record's. Mapped by weights, the same
 * subject is refused sometimes.
 *
 * <p>So two things only are proof: what answers a frame that was alone is about this one, whatever it says; and if there are
 * as many refusals as frames between two barriers, all of them were refused. Else the frames are {@linkplain
 * Judgement#doubtful doubtful}, and are to be written again, fewer at once.
 *
 * <p>That would make one vehicle that is denied a burden to all others. So a server that keeps to what it does is taken at its
 * word: if exactly as many frames have a subject as the server has named it times, these were refused. It keeps to it as
 * long as each such subject was refused alone {@value #TRIALS} times, always by its own name, and has not passed once. One
 * refusal by another name, or one frame that passed, and on this connection nothing but proof counts any more.
 *
 * <p>Belongs to the confirmer.
 */
final class Denials {

    private static final String PUBLISH = "permissions violation for publish";
    private static final String SUBSCRIPTION = "permissions violation for subscription";

    /** How often a subject must have been refused alone before its name is believed. */
    private static final int TRIALS = 4;

    /** So many subjects are remembered, some 5 MB; then it is begun anew. */
    private static final int MAX_NAMES = 32_768;

    /** After so many barriers without a refusal what is known is forgotten: the server's configuration may be another. */
    private static final int QUIET_BARRIERS = 1_000;

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

    /** How often each subject was refused alone, by its own name. */
    private final Map<String, Integer> refusedAlone = new HashMap<>();
    /** Whether nothing that this server did was against its word. */
    private boolean steady = true;
    /** Barriers since it refused something. */
    private int quiet;

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
     * @param reached the records that have not ended of all that was written between them
     * @param subjects of these records
     */
    Judgement judge(Refusals refused, List<TelemetryRecord> reached, Subjects subjects) {
        Named named = new Named(refused, true);
        if (named.isEmpty() || reached.isEmpty()) {
            notePassed(reached, subjects);
            return new Judgement(Map.of(), named.lastWords, false);
        }
        quiet = 0;
        if (reached.size() == 1) {
            learn(named, subjects.of(reached.get(0)));
        }
        if (reached.size() == 1 || named.areAll(reached.size())) {
            return all(named, reached, subjects);
        }
        Map<TelemetryRecord, Failure> denied = byTheirNames(named, reached, subjects);
        return denied == null
                ? new Judgement(Map.of(), named.lastWords, true)
                : new Judgement(denied, named.lastWords, false);
    }

    /** What has a subject that was refused, if the server can be taken at its word; null if it cannot. */
    private Map<TelemetryRecord, Failure> byTheirNames(Named named, List<TelemetryRecord> reached, Subjects subjects) {
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        Map<String, Integer> missing = new HashMap<>(named.times);
        boolean known = true;
        for (TelemetryRecord record : reached) {
            String subject = subjects.of(record);
            String words = named.words.get(subject);
            if (words != null) {
                missing.merge(subject, -1, Integer::sum);
                denied.put(record, failure(subject, words));
                known &= refusedAlone.getOrDefault(subject, 0) >= TRIALS;
            }
        }
        if (!named.more && missing.values().stream().anyMatch(count -> count < 0)) {
            steady = false; // more frames than refusals: of the same subject one was refused, and one passed
        }
        boolean addsUp = missing.values().stream().allMatch(count -> count == 0);
        return steady && known && addsUp && !named.more ? denied : null;
    }

    /** Whether it matters what passes. */
    boolean isWatching() {
        return steady && !refusedAlone.isEmpty();
    }

    /** These the server has taken. */
    private void notePassed(List<TelemetryRecord> passed, Subjects subjects) {
        if (!isWatching()) {
            return;
        }
        for (TelemetryRecord record : passed) {
            steady &= !refusedAlone.containsKey(subjects.of(record));
        }
        if (++quiet > QUIET_BARRIERS) {
            refusedAlone.clear();
        }
    }

    /** Each of these was refused: there is one refusal for each frame. */
    private static Judgement all(Named named, List<TelemetryRecord> reached, Subjects subjects) {
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        for (TelemetryRecord record : reached) {
            String subject = subjects.of(record);
            denied.put(record, failure(subject, named.words.getOrDefault(subject, named.lastWords)));
        }
        return new Judgement(denied, named.lastWords, false);
    }

    private void learn(Named named, String subject) {
        if (refusedAlone.size() >= MAX_NAMES) {
            refusedAlone.clear();
        }
        if (named.times.equals(Map.of(subject, 1)) && !named.more) {
            refusedAlone.merge(subject, 1, Integer::sum);
        } else {
            steady = false;
        }
    }

    int remembered() {
        return refusedAlone.size();
    }

    /** What one server does says nothing of the next one. */
    void forget() {
        refusedAlone.clear();
        steady = true;
        quiet = 0;
    }

    /**
     * JetStream, where a frame that was denied has no other answer, but cannot be taken for stored either: what the server
     * calls by its own name.
     */
    Judgement judgeByName(Refusals refused, List<TelemetryRecord> reached, Subjects subjects) {
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
