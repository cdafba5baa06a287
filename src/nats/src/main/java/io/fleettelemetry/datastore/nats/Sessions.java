package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.datastore.nats.connection.Servers;
import io.fleettelemetry.datastore.nats.connection.Session;
import io.fleettelemetry.datastore.nats.connection.Wires;
import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Journal;
import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Which session is in use, which one takes over next, and which are ending. Tells the journal of their wires.
 *
 * <p>A {@link Session}, a connection, lives as long as its settings. New settings get a session of their own, which takes over
 * when it is connected: until then the old one works on. Those that the connection does not depend on are in force at once.
 */
final class Sessions implements Wires {

    private static final Log log = Logs.of(NatsDatastore.class);

    /** How often, at most, a server is left because it is about to shut down. When it is gone, jnats looks for another. */
    private static final long LEAVING_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Journal journal;
    private final Encoders encoders;
    private final Reports reports;
    /** Run whenever {@link #whyLost} or {@link #settings} has changed, by any thread. */
    private final ServiceUpdates services;

    private volatile Session inUse;
    /** What takes over from {@link #inUse} once it is connected; null if nothing waits to. Guarded by this. */
    private Session next;
    /** Those that were told to end, and may not have yet. Guarded by this. */
    private final List<Session> ending = new ArrayList<>();
    /** When a server was last left because it was about to shut down. Guarded by this. */
    private long left = System.nanoTime() - LEAVING_PAUSE_NANOS;
    /** The wire of {@link #next} that the journal knows of. Guarded by this. */
    private Wire prepared;

    /** Why jnats closed the connection in use; empty once there is one again. Written under this. */
    private volatile String whyLost = "";

    /** Written under this. */
    private volatile boolean closing;

    /**
     * @param id what is unique to the first session
     * @param encoders of which the first has made the journal's
     */
    Sessions(
            NatsSettings settings,
            String id,
            Journal journal,
            Encoders encoders,
            Reports reports,
            ServiceUpdates services) {
        this.journal = journal;
        this.encoders = encoders;
        this.reports = reports;
        this.services = services;
        this.inUse = new Session(settings, this, id, journal, List.of());
    }

    void open() {
        inUse.open();
    }

    Session inUse() {
        return inUse;
    }

    /** What is to take over; null if nothing is. */
    synchronized Session next() {
        return next;
    }

    /** All that have not ended. */
    synchronized List<Session> all() {
        List<Session> all = new ArrayList<>(ending);
        all.add(inUse);
        if (next != null) {
            all.add(next);
        }
        return all;
    }

    /** Those that are in force. */
    NatsSettings settings() {
        return inUse.settings();
    }

    /** Why jnats gave up the connection in use; empty if it did not, or there is another. */
    String whyLost() {
        return whyLost;
    }

    boolean isClosing() {
        return closing;
    }

    /** From now on no session takes over from another. Returns whether that was so already. */
    synchronized boolean close() {
        boolean begun = closing;
        closing = true;
        return begun;
    }

    /** Tells the journal of wires, and others of changes, that they have not heard of for want of memory. */
    void tellAgain() {
        synchronized (this) {
            Wire ready = inUse.readyWire();
            if (ready != null && !journal.knows(ready)) {
                opened(inUse, ready);
            }
            if (next != null) {
                prepareIfLetIn(next);
            }
        }
        services.runIfDue();
    }

    // ---- What sessions say of their wires --------------------------------------------------------------------------

    @Override
    public synchronized void opened(Session from, Wire wire) {
        if (from != inUse) {
            prepareIfLetIn(from);
            return;
        }
        journal.unusable(null);
        FrameEncoder encoder = encoder(from);
        if (from.settings().equals(journal.settings()) && encoder.isLike(journal.encoder())) {
            journal.opened(wire);
        } else { // the journal has moved to newer settings, which were taken back at the same moment
            prepare(from, wire, encoder);
        }
    }

    private FrameEncoder encoder(Session from) {
        return encoders.encoder(
                from.settings(), from.inbox(), !from.batchStream().isEmpty());
    }

    private void prepare(Session from, Wire wire, FrameEncoder encoder) {
        journal.prepare(wire, encoder, from.settings(), () -> tookOver(from));
    }

    /**
     * New settings take over only when the server is known to accept their credentials, and JetStream shows where their records
     * would be stored. That their wire has opened and that they have been let in is told by two threads, in either order, so
     * each looks for both.
     */
    private void prepareIfLetIn(Session from) {
        Wire wire = from.readyWire();
        if (from == next
                && wire != null
                && wire != prepared
                && from.connected() != null
                && (from.problem().isEmpty() || from.settings().equals(inUse.settings()))) {
            prepare(from, wire, encoder(from));
            prepared = wire; // after that, which may throw
        }
    }

    @Override
    public void connected(Session from) {
        boolean back;
        synchronized (this) {
            prepareIfLetIn(from);
            back = from == inUse && !whyLost.isEmpty();
            if (back) {
                whyLost = "";
            }
        }
        if (back) {
            services.run();
        }
    }

    @Override
    public void closed(Session from, Wire wire) {
        synchronized (this) {
            if (wire == prepared) {
                prepared = null; // in JetStream it may be of use once more
            }
        }
        journal.closed(wire);
        journal.withdraw(wire);
    }

    /** Records fail at once then: with time it gets no better. But a new configuration that cannot work harms nothing. */
    @Override
    public synchronized void unusable(Session from, String why) {
        if (from == inUse && !closing) {
            journal.unusable(new Failure(Failure.Kind.ERROR, why));
        }
    }

    @Override
    public void lost(Session from, String cause) {
        boolean isInUse;
        String onClosed;
        synchronized (this) {
            isInUse = from == inUse && !closing;
            if (isInUse) {
                whyLost = cause;
            }
            onClosed =
                    (next == null ? inUse : next).settings().onClosed().name().toLowerCase(Locale.ROOT);
        }
        NatsSettings settings = from.settings();
        if (!isInUse) { // New settings that have yet to take over, or one that is being closed: no loss.
            log.warn(
                    "nats_connect_failed datastore={} url={} error=\"{}\" reason=\"jnats gave the connection up; connecting"
                            + " again\"",
                    settings.datastore(),
                    settings.shownServers(),
                    cause);
            return;
        }
        log.error(
                "nats_closed datastore={} error=\"{}\" url={} reason=\"jnats gave the connection up\" on.closed={}",
                settings.datastore(),
                cause,
                settings.shownServers(),
                onClosed);
        reports.report(
                "nats_closed",
                Map.of("datastore", settings.datastore(), "url", settings.shownServers(), "cause", cause));
        services.run();
    }

    /** Another server takes over before this one goes; if none does in time, jnats looks for one when it is gone. */
    @Override
    public synchronized void leaving(Session from) {
        // Not again and again because of a server that says it all the time.
        boolean again = System.nanoTime() - left < LEAVING_PAUSE_NANOS;
        if (from == inUse && next == null && !closing && !again) {
            left = System.nanoTime();
            next = new Session(from.settings(), this, RandomId.next(), journal, from.discovered());
            next.open();
        }
    }

    /** The journal has moved to the wire of this session. */
    private void tookOver(Session to) {
        Session old;
        synchronized (this) {
            if (to == inUse || closing) {
                return;
            }
            if (to != next) { // newer settings have come at the same moment: to these, or back
                prepared = null;
                Wire open = inUse.readyWire();
                if (open != null) {
                    opened(inUse, open);
                }
                if (next != null) {
                    prepareIfLetIn(next);
                }
                return;
            }
            old = inUse;
            isEnding(old); // first: it may throw
            inUse = next;
            next = null;
            journal.unusable(null);
            whyLost = "";
        }
        old.end();
        services.run();
        log.info(
                "nats_switched datastore={} from=\"{}\" to=\"{}\"",
                settings().datastore(),
                old.settings(),
                to.settings());
    }

    /** Remembers a session that is not needed any more, so that closing waits for it. Called under this. */
    private void isEnding(Session old) {
        ending.removeIf(Session::hasEnded);
        ending.add(old);
    }

    // ---- New settings ----------------------------------------------------------------------------------------------

    /** Puts new settings in force without losing anything: see the class description. */
    void configure(NatsSettings settings) {
        if (!useAtOnce(settings)) {
            connectAnew(settings);
        }
    }

    private boolean useAtOnce(NatsSettings settings) {
        Session abandoned = null;
        synchronized (this) {
            NatsSettings before = inUse.settings();
            if (closing
                    || !settings.connection().equals(before.connection())
                    || settings.equals(before)
                    || !journal.use(before, settings)) {
                return false;
            }
            inUse.use(settings);
            if (next != null && next.settings().equals(before)) { // because the server is about to shut down
                next.use(settings);
            } else {
                abandoned = abandonNext();
            }
        }
        if (abandoned != null) {
            abandoned.end();
        }
        services.run();
        return true;
    }

    private void connectAnew(NatsSettings settings) {
        Session abandoned;
        synchronized (this) {
            Session latest = next == null ? inUse : next;
            if (closing || settings.equals(latest.settings())) {
                return;
            }
            Session newest = null;
            if (!settings.equals(inUse.settings())) {
                boolean sameServers = settings.connection()
                        .servers()
                        .equals(inUse.settings().connection().servers());
                Collection<Servers.Server> more = sameServers ? inUse.discovered() : List.of();
                newest = new Session(settings, this, RandomId.next(), journal, more); // may throw
            }
            abandoned = abandonNext();
            next = newest;
            if (newest != null) {
                newest.open();
            }
        }
        if (abandoned != null) {
            abandoned.end();
        }
    }

    /** The session that was to take over, which is to end; null if there is none. Called under this. */
    private Session abandonNext() {
        Session abandoned = next;
        next = null;
        if (abandoned != null) {
            isEnding(abandoned);
        }
        return abandoned;
    }
}
