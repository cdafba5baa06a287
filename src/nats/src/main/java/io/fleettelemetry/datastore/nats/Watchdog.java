package io.fleettelemetry.datastore.nats;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives up a connection on which one write or one barrier has been waiting for {@code silent.ms}: a thread of its own,
 * because the one that waits cannot help itself, and without the port's lock, which a stuck write holds.
 */
final class Watchdog implements Runnable {

    private static final Logger log = LoggerFactory.getLogger(Watchdog.class);

    private final Journal journal;
    private final CountDownLatch stop = new CountDownLatch(1);

    Watchdog(Journal journal) {
        this.journal = journal;
    }

    @Override
    public void run() {
        try {
            while (!stop.await(journal.settings().silent().toMillis() / 8, TimeUnit.MILLISECONDS)) {
                Wire silent = journal.silentFor(journal.settings().silent().toNanos());
                if (silent != null) {
                    log.warn(
                            "nats_error datastore={} reason=\"the server neither takes bytes nor answers for silent.ms = {}:"
                                    + " connecting anew\"",
                            journal.settings().datastore(),
                            journal.settings().silent().toMillis());
                    silent.cut();
                }
            }
        } catch (InterruptedException e) {
            log.warn("nats_error reason=\"the watchdog was interrupted\"");
        }
    }

    void stop() {
        stop.countDown();
    }
}
