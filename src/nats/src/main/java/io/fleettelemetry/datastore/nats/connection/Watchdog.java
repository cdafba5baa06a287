package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.datastore.nats.journal.Journal;
import io.fleettelemetry.datastore.nats.journal.Unanswered;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Cuts a silent connection. It runs on a thread of its own, because the threads that use the connection are blocked
 * then. A connection is silent if one write or one barrier has waited for {@code silent.ms}. It also counts as silent
 * if jnats reports that it is connected although its port was closed and no other one was opened, which happens when a
 * link breaks right after a reconnect.
 */
public final class Watchdog implements Runnable {

    private static final Log log = Logs.of(Watchdog.class);

    /** A new connection counts as connected a moment after its port has opened, and an old one a moment after its port has
     * closed. */
    private static final long STRANDED_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long MAX_PAUSE_MILLIS = 1_000;

    private final Journal journal;
    private final Supplier<Session> session;
    private final Runnable mend;
    private final CountDownLatch stop = new CountDownLatch(1);
    private final RepeatedLog silences = new RepeatedLog();
    private final RepeatedLog unansweredLog = new RepeatedLog();
    private final RepeatedLog bugs = new RepeatedLog();
    private long strandedSince;

    /** @param mend starts missing threads again, and repeats lost notifications */
    public Watchdog(Journal journal, Supplier<Session> session, Runnable mend) {
        this.journal = journal;
        this.session = session;
        this.mend = mend;
    }

    @Override
    public void run() {
        Loop.run(this::round, this::bug);
    }

    private boolean round() throws InterruptedException {
        if (stop.await(pauseMillis(), TimeUnit.MILLISECONDS)) {
            return false;
        }
        mend.run();
        look();
        return true;
    }

    private void bug(Throwable e) {
        bugs.write(leftOut -> log.error(
                "nats_internal_error datastore={} reason=\"internal error in the watchdog\" left_out={}",
                journal.settings().datastore(),
                leftOut,
                e));
    }

    /** The pause between two checks: always short, so that a shorter {@code silent.ms} takes effect at once. */
    private long pauseMillis() {
        return Math.min(journal.settings().silent().toMillis() / 8, MAX_PAUSE_MILLIS);
    }

    private void look() throws InterruptedException {
        NatsSettings settings = journal.settings();
        Unanswered unanswered = journal.unanswered();
        if (unanswered != null) {
            String words = unanswered.inWords(journal.encoder().subjects());
            unansweredLog.write(leftOut -> log.warn(
                    "nats_stream_silent datastore={} reason=\"{}\" left_out={}", settings.datastore(), words, leftOut));
        }
        Session now = session.get();
        if (!now.isStranded()) {
            strandedSince = 0;
        } else if (strandedSince == 0) {
            strandedSince = System.nanoTime();
        }
        if (journal.isSilentFor(settings.silent().toNanos())) {
            silences.write(leftOut -> log.warn(
                    "nats_link_silent datastore={} reason=\"the server has neither taken bytes nor answered for silent.ms = {};"
                            + " connecting again\" left_out={}",
                    settings.datastore(),
                    settings.silent().toMillis(),
                    leftOut));
            now.reconnect();
        } else if (strandedSince != 0 && System.nanoTime() - strandedSince > STRANDED_NANOS) {
            strandedSince = 0;
            now.reconnect();
        }
    }

    public void stop() {
        stop.countDown();
    }
}
