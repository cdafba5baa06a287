package io.fleettelemetry.datastore.nats.connection;

import io.fleettelemetry.api.kit.Loop;
import io.fleettelemetry.api.kit.Tended;
import io.fleettelemetry.api.kit.Uninterrupted;
import io.fleettelemetry.datastore.nats.jetstream.Inbox;
import io.fleettelemetry.datastore.nats.jetstream.Streams;
import io.fleettelemetry.datastore.nats.journal.Answers;
import io.fleettelemetry.datastore.nats.journal.Wire;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.settings.ServerUrls;
import io.fleettelemetry.datastore.nats.threads.Threads;
import io.nats.client.Connection;
import io.nats.client.ForceReconnectOptions;
import java.io.IOException;
import java.util.Collection;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The connection that one configuration asks for: made in the background, tried for ever from the first attempt on, and
 * made anew should jnats give it up.
 *
 * <p>A thread of its own loops over {@link Connector#connect}: jnats' own ways to retry the first connect either block the
 * caller, end for good on an authentication error, or start a thread that nobody can stop.
 */
public final class Session implements AutoCloseable {

    /** How soon it is looked again whether JetStream has become usable, and whether answers are missing. */
    private static final long LOOK_AGAIN_MILLIS = 500;

    /** How soon it is looked for an event that was not heard, because there was no memory to tell it. */
    private static final long UNHEARD_MILLIS = 1_000;

    /** How long closing waits for the thread: longer than any attempt to connect, but what it tells may be kept by others. */
    private static final long CLOSING_MILLIS = 60_000;

    private static final long CALLBACKS_MILLIS = 1_000;

    private volatile NatsSettings settings;
    private final Wires wires;
    private final ExecutorService callbacks;
    private volatile Thread callbacksThread;
    private final SessionLog log = new SessionLog(this::settings);
    private final Connector connector;
    private final Tended thread;

    /** JetStream; null in core NATS. */
    private final AnswerPath answerPath;
    /** What is unique to this session: its inbox is, so that it hears no answers to another one. */
    private final String id;

    private final SessionState state = new SessionState();
    private final SessionEvents events;
    private final JnatsHealth health = new JnatsHealth();
    private final PayloadLimit limit = new PayloadLimit();

    /** Whether jnats is being told to make its connection anew. */
    private final AtomicBoolean reconnecting = new AtomicBoolean();

    private volatile Connection connection;
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
        this.answerPath = settings.delivery().isJetStream() ? answerPath(answers) : null;
        this.events = new SessionEvents(this, wires, state, log, health, answerPath);
        this.connector = new Connector(
                settings.connection(), discovered, settings.connection().name(), callbacks, events);
        this.thread = new Tended(task -> Threads.of(prefix + "-connect", task), this::run);
    }

    private AnswerPath answerPath(Answers answers) {
        Streams streams = new Streams(settings, this::wake, System::nanoTime);
        return new AnswerPath(streams, new Inbox(settings, id, streams, answers, callbacks), answers);
    }

    public void open() {
        thread.start();
    }

    public NatsSettings settings() {
        return settings;
    }

    /** Takes settings that connect like those that it has. */
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

    /** The connection, whatever its state; null before the first one. */
    Connection connection() {
        return connection;
    }

    Connector connector() {
        return connector;
    }

    /** The wire that is open at this moment; null if none is. */
    Wire openWire() {
        PortWire now = events.wire();
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

    /** Gives up the connection as it is and has jnats make it anew, which it does in its own time: it may take long, or hang. */
    void reconnect() {
        Wire open = openWire();
        Connection now = connection;
        if (open != null) {
            open.cut();
        } else if (now != null && !state.hasEnded() && reconnecting.compareAndSet(false, true)) {
            boolean begun = false;
            try {
                Threads.of("nats-" + settings.datastore() + "-reconnect", () -> forceReconnect(now))
                        .start();
                begun = true;
            } finally {
                if (!begun) { // the machine has no thread left: the watchdog comes again
                    reconnecting.set(false);
                }
            }
        }
    }

    private void forceReconnect(Connection now) {
        try {
            now.forceReconnect(ForceReconnectOptions.builder().forceClose().build());
        } catch (IOException | RuntimeException e) { // jnats throws many kinds when it closes at the same moment
            log.reconnectFailed(e);
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; then jnats has been told all the same.
        } finally {
            reconnecting.set(false);
        }
    }

    /** JetStream: what the streams are; null unless records are to be stored. */
    public Streams streams() {
        return answerPath == null ? null : answerPath.streams();
    }

    /**
     * JetStream: the stream to which records go in batches by the {@linkplain #readyWire ready wire}; empty if each gets an
     * answer of its own.
     */
    public String batchStream() {
        return answerPath == null ? "" : answerPath.batchStream();
    }

    /** JetStream: whether it is not known yet that something can be stored by the connection. */
    public boolean isPreparing() {
        return answerPath != null && !answerPath.isReady(events.wire());
    }

    /** Why nothing can be stored, although there is a connection; empty if something can, as far as is known. */
    public String problem() {
        return answerPath == null ? "" : answerPath.problem();
    }

    /** What was wrong last; empty if nothing was. */
    public String trouble() {
        return state.reason();
    }

    /** How it is at this moment. */
    public SessionSnapshot snapshot() {
        Connection any = connection;
        Connection now = connected();
        SessionSnapshot.Server server = null;
        if (now != null) {
            server = new SessionSnapshot.Server(
                    // Null if the connection is lost at this moment.
                    ServerUrls.withoutSecrets(String.valueOf(now.getConnectedUrl())),
                    now.getServerInfo().getVersion(),
                    now.getMaxPayload());
        }
        return new SessionSnapshot(
                settings,
                server,
                any == null ? null : any.getStatistics().getReconnects(),
                answerPath == null ? null : streams().snapshot(),
                isPreparing(),
                problem(),
                state.reason());
    }

    private void run() {
        Loop.run(this::stayConnected, log::bug);
        Threads.end(callbacks);
        Thread last = callbacksThread;
        if (last != null) {
            Uninterrupted.join(last, CALLBACKS_MILLIS); // an executor counts a thread as ended a moment before it has
        }
    }

    /** For as long as one connection is of use. */
    private boolean stayConnected() throws InterruptedException {
        leave(); // whatever ended the round before
        if (state.hasEnded()) {
            return false;
        }
        try {
            connect();
            if (!state.hasEnded()) {
                serve();
            }
        } catch (RuntimeException | Error e) { // a bug: another connection may do without it
            log.bug(e);
            pause();
        }
        return true;
    }

    private void leave() throws InterruptedException {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (RuntimeException | Error e) {
            log.bug(e);
        }
    }

    /** As long as the connection is of use. */
    private void serve() throws InterruptedException {
        if (answerPath != null) {
            answerPath.subscribed(true);
        }
        wires.connected(this);
        while (isOfUse()) {
            if (answerPath != null) {
                prepare();
            }
            if (limit.isWanted()) {
                lookAtLimit();
            }
            awaitChange();
        }
        if (state.hasEnded()) {
            return;
        }
        if (hasStoppedReconnecting()) {
            log.connectingAgain(connector.lastError(), "jnats has stopped reconnecting");
        } else if (health.answersNothing()) {
            log.connectingAgain(
                    connector.lastError(),
                    "the server did not answer after " + JnatsHealth.MAX_UNANSWERED + " reconnects");
        } else if (connector.isOutdated()) { // jnats would try for ever; to leave it is our wish, and a new one helps
            log.connectingAgain(connector.lastError(), "the server has started or stopped requiring TLS");
        } else if (connector.servers().current().isDiscovered()) {
            // Who closes is jnats, when a server has refused the credentials twice; this one is none that we were told
            // to use.
            log.connectingAgain(cause(), "refused by a server that the cluster advertised");
        } else {
            String cause = cause();
            state.givenUp(cause);
            wires.lost(this, cause);
        }
    }

    /**
     * A record was refused because of its size: a server whose {@code max_payload} was raised takes it, but says so only to
     * those who connect anew.
     */
    public void tooLarge() {
        if (limit.want()) {
            wake();
        }
    }

    private void lookAtLimit() throws InterruptedException {
        Connection now = connected();
        long max = limit.look(settings.connection(), now);
        if (max > 0) {
            log.limitRaised(max, now.getServerInfo().getMaxPayload());
            reconnect();
        }
    }

    /** Why jnats has closed the connection. What the server said is told by another thread, a moment later. */
    private String cause() throws InterruptedException {
        connector.awaitCallbacks();
        String error = connector.lastError();
        return error.isEmpty() ? "jnats does not say why" : error;
    }

    private void connect() throws InterruptedException {
        health.reset();
        while (!state.hasEnded()) {
            try {
                connection = connector.connect();
                log.attemptSucceeded();
                return;
            } catch (IOException e) {
                state.attemptFailed(e.getMessage());
                if (!state.hasEnded()) {
                    log.attemptFailed(e.getMessage());
                }
            }
            pause();
        }
    }

    private synchronized void pause() throws InterruptedException {
        long millis = settings.connection().reconnectWait().toMillis();
        if (!state.hasEnded()) {
            wait(millis + ThreadLocalRandom.current().nextLong(millis / 10 + 1) + 1);
        }
    }

    private boolean isOfUse() {
        return !state.hasEnded()
                && connection.getStatus() != Connection.Status.CLOSED
                && !connector.isOutdated()
                && !health.answersNothing()
                && !hasStoppedReconnecting();
    }

    private boolean hasStoppedReconnecting() {
        return health.hasStoppedReconnecting(connection, connector.servers(), settings.connection());
    }

    private synchronized void awaitChange() throws InterruptedException {
        if (isOfUse() && !changed) {
            wait(answerPath == null ? UNHEARD_MILLIS : LOOK_AGAIN_MILLIS);
        }
        changed = false;
    }

    /** JetStream: does what is to be done before frames may go out, and tells others what has come of it. */
    private void prepare() throws InterruptedException {
        PortWire now = events.wire();
        switch (answerPath.prepare(connection, now, settings.silent())) {
            case UNKNOWN -> {}
            case AS_BEFORE -> {
                if (answerPath.isReady(now)) {
                    state.ready(answerPath.problem());
                } else {
                    state.preparing(answerPath.problem());
                }
            }
            case READY -> {
                state.ready(answerPath.problem());
                wires.opened(this, now);
            }
            case UNUSABLE -> {
                state.unusable(answerPath.whyUnusable());
                wires.closed(this, now);
                wires.unusable(this, answerPath.whyUnusable());
            }
        }
    }

    /** Something has happened that the session's thread is to look at. */
    synchronized void wake() {
        changed = true;
        notifyAll();
    }

    /** Has the connection and its threads end; does not wait for it. */
    public synchronized void end() {
        state.ended();
        connector.servers().close();
        limit.close();
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
        return state.hasEnded() && !thread.isAlive();
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
            log.notEnded();
        }
    }
}
