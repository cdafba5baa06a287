package io.fleettelemetry.jnats.port;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a server has answered {@code -ERR} to, in its own words.
 *
 * @param counts how often it said what, in the order of the first times
 * @param complete whether that is all; what would take too much memory is left out
 */
public record Refusals(Map<String, Integer> counts, boolean complete) {

    /** Nothing was refused. */
    public static final Refusals NONE = new Refusals(Map.of(), true);

    public boolean isEmpty() {
        return counts.isEmpty() && complete;
    }

    /** Counts what comes, in bounds. One thread. */
    static final class Tally {
        private static final int MAX_CHARS = 1 << 20;
        /** What an entry costs besides its text, in characters. */
        private static final int ENTRY = 64;

        private Map<String, Integer> counts = new LinkedHashMap<>();
        private int chars;
        private boolean complete = true;

        void add(String words) {
            if (chars < MAX_CHARS || counts.containsKey(words)) {
                if (counts.merge(words, 1, Integer::sum) == 1) {
                    chars += words.length() + ENTRY;
                }
            } else {
                complete = false;
            }
        }

        /** All since the last time. */
        Refusals take() {
            if (counts.isEmpty()) {
                return NONE;
            }
            Refusals taken = new Refusals(counts, complete);
            counts = new LinkedHashMap<>();
            chars = 0;
            complete = true;
            return taken;
        }
    }
}
