package io.fleettelemetry.datastore.nats.jetstream;

import java.util.List;

/**
 * The streams of our records, as JetStream showed them at one moment.
 *
 * @param answered whether JetStream has answered with its streams, or that it does not exist
 * @param patterns subjects, with wildcards, that the streams store
 * @param problem why nothing can be stored, as JetStream shows it; empty if records can be stored
 * @param unacknowledged whether the reason is that no stream acknowledges its records
 * @param warnings further problems, in sentences
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

    /** Whether the report says the same as another one. */
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
     * Whether a pattern matches every subject that another pattern matches, or matches a subject.
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
