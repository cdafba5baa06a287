package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.datastore.nats.Window.Entry;
import io.nats.client.Connection;
import io.nats.client.Statistics;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that publishes, and that completes: it takes the oldest records, publishes them, and confirms them when
 * a barrier behind them has come back. What is in doubt it publishes again, before anything newer.
 *
 * <p>The barrier is {@link Connection#flush}: PONG means that the server has parsed everything before the PING. That is
 * true only on one unbroken connection, so it counts only if nothing was reconnected and no error was answered between
 * the first publish and the PONG.
 */
final class Publisher implements Runnable {

    private static final Logger log = LoggerFactory.getLogger(Publisher.class);

    /** Below jnats' queue of 5,000 messages: publishing must never wait for room in it. */
    private static final int MAX_RECORDS = 2_000;

    private static final long MAX_BYTES = 1 << 20;
    private static final Duration BARRIER_TIMEOUT = Duration.ofSeconds(5);
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_MILLIS = 100;

    /** What came of a batch. */
    private enum Verdict {
        /** The server has all of it. */
        CONFIRMED,
        /** The connection lives, but the server answered an error. */
        REFUSED,
        /** Nobody knows what arrived. */
        IN_DOUBT
    }

    private final NatsDatastore datastore;
    private final Window window;

    Publisher(NatsDatastore datastore, Window window) {
        this.datastore = datastore;
        this.window = window;
    }

    @Override
    public void run() {
        try {
            while (!datastore.isDone()) {
                window.awaitEntry(LOOK_NANOS);
                failExpired();
                Connection connection = datastore.connected();
                if (connection == null) {
                    window.awaitSignal(LOOK_MILLIS);
                } else if (publishOldest(connection) == Verdict.IN_DOUBT) {
                    window.awaitSignal(LOOK_MILLIS);
                }
            }
        } catch (InterruptedException e) {
            log.warn("nats_error reason=\"the publisher was interrupted\"");
        } finally {
            failRest();
        }
    }

    private Verdict publishOldest(Connection connection) throws InterruptedException {
        List<Entry> batch = window.oldest(MAX_RECORDS, MAX_BYTES);
        int fitting = 0;
        while (fitting < batch.size() && fits(connection, batch.get(fitting))) {
            fitting++;
        }
        if (fitting == 0) {
            if (!batch.isEmpty()) {
                fail(batch.get(0), tooLarge(connection, batch.get(0)));
            }
            return Verdict.CONFIRMED;
        }
        batch = batch.subList(0, fitting);
        datastore.publishing(fitting);
        try {
            return settle(connection, batch);
        } finally {
            datastore.publishing(0);
        }
    }

    private Verdict settle(Connection connection, List<Entry> batch) throws InterruptedException {
        Verdict verdict = publish(connection, batch);
        if (verdict == Verdict.CONFIRMED) {
            batch.forEach(datastore::confirmed);
            window.remove(batch.size());
        } else if (verdict == Verdict.REFUSED) {
            return publishEach(connection, batch);
        }
        return verdict;
    }

    /** Finds out which records the server refuses, by a barrier behind each. */
    private Verdict publishEach(Connection connection, List<Entry> batch) throws InterruptedException {
        for (Entry entry : batch) {
            Verdict verdict = publish(connection, List.of(entry));
            if (verdict == Verdict.IN_DOUBT) {
                return verdict;
            } else if (verdict == Verdict.REFUSED) {
                String error = connection.getLastError();
                boolean denied = error.toLowerCase(Locale.ROOT).contains("permissions violation");
                fail(entry, new Failure(denied ? Failure.Kind.DENIED : Failure.Kind.ERROR, "the server said " + error));
            } else {
                datastore.confirmed(entry);
                window.remove(1);
            }
        }
        return Verdict.CONFIRMED;
    }

    private Verdict publish(Connection connection, List<Entry> batch) throws InterruptedException {
        Statistics statistics = connection.getStatistics();
        long reconnects = statistics.getReconnects();
        long errors = statistics.getErrs();
        Subjects subjects = datastore.subjects();
        try {
            for (Entry entry : batch) {
                connection.publish(subjects.of(entry.record()), entry.record().payload());
            }
            connection.flush(BARRIER_TIMEOUT);
        } catch (TimeoutException e) {
            reconnect(connection);
            return Verdict.IN_DOUBT;
        } catch (IllegalStateException e) {
            // disconnected or closed meanwhile
            return Verdict.IN_DOUBT;
        }
        if (connection.getStatus() != Connection.Status.CONNECTED || statistics.getReconnects() != reconnects) {
            return Verdict.IN_DOUBT;
        }
        return statistics.getErrs() == errors ? Verdict.CONFIRMED : Verdict.REFUSED;
    }

    /** A second flush after one that timed out could match the first one's PONG. */
    private void reconnect(Connection connection) throws InterruptedException {
        try {
            connection.forceReconnect();
        } catch (IOException e) {
            log.warn("nats_error reason=\"cannot reconnect\" error=\"{}\"", e.toString());
        }
    }

    private static boolean fits(Connection connection, Entry entry) {
        return entry.record().payload().length <= connection.getMaxPayload();
    }

    private static Failure tooLarge(Connection connection, Entry entry) {
        return NatsDatastore.tooLarge(entry.record().payload().length, connection.getMaxPayload());
    }

    private void fail(Entry entry, Failure why) {
        datastore.failed(entry.record(), entry.receipt(), why);
        window.remove(1);
    }

    private void failExpired() {
        List<Entry> oldest;
        while (!(oldest = window.oldest(1, MAX_BYTES)).isEmpty()
                && oldest.get(0).deadline() - System.nanoTime() <= 0) {
            fail(oldest.get(0), datastore.expired());
        }
    }

    /** Ends what could not be confirmed before the datastore was closed. */
    private void failRest() {
        long count = 0;
        List<Entry> rest;
        while (!(rest = window.oldest(MAX_RECORDS, MAX_BYTES)).isEmpty()) {
            for (Entry entry : rest) {
                fail(
                        entry,
                        new Failure(
                                Failure.Kind.CLOSED, "the datastore was closed before the server had confirmed it"));
                count++;
            }
        }
        if (count > 0) {
            log.warn("nats_err datastore={} kind=CLOSED records={}", datastore.name(), count);
        }
    }
}
