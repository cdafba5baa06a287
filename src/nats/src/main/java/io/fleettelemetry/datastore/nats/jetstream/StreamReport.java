package io.fleettelemetry.datastore.nats.jetstream;

import java.util.List;

/**
 * Which streams store our records, as JetStream has shown it at one moment.
 *
 * @param answered whether JetStream has said which streams there are, or that it is not there at all
 * @param patterns subjects, with wildcards, that streams store
 * @param problem why nothing can be stored, as far as JetStream shows; empty if something can
 * @param unacknowledged whether that is because no stream acknowledges what it stores
 * @param warnings what else should be otherwise, in sentences
 * @param streams the streams, in words
 * @param batches whether records can go to a stream in batches
 */
record StreamReport(
        boolean answered,
        List<String> patterns,
        String problem,
        boolean unacknowledged,
        List<String> warnings,
        List<String> streams,
        Batches batches) {

    /** Nothing is known. */
    static final StreamReport UNKNOWN = of(false, "", List.of());

    static StreamReport of(boolean answered, String problem, List<String> warnings) {
        return new StreamReport(answered, List.of(), problem, false, warnings, List.of(), Batches.no(problem));
    }

    /** Whether a reader would see no difference. */
    boolean saysTheSameAs(StreamReport other) {
        return problem.equals(other.problem)
                && warnings.equals(other.warnings)
                && streams.equals(other.streams)
                && batches.equals(other.batches);
    }

    /** Whether a stream stores all of these subjects. */
    boolean covers(String subjects) {
        return patterns.stream().anyMatch(pattern -> covers(pattern, subjects));
    }

    /**
     * Whether a pattern matches all that another one, or a subject, does.
     *
     * @param pattern tokens joined by dots, of which {@code *} stands for one and a last {@code >} for one or more
     */
    static boolean covers(String pattern, String subject) {
        String[] wide = pattern.split("\\.");
        String[] narrow = subject.split("\\.");
        for (int i = 0; i < wide.length; i++) {
            if (i == narrow.length) {
                return false;
            }
            if (wide[i].equals(">")) {
                return true;
            }
            if (!wide[i].equals(narrow[i]) && (!wide[i].equals("*") || narrow[i].equals(">"))) {
                return false;
            }
        }
        return wide.length == narrow.length;
    }
}
