package io.fleettelemetry.jnats.port;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The {@code -ERR} messages of a server, in its own words.
 *
 * @param counts number of times by message, in the order of the first occurrence
 * @param complete whether these are all; messages that would take too much memory are left out
 * @param answers the answers to each frame; null unless the server was {@linkplain FramePort#answerEach asked for them}
 */
public record Refusals(Map<String, Integer> counts, boolean complete, Answers answers) {

    /** The server refused nothing. */
    public static final Refusals NONE = new Refusals(Map.of(), true, null);

    /**
     * The answers to frames, in the order of the frames.
     *
     * @param frames number of frames that were answered
     * @param refusals the frames that were refused, in their order
     */
    public record Answers(int frames, List<Refusal> refusals) {}

    /**
     * One frame that was refused.
     *
     * @param frame index of the frame among those that were answered; the first is 0
     * @param words the server's words; if there are too many different messages, another one of the same time
     */
    public record Refusal(int frame, String words) {}

    /** Whether nothing was refused and the server was not asked to answer each frame. */
    public boolean isEmpty() {
        return counts.isEmpty() && complete && answers == null;
    }

    /** Counts messages within a limit on memory. Not thread-safe. */
    static final class Builder {
        private static final int MAX_CHARS = 1 << 20;
        /** The cost of an entry besides its text, in characters. */
        private static final int ENTRY = 64;

        private Map<String, Integer> counts = new LinkedHashMap<>();
        private int chars;
        private boolean complete = true;
        /** The words for the refused frames, in the order of {@link #refusedFrames}. */
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

        /** The next frame was accepted. */
        void frameTaken() {
            frames++;
        }

        /**
         * The next frame was refused. The number of refused frames is limited by the bytes that may be on the way at
         * once.
         */
        void frameRefused(String words) {
            add(words);
            if (refused == refusedFrames.length) {
                refusedFrames = Arrays.copyOf(refusedFrames, 16 + 2 * refused);
                refusedWords = Arrays.copyOf(refusedWords, 16 + 2 * refused);
            }
            refusedFrames[refused] = frames++;
            boolean asBefore = words.equals(lastWords); // so that equal words are kept once
            refusedWords[refused++] = complete && !asBefore ? words : lastWords;
        }

        /**
         * Returns everything since the last call, and begins anew.
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
