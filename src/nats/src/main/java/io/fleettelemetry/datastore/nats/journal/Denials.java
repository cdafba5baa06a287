package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.jnats.port.Refusals;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Which records a server's {@code -ERR}s are about. The server answers every denied frame with one, which names a subject;
 * but where it maps subjects that is not the record's own, and may even be another record's.
 *
 * <p>So nothing is believed that does not add up. If there are as many refusals as frames between two barriers, all of them
 * were refused. Else exactly as many of them must have a subject as the server has named it times, and it must be known that
 * this is how the server names it. If not, the frames are {@linkplain Judgement#doubtful doubtful}, and are to be written
 * again, fewer at once. What answers a frame that was alone is about this one, whatever it says: from that it is known how
 * the server names a record's subject, and at the next time nothing needs to be written again.
 *
 * <p>Belongs to the completer.
 */
final class Denials {

    private static final String PUBLISH = "permissions violation for publish";
    private static final String SUBSCRIPTION = "permissions violation for subscription";

    /** Of so many subjects it is remembered how the server calls them, some 10 MB; then it is begun anew. */
    private static final int MAX_NAMES = 32_768;

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

    /** Subjects of ours that the server calls otherwise, by the names that it has for them. */
    private final Map<String, List<String>> otherNames = new HashMap<>();
    /** How many subjects are in there. */
    private int remembered;
    /**
     * Subjects that the server has been seen to call as we do. Each for itself: where one vehicle's subject is mapped onto
     * another's, that other one's may be mapped, too.
     */
    private final Set<String> ownNames = new HashSet<>();

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
            return new Judgement(Map.of(), named.lastWords, false);
        }
        if (reached.size() == 1) {
            learn(named, subjects.of(reached.get(0)));
        }
        if (reached.size() == 1 || named.areAll(reached.size())) {
            return all(named, reached, subjects);
        }
        Map<String, String> nameOf = namesBySubject(named);
        if (named.more || nameOf == null) {
            return new Judgement(Map.of(), named.lastWords, true);
        }
        Map<TelemetryRecord, Failure> denied = new IdentityHashMap<>();
        Map<String, Integer> missing = new HashMap<>(named.times);
        boolean proven = true;
        for (TelemetryRecord record : reached) {
            String subject = subjects.of(record);
            String name = nameOf.get(subject);
            if (name != null) {
                missing.merge(name, -1, Integer::sum);
                denied.put(record, failure(subject, named.words.get(name)));
                proven &= !name.equals(subject) || ownNames.contains(subject);
            }
        }
        boolean addsUp = proven && missing.values().stream().allMatch(count -> count == 0);
        return new Judgement(addsUp ? denied : Map.of(), named.lastWords, !addsUp);
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

    /** The subjects of ours that the server may have named, and how; null if one may have several of these names. */
    private Map<String, String> namesBySubject(Named named) {
        Map<String, String> nameOf = new HashMap<>();
        for (String name : named.times.keySet()) {
            boolean clash = nameOf.put(name, name) != null;
            for (String subject : otherNames.getOrDefault(name, List.of())) {
                clash |= nameOf.put(subject, name) != null;
            }
            if (clash) {
                return null;
            }
        }
        return nameOf;
    }

    private void learn(Named named, String subject) {
        if (named.times.size() != 1 || named.more) {
            return;
        }
        String name = named.times.keySet().iterator().next();
        List<String> known = otherNames.getOrDefault(name, List.of());
        if (remembered + ownNames.size() >= MAX_NAMES) {
            forget();
        }
        if (name.equals(subject)) {
            ownNames.add(subject);
        } else if (!known.contains(subject)) {
            otherNames.computeIfAbsent(name, any -> new ArrayList<>()).add(subject);
            remembered++;
        }
    }

    int remembered() {
        return remembered + ownNames.size();
    }

    /** What one server calls by other names says nothing of the next one. */
    void forget() {
        otherNames.clear();
        remembered = 0;
        ownNames.clear();
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
