package io.fleettelemetry.datastore.nats;

import java.util.HashMap;
import java.util.Map;

/**
 * Subjects that the server has denied, until the records that this was about have ended.
 *
 * <p>The server answers every denied frame before the PONG that follows it; but the answer may also be to a frame that was
 * written behind what the barrier proves and before its PING, and which of several frames with the subject it was about is
 * not known. So all records with the subject are denied that this barrier reaches, and all that the next one does: failing
 * a record that has arrived is allowed, confirming one that has not is not.
 */
final class Denials {

    private static final int BARRIERS = 2;

    /** How many barriers have passed since the subject was denied last. */
    private final Map<String, Integer> bySubject = new HashMap<>();

    boolean isEmpty() {
        return bySubject.isEmpty();
    }

    /** The server has denied a frame with this subject. */
    void add(String subject) {
        bySubject.put(subject, 0);
    }

    /** Whether a record with this subject, which a barrier has reached, may have been denied. */
    boolean hit(String subject) {
        return bySubject.containsKey(subject);
    }

    /** All records of a barrier have been looked at. */
    void barrierPassed() {
        bySubject.replaceAll((subject, barriers) -> barriers + 1);
        bySubject.values().removeIf(barriers -> barriers == BARRIERS);
    }
}
