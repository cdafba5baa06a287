package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.kit.Tended;
import io.fleettelemetry.datastore.nats.connection.Watchdog;
import io.fleettelemetry.datastore.nats.journal.Confirmer;
import io.fleettelemetry.datastore.nats.journal.Journal;
import io.fleettelemetry.datastore.nats.journal.Writer;
import io.fleettelemetry.datastore.nats.threads.Threads;
import java.util.ArrayList;
import java.util.List;

/** The three threads of a journal. They are started again if they are missing. */
final class Workers {

    /** Longest wait (ms) on closing for a thread that may be running a receipt of the host. */
    private static final long RECEIPT_MILLIS = 5_000;

    private final Journal journal;
    private final Confirmer confirmer;
    private final Watchdog watchdog;
    private final Tended writing;
    private final Tended confirming;
    private final Tended watching;
    private Thread writerThread;
    private Thread confirmerThread;

    Workers(String prefix, Journal journal, Confirmer confirmer, Watchdog watchdog) {
        this.journal = journal;
        this.confirmer = confirmer;
        this.watchdog = watchdog;
        this.writing = new Tended(
                task -> {
                    writerThread = Threads.of(prefix + "-write", task);
                    journal.servedBy(writerThread, confirmerThread);
                    return writerThread;
                },
                new Writer(journal));
        this.confirming = new Tended(
                task -> {
                    confirmerThread = Threads.of(prefix + "-confirm", task);
                    journal.servedBy(writerThread, confirmerThread);
                    return confirmerThread;
                },
                confirmer);
        this.watching = new Tended(task -> Threads.of(prefix + "-watch", task), watchdog);
    }

    void start() {
        writing.start();
        confirming.start();
        watching.start();
    }

    /** Starts the missing threads. */
    void tend() {
        writing.tend();
        confirming.tend();
        watching.tend();
    }

    /** The names of the threads that should be there and are not. */
    List<String> missing() {
        List<String> missing = new ArrayList<>();
        if (writing.isMissing()) {
            missing.add("writer");
        }
        if (confirming.isMissing()) {
            missing.add("confirmer");
        }
        if (watching.isMissing()) {
            missing.add("watchdog");
        }
        return missing;
    }

    /** Stops the threads; the records left in the journal end, too. */
    void stop() {
        journal.stop();
        watchdog.stop();
    }

    /** Waits for the threads' end; returns false if a receipt that does not return delays it. */
    boolean await() {
        watching.join(RECEIPT_MILLIS);
        writing.join(RECEIPT_MILLIS);
        if (!confirming.join(RECEIPT_MILLIS)) {
            return false;
        }
        if (confirming.isMissing()) { // no thread could be started
            confirmer.run();
        }
        return true;
    }
}
