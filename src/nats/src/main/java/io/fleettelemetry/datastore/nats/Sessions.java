package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.datastore.nats.connection.Servers;
import io.fleettelemetry.datastore.nats.connection.Session;
import io.fleettelemetry.datastore.nats.connection.Wires;
import io.fleettelemetry.datastore.nats.journal.FrameEncoder;
import io.fleettelemetry.datastore.nats.journal.Journal;
import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The session in use, the session that takes over next, and the sessions that are ending. It passes their wires to the
 * journal.
 *
 * <p>A {@link Session} is a connection and lives as long as its settings. New settings get a session of their own,
 * which takes over when it is connected; until then the old one stays in use. Settings that need no new connection take
 * effect at once.
 */
final class Sessions implements Wires {

    /**
     * Shortest time between two moves away from a server that is about to shut down. When such a server is gone, jnats
     * connects to another one.
     */
    private static final long LEAVING_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Journal journal;
    private final Encoders encoders;
    private final SessionsLog log;
    /** Run whenever {@link #whyLost} or {@link #settings} has changed, on any thread. */
    private final ServiceUpdates services;

    private final LongSupplier nanoTime;

    private volatile Session inUse;
    /** The session that takes over from {@link #inUse} once it is connected; null if there is none. Guarded by this. */
    private Session next;
    /** The sessions that must end and may not have ended yet. Guarded by this. */
    private final List<Session> ending = new ArrayList<>();
    /** When a server was last left because it was about to shut down. Guarded by this. */
    private long left;
    /** The wire of {@link #next} that the journal knows. Guarded by this. */
    private Wire prepared;

    /** Why jnats closed the connection in use; empty once there is one again. Written under this. */
    private volatile String whyLost = "";

    /** Written under this. */
    private volatile boolean closing;

    /**
     * @param id unique id of the first session
     * @param encoders make the encoders; the first one is the journal's
     */
    Sessions(
            NatsSettings settings,
            String id,
            Journal journal,
            Encoders encoders,
            Reports reports,
            ServiceUpdates services,
            LongSupplier nanoTime) {
        this.journal = journal;
        this.encoders = encoders;
        this.log = new SessionsLog(reports);
        this.services = services;
        this.nanoTime = nanoTime;
        this.left = nanoTime.getAsLong() - LEAVING_PAUSE_NANOS;
        this.inUse = new Session(settings, this, id, journal, List.of(), nanoTime);
    }

    void open() {
        inUse.open();
    }

    Session inUse() {
        return inUse;
    }

    /** The session that takes over next; null if there is none. */
    synchronized Session next() {
        return next;
    }

    /** All sessions that have not ended. */
    synchronized List<Session> all() {
        List<Session> all = new ArrayList<>(ending);
        all.add(inUse);
        if (next != null) {
            all.add(next);
        }
        return all;
    }

    /** The settings in force. */
    NatsSettings settings() {
        return inUse.settings();
    }

    /** Why jnats gave up the connection in use; empty if it did not, or if there is a new one. */
    String whyLost() {
        return whyLost;
    }

    boolean isClosing() {
        return closing;
    }

    /** Stops sessions from taking over. Returns whether this was called before. */
    synchronized boolean close() {
        boolean begun = closing;
        closing = true;
        return begun;
    }

    /** Repeats notifications, about wires and changes, that failed because there was no memory. */
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

    // ---- Notifications from sessions --------------------------------------------------------------------------------

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
        } else { // the journal has moved to newer settings, which were withdrawn at the same moment
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
     * New settings take over only when the server has accepted their credentials, and JetStream has shown the streams
     * for their records. Two threads report, in either order, that the wire is open and that the server has accepted
     * the session. So each of them checks both.
     */
    private void prepareIfLetIn(Session from) {
        Wire wire = from.readyWire();
        if (from == next
                && wire != null
                && wire != prepared
                && from.connected() != null
                && (from.problem().isEmpty() || from.settings().equals(inUse.settings()))) {
            prepare(from, wire, encoder(from));
            prepared = wire; // last, because the call before may throw
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
                prepared = null; // with JetStream the session may become usable again
            }
        }
        journal.closed(wire);
        journal.withdraw(wire);
    }

    /** Records then fail at once, because waiting does not help. New settings that cannot work change nothing. */
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
        if (isInUse) {
            log.lost(from.settings(), cause, onClosed);
            services.run();
        } else { // A session that has not taken over yet, or is being closed: no loss.
            log.connectingAgain(from.settings(), cause);
        }
    }

    /** Moves to another server before this one goes. If that fails, jnats connects to another one when it is gone. */
    @Override
    public synchronized void leaving(Session from) {
        // Not repeatedly for a server that announces it all the time.
        boolean again = nanoTime.getAsLong() - left < LEAVING_PAUSE_NANOS;
        if (from == inUse && next == null && !closing && !again) {
            left = nanoTime.getAsLong();
            next = new Session(from.settings(), this, RandomId.next(), journal, from.discovered(), nanoTime);
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
            if (to != next) { // newer settings have come at the same moment
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
            isEnding(old); // first, because it may throw
            inUse = next;
            next = null;
            journal.unusable(null);
            whyLost = "";
        }
        old.end();
        services.run();
        log.switched(old.settings(), to.settings());
    }

    /** Notes a session that is no longer needed, so that closing waits for it. Called under this. */
    private void isEnding(Session old) {
        ending.removeIf(Session::hasEnded);
        ending.add(old);
    }

    // ---- New settings ----------------------------------------------------------------------------------------------

    /** Puts new settings in force without losing a record: see the class description. */
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
            if (next != null
                    && next.settings().equals(before)) { // a move away from a server that is about to shut down
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
                newest = new Session(settings, this, RandomId.next(), journal, more, nanoTime); // may throw
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

    /** Returns the session that should have taken over and must now end; null if there is none. Called under this. */
    private Session abandonNext() {
        Session abandoned = next;
        next = null;
        if (abandoned != null) {
            isEnding(abandoned);
        }
        return abandoned;
    }
}
