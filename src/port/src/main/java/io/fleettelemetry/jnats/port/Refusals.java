package io.fleettelemetry.jnats.port;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a server has answered {@code -ERR} to, in its own words.
 *
 * @param counts how often it said what, in the order of the first times
 * @param complete whether that is all; what would take too much memory is left out
 * @param answers what it has said to each frame; null unless it was {@linkplain FramePort#answerEach asked to}
 */
public record Refusals(Map<String, Integer> counts, boolean complete, Answers answers) {

    /** Nothing was refused. */
    public static final Refusals NONE = new Refusals(Map.of(), true, null);

    /**
     * What was said to frames, one after the other.
     *
     * @param frames how many frames were answered
     * @param refusals those that were refused, in their order
     */
    public record Answers(int frames, List<Refusal> refusals) {}

    /**
     * One frame that was refused.
     *
     * @param frame which of the frames that were answered; the first is 0
     * @param words the server's; where there are too many different ones, others of the same moment
     */
    public record Refusal(int frame, String words) {}

    /** Whether nothing was refused, as far as the server was to say so. */
    public boolean isEmpty() {
        return counts.isEmpty() && complete && answers == null;
    }

    /** Counts what comes, in bounds. One thread. */
    static final class Tally {
        private static final int MAX_CHARS = 1 << 20;
        /** What an entry costs besides its text, in characters. */
        private static final int ENTRY = 64;

        private Map<String, Integer> counts = new LinkedHashMap<>();
        private int chars;
        private boolean complete = true;
        /** The words of the frames that were refused, by their numbers in {@link #refusedFrames}. */
        private String[] refusedWords = {};

        private int[] refusedFrames = {};
        private int refused;
        private int frames;
        private String lastWords = "";

        void add(String words) {
            if (chars < MAX_CHARS || counts.containsKey(words)) {
                if (counts.merge(words, 1, Integer::sum) == 1) {
                    chars += words.length() + ENTRY;
                    lastWords = words;
                }
            } else {
                complete = false;
            }
        }

        /** The next frame was taken. */
        void frameTaken() {
            frames++;
        }

        /** The next frame was refused. How many can be is bounded by what may be on its way at once. */
        void frameRefused(String words) {
            add(words);
            if (refused == refusedFrames.length) {
                refusedFrames = Arrays.copyOf(refusedFrames, 16 + 2 * refused);
                refusedWords = Arrays.copyOf(refusedWords, 16 + 2 * refused);
            }
            refusedFrames[refused] = frames++;
            boolean asBefore = words.equals(lastWords); // then the same text is kept once
            refusedWords[refused++] = complete && !asBefore ? words : lastWords;
        }

        /**
         * All since the last time.
         *
         * @param each whether the server answers each frame
         */
        Refusals take(boolean each) {
            if (counts.isEmpty() && !each) {
                return NONE;
            }
            Refusals taken = new Refusals(counts, complete, each ? answers() : null);
            counts = new LinkedHashMap<>();
            chars = 0;
            complete = true;
            refusedWords = new String[0];
            refusedFrames = new int[0];
            refused = 0;
            frames = 0;
            return taken;
        }

        private Answers answers() {
            Refusal[] all = new Refusal[refused];
            Arrays.setAll(all, i -> new Refusal(refusedFrames[i], refusedWords[i]));
            return new Answers(frames, List.of(all));
        }
    }
}
