package io.fleettelemetry.datastore.nats;

import io.nats.client.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.regex.Pattern;

/**
 * What the server has answered {@code -ERR} to, of the connections of one session. jnats counts these answers as it reads
 * them, but tells them later, on another thread: so whoever wants to know which answers came before a PONG compares the
 * count, and if it has moved sends a marker through that thread and then reads.
 */
final class Refusals {

    private static final String PUBLISH = "permissions violation for publish to";

    /** What a frame can be blamed for, other than a lost password or a server that shuts down. */
    private static final Pattern FRAME = Pattern.compile("protocol|control line|maximum payload|invalid|parse");

    private final ConcurrentLinkedQueue<String> told = new ConcurrentLinkedQueue<>();
    private final ExecutorService callbacks;
    // The rest belongs to the completer.
    private Connection counted;
    private long count;
    private boolean moved;
    private final List<String> denied = new ArrayList<>();
    private String other;
    private String fatal;

    /** @param callbacks the thread on which {@link #add} is called */
    Refusals(ExecutorService callbacks) {
        this.callbacks = callbacks;
    }

    /** The server has answered {@code -ERR}. */
    void add(String error) {
        told.add(error);
    }

    /**
     * Whether there may be anything new since the last look. What was counted just after a PONG may be told only after the
     * marker, so that it is found at the next look, for which the count does not move.
     *
     * @param errors the connection's count of answers {@code -ERR}
     */
    boolean hasMoved(Connection connection, long errors) {
        boolean before = moved;
        moved = connection != counted || errors != count;
        counted = connection;
        count = errors;
        return moved || before;
    }

    /** Takes everything that was answered up to now. */
    void read() throws InterruptedException {
        denied.clear();
        other = null;
        fatal = null;
        try {
            callbacks.submit(() -> {}).get();
        } catch (ExecutionException | RejectedExecutionException e) {
            // The session is being closed; what was told until then is there.
        }
        for (String error = told.poll(); error != null; error = told.poll()) {
            String lower = error.toLowerCase(Locale.ROOT);
            if (lower.startsWith(PUBLISH)) {
                denied.add(quoted(error));
            } else if (!lower.startsWith("permissions violation")) {
                other = error;
                fatal = FRAME.matcher(lower).find() ? error : fatal;
            }
        }
    }

    private static String quoted(String error) {
        int from = error.indexOf('"');
        int to = error.indexOf('"', from + 1);
        return from < 0 || to < 0 ? error : error.substring(from + 1, to);
    }

    /** Subjects that were denied, one for each frame. */
    List<String> denied() {
        return List.copyOf(denied);
    }

    /** The last answer that a frame must have been the cause of, if it was the only one; null if there was none. */
    String fatal() {
        return fatal;
    }

    /** The last answer that does not say which frame it is about; null if there was none. */
    String other() {
        return other;
    }
}
