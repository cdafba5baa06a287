package io.fleettelemetry.datastore.nats;

import java.util.HashMap;
import java.util.Map;

/**
 * Subjects that the server has denied, until the records that this was about have ended.
 *
 * <p>The server answers every denied frame once, before the PONG that follows it; but it may also be the answer to a frame
 * behind the barrier's. So all records of a barrier that have such a subject are denied, which of them were is not known;
 * and what they do not account for is kept for the next barrier, and no longer.
 */
final class Denials {

    private static final int BARRIERS = 2;

    private static final class Denial {
        int answers;
        int barriers;
    }

    private final Map<String, Denial> bySubject = new HashMap<>();

    boolean isEmpty() {
        return bySubject.isEmpty();
    }

    /** The server has denied a frame with this subject. */
    void add(String subject) {
        Denial denial = bySubject.computeIfAbsent(subject, s -> new Denial());
        denial.answers++;
        denial.barriers = 0;
    }

    /** Whether a record with this subject, which a barrier has reached, was denied. */
    boolean hit(String subject) {
        Denial denial = bySubject.get(subject);
        if (denial == null) {
            return false;
        }
        denial.answers--;
        return true;
    }

    /** All records of a barrier have been looked at. */
    void barrierPassed() {
        bySubject.values().removeIf(denial -> denial.answers <= 0 || ++denial.barriers == BARRIERS);
    }
}
