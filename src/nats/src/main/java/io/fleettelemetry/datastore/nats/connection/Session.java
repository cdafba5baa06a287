package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.kit.RepeatedLog;
import io.fleettelemetry.api.kit.Tended;
import io.fleettelemetry.api.kit.Uninterrupted;
import io.fleettelemetry.datastore.nats.jetstream.Inbox;
import io.fleettelemetry.datastore.nats.jetstream.Streams;
import io.fleettelemetry.datastore.nats.journal.Answers;
import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.threads.Threads;
import io.fleettelemetry.jnats.port.FramePort;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;
import io.nats.client.ForceReconnectOptions;
import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * The connection that one configuration asks for: made in the background, tried for ever from the first attempt on, and
 * made anew should jnats give it up.
 *
 * <p>A thread of its own loops over {@link Connector#connect}: jnats' own ways to retry the first connect either block the
 * caller, end for good on an authentication error, or start a thread that nobody can stop.
 */
public final class Session implements AutoCloseable {

    private static final Log log = Logs.of(Session.class);

    /** So many reasons are remembered as told; a server that always says something else is told of again. */
    private static final int MAX_REASONS = 20;

    /** Is told of wires, by threads that must not be kept. */
    public interface Wires {
        /** Frames may go out, and will be answered; but the server may still refuse the credentials, see {@link #connected}. */
        void opened(Session session, Wire wire);

        void closed(Session session, Wire wire);

        /** There is a connection, but nothing can be stored by it. Until {@link #opened}. */
        void unusable(Session session, String why);

        /** The server has let the session in. */
        void connected(Session session);

        /**
         * jnats has closed the connection, although nobody asked for it; the session goes on to connect anew.
         *
         * @param cause the server's words, if it said anything
         */
        void lost(Session session, String cause);

        /** The server is about to shut down, and asks its clients to go elsewhere. */
        void leaving(Session session);
    }

    /** How often it is looked, at most, whether the server has raised its limit for payloads. */
    private static final long LIMIT_NANOS = TimeUnit.MINUTES.toNanos(1);

    /** Shorter times than this one are no sign of anything: a name may take long to be resolved. */
    private static final long MIN_UNTRIED_NANOS = TimeUnit.SECONDS.toNanos(3);

    /** How soon it is looked again whether JetStream has become usable, and whether answers are missing. */
    private static final long LOOK_AGAIN_MILLIS = 500;

    /** How long a denied inbox is left alone: each try costs the server a subscription, and us a line of its words. */
    private static final long DENIED_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** So many {@link #mute} ports, and jnats' connection is given up: it may be broken, as it is after a full heap. */
    private static final int MAX_MUTE = 5;

    /** How often the time of an attempt to connect, and of the pause between two, may pass without the next attempt. */
    private static final int MAX_UNTRIED = 4;

    /** How soon it is looked for an event that was not heard, because there was no memory to tell it. */
    private static final long UNHEARD_MILLIS = 1_000;

    /** How long closing waits for the thread: longer than any attempt to connect, but what it tells may be kept by others. */
    private static final long CLOSING_MILLIS = 60_000;

    private static final long CALLBACKS_MILLIS = 1_000;

    private volatile NatsSettings settings;
    private final Wires wires;
    private final ExecutorService callbacks;
    private volatile Thread callbacksThread;
    private final RepeatedLog attempts = new RepeatedLog();
    private final RepeatedLog errors = new RepeatedLog();
    private final RepeatedLog exceptions = new RepeatedLog();
    private final RepeatedLog discoveries = new RepeatedLog();
    private final RepeatedLog lameDucks = new RepeatedLog();
    private final Connector connector;
    private final Tended thread;

    /** Null unless records are to be stored. */
    private final Streams streams;

    private final Inbox inbox;
    private final Answers answers;
    /** When the inbox was last opened, in nanoseconds. Belongs to the session's thread. */
    private long inboxOpened;
    /** What is unique to this session: its inbox is, so that it hears no answers to another one. */
    private final String id;
    /** JetStream: whether jnats has told the server of our subscription. */
    private volatile boolean subscribed;
    /** JetStream: the wire that answers arrive for; null if none is. */
    private volatile PortWire usable;
    /** JetStream: the last wire that was asked about its streams. Belongs to the session's thread. */
    private PortWire asked;

    /** When jnats was last seen connected, in nanoseconds. Belongs to the session's thread. */
    private long lastConnected;

    /** Ports in a row by which nothing was ever answered. */
    private volatile int mute;

    /** The last port that has written its CONNECT. */
    private volatile FramePort begun;

    /** When it was last looked whether the server has raised its limit, and whether somebody wants to know. */
    private volatile long limitSeen = System.nanoTime() - LIMIT_NANOS;

    private volatile boolean limitWanted;
    /** Looks at the limit, by a connection of its own; null if nobody ever did. */
    private volatile Connector looking;

    private volatile Connection connection;
    private volatile PortWire wire;
    /** Why there is no use in publishing, although there is a connection; empty if there is. */
    private volatile String problem = "";
    /** Why nothing is stored, as far as JetStream shows, when the wire was announced last. Belongs to the session's thread. */
    private String announcedProblem = "";

    private volatile String trouble = "";
    /** Why attempts to connect failed since one did not, as far as the log has it; the thread's own. */
    private final Set<String> logged = new HashSet<>();

    private volatile boolean closing;
    /** Whether something has happened that the connect thread has not looked at. Guarded by this. */
    private boolean changed;

    /**
     * @param id what is unique to this session
     * @param answers takes the answers of JetStream
     * @param discovered servers besides those of the settings
     */
    public Session(
            NatsSettings settings, Wires wires, String id, Answers answers, Collection<Servers.Server> discovered) {
        this.settings = settings;
        this.wires = wires;
        this.id = id;
        String prefix = "nats-" + settings.datastore();
        this.callbacks =
                Executors.newSingleThreadExecutor(task -> callbacksThread = Threads.of(prefix + "-events", task));
        this.connector = new Connector(settings, discovered, settings.name(), callbacks, new Watcher());
        boolean stores = settings.delivery().isJetStream();
        this.streams = stores ? new Streams(settings, this::wake, System::nanoTime) : null;
        this.inbox = stores ? new Inbox(settings, id, streams, answers, callbacks) : null;
        this.answers = answers;
        this.thread = new Tended(task -> Threads.of(prefix + "-connect", task), this::run);
    }

    public void open() {
        thread.start();
    }

    public NatsSettings settings() {
        return settings;
    }

    /** Takes settings that {@linkplain NatsSettings#connectLike connect like} those that it has. */
    public void use(NatsSettings settings) {
        this.settings = settings;
    }

    /** JetStream: what the subjects of its answers begin with. */
    public String inbox() {
        return Inbox.subject(settings, id);
    }

    /** The connection if it can be used at this moment, else null. */
    public Connection connected() {
        Connection now = connection;
        return now != null && now.getStatus() == Connection.Status.CONNECTED ? now : null;
    }

    /** The wire that is open at this moment; null if none is. */
    Wire openWire() {
        PortWire now = wire;
        return now == null || now.port().isClosed() ? null : now;
    }

    /** The wire that frames may go out on, and will be answered; null if there is none. */
    public Wire readyWire() {
        return isPreparing() ? null : openWire();
    }

    /** Whether jnats takes itself for connected, and there is no port to write to. */
    boolean isStranded() {
        return openWire() == null && connected() != null;
    }

    /** The servers that others of their cluster have named. */
    public Collection<Servers.Server> discovered() {
        return connector.servers().discovered();
    }

    /** Gives up the connection as it is and has jnats make it anew. May take as long as an attempt to connect. */
    void reconnect() throws InterruptedException {
        Wire open = openWire();
        Connection now = connection;
        if (open != null) {
            open.cut();
        } else if (now != null && !closing) {
            try {
                now.forceReconnect(ForceReconnectOptions.builder().forceClose().build());
            } catch (IOException | RuntimeException e) { // jnats throws many kinds when it closes at the same moment
                log.warn(
                        "nats_connect_failed datastore={} error=\"{}\"",
                        settings.datastore(),
                        PlainText.field(e.toString()));
            }
        }
    }

    /** JetStream: what the streams are; null unless records are to be stored. */
    public Streams streams() {
        return streams;
    }

    /** JetStream: whether it is not known yet that something can be stored by the connection. */
    public boolean isPreparing() {
        return streams != null && usable != wire;
    }

    /** Why nothing can be stored, although there is a connection; empty if something can, as far as is known. */
    public String problem() {
        return problem.isEmpty() && streams != null ? streams.problem() : problem;
    }

    /** What was wrong last; empty if nothing was. */
    public String trouble() {
        return trouble;
    }

    /** How it is at this moment. */
    public SessionSnapshot snapshot() {
        Connection any = connection;
        Connection now = connected();
        SessionSnapshot.Server server = null;
        if (now != null) {
            server = new SessionSnapshot.Server(
                    // Null if the connection is lost at this moment.
                    NatsSettings.withoutSecrets(String.valueOf(now.getConnectedUrl())),
                    now.getServerInfo().getVersion(),
                    now.getMaxPayload());
        }
        return new SessionSnapshot(
                settings,
                server,
                any == null ? null : any.getStatistics().getReconnects(),
                streams == null ? null : streams.snapshot(),
                isPreparing(),
                problem(),
                trouble);
    }

    private void run() {
        Loop.run(this::stayConnected, this::bug);
        Threads.end(callbacks);
        Thread last = callbacksThread;
        if (last != null) {
            Uninterrupted.join(last, CALLBACKS_MILLIS); // an executor counts a thread as ended a moment before it has
        }
    }

    /** For as long as one connection is of use. */
    private boolean stayConnected() throws InterruptedException {
        leave(); // whatever ended the round before
        if (closing) {
            return false;
        }
        try {
            connect();
            if (!closing) {
                serve();
            }
        } catch (RuntimeException | Error e) { // a bug: another connection may do without it
            bug(e);
            pause();
        }
        return true;
    }

    private void bug(Throwable e) {
        attempts.write(leftOut -> log.error(
                "nats_internal_error datastore={} reason=\"internal error; connecting again\" left_out={}",
                settings.datastore(),
                leftOut,
                e));
    }

    private void leave() throws InterruptedException {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (RuntimeException | Error e) {
            bug(e);
        }
    }

    /** As long as the connection is of use. */
    private void serve() throws InterruptedException {
        subscribed = true;
        wires.connected(this);
        while (isOfUse()) {
            if (streams != null) {
                prepare();
            }
            if (limitWanted) {
                lookAtLimit();
            }
            awaitChange();
        }
        if (closing) {
            return;
        }
        if (isAbandoned()) {
            log.warn(
                    "nats_disconnected datastore={} error=\"{}\" reason=\"jnats has ceased to reconnect; connecting again\"",
                    settings.datastore(),
                    connector.lastError());
        } else if (mute >= MAX_MUTE) {
            log.warn(
                    "nats_disconnected datastore={} error=\"{}\" reason=\"reconnected {} times without an answer;"
                            + " connecting again\"",
                    settings.datastore(),
                    connector.lastError(),
                    MAX_MUTE);
        } else if (connector.isOutdated()) { // jnats would try for ever; to leave it is our wish, and a new one helps
            log.warn(
                    "nats_disconnected datastore={} error=\"{}\" reason=\"the server has begun or ceased to require TLS;"
                            + " connecting again\"",
                    settings.datastore(),
                    connector.lastError());
        } else if (connector.servers().current().isDiscovered()) {
            // Who closes is jnats, when a server has refused the credentials twice; this one is none that we were told
            // to use.
            log.warn(
                    "nats_disconnected datastore={} error=\"{}\" reason=\"refused by a server that the cluster advertised;"
                            + " connecting again\"",
                    settings.datastore(),
                    cause());
        } else {
            wires.lost(this, cause());
        }
    }

    /**
     * A record was refused because of its size: a server whose {@code max_payload} was raised takes it, but says so only to
     * those who connect anew.
     */
    public void tooLarge() {
        if (!limitWanted && System.nanoTime() - limitSeen > LIMIT_NANOS) {
            limitWanted = true;
            wake();
        }
    }

    private void lookAtLimit() throws InterruptedException {
        Connection now = connected();
        limitSeen = System.nanoTime();
        limitWanted = false;
        if (now == null) {
            return;
        }
        long before = now.getServerInfo().getMaxPayload();
        try {
            Connector second = new Connector(settings, settings.name() + "-limit", (source, event) -> {}, error -> {});
            looking = second;
            if (closing) {
                return;
            }
            Connection look = second.connect();
            long max = look.getServerInfo().getMaxPayload();
            look.close();
            if (max > before) {
                log.info(
                        "nats_event datastore={} event=\"max_payload is {} now, was {}\" reason=\"connecting again\"",
                        settings.datastore(),
                        max,
                        before);
                reconnect();
            }
        } catch (IOException e) {
            // As long as the connection works, nothing is wrong.
        }
    }

    /** Why jnats has closed the connection. What the server said is told by another thread, a moment later. */
    private String cause() throws InterruptedException {
        connector.awaitCallbacks();
        String error = connector.lastError();
        return error.isEmpty() ? "jnats does not say why" : error;
    }

    private void connect() throws InterruptedException {
        mute = 0;
        while (!closing) {
            try {
                connection = connector.connect();
                logged.clear();
                return;
            } catch (IOException e) {
                trouble = e.getMessage();
                if (!closing && !logged.contains(e.getMessage())) {
                    attempts.write(leftOut -> logTrouble(e.getMessage(), leftOut));
                }
            }
            pause();
        }
    }

    private void logTrouble(String reason, long leftOut) {
        if (logged.size() == MAX_REASONS) {
            logged.clear();
        }
        logged.add(reason);
        log.warn(
                "nats_connect_failed datastore={} url={} reason=\"cannot connect: {}; trying again every {} ms\" left_out={}",
                settings.datastore(),
                settings.shownServers(),
                reason,
                settings.reconnectWait().toMillis(),
                leftOut);
    }

    private synchronized void pause() throws InterruptedException {
        long millis = settings.reconnectWait().toMillis();
        if (!closing) {
            wait(millis + ThreadLocalRandom.current().nextLong(millis / 10 + 1) + 1);
        }
    }

    private boolean isOfUse() {
        return !closing
                && connection.getStatus() != Connection.Status.CLOSED
                && !connector.isOutdated()
                && mute < MAX_MUTE
                && !isAbandoned();
    }

    /** Whether jnats' thread that reconnects has died, for want of memory most likely: jnats never says so. */
    private boolean isAbandoned() {
        if (connection.getStatus() == Connection.Status.CONNECTED) {
            lastConnected = System.nanoTime();
            return false;
        }
        long nanos =
                Math.min(System.nanoTime() - lastConnected, connector.servers().untriedNanos());
        Duration attempt = settings.connectTimeout().plus(settings.reconnectWait());
        return nanos > Math.max(attempt.toNanos() * MAX_UNTRIED, MIN_UNTRIED_NANOS);
    }

    private synchronized void awaitChange() throws InterruptedException {
        if (isOfUse() && !changed) {
            wait(streams == null ? UNHEARD_MILLIS : LOOK_AGAIN_MILLIS);
        }
        changed = false;
    }

    /** JetStream: frames may go out once answers arrive by this connection, and it was looked which streams there are. */
    private void prepare() throws InterruptedException {
        PortWire now = wire;
        if (!subscribed || now == null || now.port().isClosed()) {
            return;
        }
        try {
            if (now != asked) {
                asked = now;
                streams.connected();
            }
            if (inbox.isDenied()
                    ? System.nanoTime() - inboxOpened >= DENIED_PAUSE_NANOS
                    : now != usable || inbox.isDeaf()) {
                inboxOpened = System.nanoTime();
                inbox.open(connection, now, settings.silent());
            }
            if (answers.areMissing()) {
                streams.unanswered();
            }
            if (!inbox.isDenied() && streams.isDue()) {
                streams.look(connection);
            }
        } catch (IOException e) {
            now.cut(); // it is ending, or silent: nobody else would notice, as long as nothing is written to it
            return;
        }
        problem = inbox.isDenied() ? inbox.denial() : streams.whyNeverAcknowledged();
        trouble = problem();
        if (!problem.isEmpty()) {
            usable = null;
            wires.closed(this, now);
            wires.unusable(this, problem);
        } else if (!streams.isUnsettled()
                && (now != usable || !streams.problem().equals(announcedProblem))) {
            usable = now;
            announcedProblem = streams.problem();
            wires.opened(this, now);
        }
    }

    private synchronized void wake() {
        changed = true;
        notifyAll();
    }

    private final class Watcher implements ConnectionWatcher {
        /** Whether jnats has told so last. */
        private boolean connected;

        @Override
        public void begun(FramePort port) {
            FramePort before = begun;
            begun = port;
            mute = before == null || before.answers() > 0 ? 0 : mute + 1;
            if (mute >= MAX_MUTE) {
                wake();
            }
        }

        @Override
        public void opened(FramePort port) {
            PortWire before = wire;
            PortWire opened = new PortWire(port, before);
            wire = opened;
            if (streams == null) {
                wires.opened(Session.this, opened);
            } else {
                wake(); // this may come after jnats has called itself connected
            }
        }

        @Override
        public void closed(FramePort port) {
            PortWire now = wire;
            if (now != null && now.port() == port) {
                wires.closed(Session.this, now);
            }
        }

        @Override
        public void happened(Connection source, Events event) {
            String server = PlainText.field(NatsSettings.withoutSecrets(String.valueOf(source.getConnectedUrl())));
            switch (event) {
                case CONNECTED -> {
                    connected = true;
                    trouble = "";
                    log.info("nats_connected datastore={} server={}", settings.datastore(), server);
                }
                case RECONNECTED -> {
                    connected = true;
                    trouble = "";
                    connector.forgetErrors();
                    log.info("nats_reconnected datastore={} server={}", settings.datastore(), server);
                    wires.connected(Session.this);
                }
                case DISCONNECTED -> {
                    connected = false;
                    subscribed = false;
                    if (!closing && connection != null) {
                        String error = connector.lastError();
                        if (trouble.isEmpty()) { // Also comes for every reconnect that fails.
                            log.warn("nats_disconnected datastore={} error=\"{}\"", settings.datastore(), error);
                        }
                        trouble = "disconnected" + (error.isEmpty() ? "" : ": " + error);
                    }
                }
                case CLOSED -> {
                    // Also comes for an attempt that failed; one that nobody asked for is told by stayConnected.
                    if (closing && source == connection) {
                        log.info("nats_closed datastore={} reason=\"closed on purpose\"", settings.datastore());
                    }
                }
                case RESUBSCRIBED -> subscribed = true;
                case LAME_DUCK -> {
                    lameDucks.write(leftOut -> log.warn(
                            "nats_event datastore={} event=\"lame duck\" server={} reason=\"it is about to shut down; moving"
                                    + " to another\" left_out={}",
                            settings.datastore(),
                            server,
                            leftOut));
                    wires.leaving(Session.this);
                }
                case DISCOVERED_SERVERS ->
                    discoveries.write(leftOut -> log.info(
                            "nats_event datastore={} event=\"{}\" servers=\"{}\" left_out={}",
                            settings.datastore(),
                            event,
                            PlainText.field(connector.servers().discovered().toString()),
                            leftOut));
                default -> log.info("nats_event datastore={} event=\"{}\"", settings.datastore(), event);
            }
            wake();
        }

        @Override
        public void serverError(String error, String shown) {
            if (inbox != null) {
                inbox.refused(error);
                streams.refused(error);
                if (inbox.isDenied()) { // also later, when permissions change
                    wake();
                }
            }
            if (isReported()) {
                errors.write(leftOut -> log.error(
                        "nats_error datastore={} error=\"{}\" left_out={}",
                        settings.datastore(),
                        PlainText.field(shown),
                        leftOut));
            }
        }

        @Override
        public void exception(String error, boolean unexpected) {
            if (isReported()) {
                exceptions.write(leftOut -> {
                    String shown = PlainText.field(error);
                    if (unexpected) {
                        log.error(
                                "nats_internal_error datastore={} error=\"{}\" left_out={}",
                                settings.datastore(),
                                shown,
                                leftOut);
                    } else if (connected) { // an end of the connection, most likely, which follows
                        log.warn(
                                "nats_event datastore={} event=\"exception\" error=\"{}\" left_out={}",
                                settings.datastore(),
                                shown,
                                leftOut);
                    } else {
                        log.warn(
                                "nats_connect_failed datastore={} error=\"{}\" left_out={}",
                                settings.datastore(),
                                shown,
                                leftOut);
                    }
                });
            }
            if (connector.isOutdated()) {
                wake();
            }
        }

        /** Errors of a first attempt to connect are reported when it has failed. */
        private boolean isReported() {
            return !closing && connection != null;
        }
    }

    /** Has the connection and its threads end; does not wait for it. */
    public synchronized void end() {
        closing = true;
        connector.servers().close();
        Connector second = looking;
        if (second != null) {
            second.servers().close();
        }
        notifyAll();
    }

    /** Frees whoever waits for a write or a barrier. */
    public void cut() {
        Wire open = openWire();
        if (open != null) {
            open.cut();
        }
    }

    /** Whether it was told to end, and all of it has. */
    public boolean hasEnded() {
        return closing && !thread.isAlive();
    }

    /** Its thread, which is to be there until it has ended. */
    public Tended thread() {
        return thread;
    }

    /** Ends it and waits: an attempt to connect that is under way ends by its own timeout. */
    @Override
    public void close() {
        end();
        if (!thread.join(CLOSING_MILLIS)) {
            log.error(
                    "nats_internal_error datastore={} reason=\"the connection's thread has not ended in time\"",
                    settings.datastore());
        }
    }
}
