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
 * The connection for one configuration. It is made in the background. The session never stops trying, and connects anew
 * if jnats gives the connection up.
 *
 * <p>A thread of its own loops over {@link Connector#connect}. jnats' own ways to retry the first connection block the
 * caller, or end on an authentication error, or start a thread that cannot be stopped.
 */
public final class Session implements AutoCloseable {

    /** Pause (ms) between checks whether JetStream has become usable, and whether answers are missing. */
    private static final long LOOK_AGAIN_MILLIS = 500;

    /** Pause (ms) between checks for an event whose notification was lost because there was no memory. */
    private static final long UNHEARD_MILLIS = 1_000;

    /** Longest wait (ms) for the thread on closing: longer than any attempt to connect, but listeners may block it. */
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
    /** The session's unique id. Its inbox contains it, so that it gets no answers for another session. */
    private final String id;

    private final SessionState state = new SessionState();
    private final SessionEvents events;
    private final JnatsHealth health = new JnatsHealth();
    private final PayloadLimit limit = new PayloadLimit();

    /** Whether jnats is being asked to reconnect. */
    private final AtomicBoolean reconnecting = new AtomicBoolean();

    private volatile Connection connection;
    /** Whether there is a change that the session's thread has not handled yet. Guarded by this. */
    private boolean changed;

    /**
     * @param id the session's unique id
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

    /** Takes settings that need no new connection. */
    public void use(NatsSettings settings) {
        this.settings = settings;
    }

    /** JetStream: the beginning of the subjects of its answers. */
    public String inbox() {
        return Inbox.subject(settings, id);
    }

    /** The connection if it can be used at this moment; otherwise null. */
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

    /** The open wire; null if there is none. */
    Wire openWire() {
        PortWire now = events.wire();
        return now == null || now.port().isClosed() ? null : now;
    }

    /** The wire on which frames may go out and will be answered; null if there is none. */
    public Wire readyWire() {
        return isPreparing() ? null : openWire();
    }

    /** Whether jnats considers itself connected although there is no port to write to. */
    boolean isStranded() {
        return openWire() == null && connected() != null;
    }

    /** The servers that the cluster has advertised. */
    public Collection<Servers.Server> discovered() {
        return connector.servers().discovered();
    }

    /** Cuts the connection and makes jnats reconnect, on another thread, because jnats may take long or hang. */
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
        } catch (IOException | RuntimeException e) { // jnats throws several kinds when it closes at the same moment
            log.reconnectFailed(e);
        } catch (InterruptedException e) {
            // No code of ours interrupts this thread, and jnats has been asked anyway.
        } finally {
            reconnecting.set(false);
        }
    }

    /** JetStream: the state of the streams; null in core NATS. */
    public Streams streams() {
        return answerPath == null ? null : answerPath.streams();
    }

    /**
     * JetStream: the stream to which records go in batches by the {@linkplain #readyWire ready wire}; empty if each
     * gets an answer of its own.
     */
    public String batchStream() {
        return answerPath == null ? "" : answerPath.batchStream();
    }

    /** JetStream: whether it is still unknown if records can be stored on the connection. */
    public boolean isPreparing() {
        return answerPath != null && !answerPath.isReady(events.wire());
    }

    /** Why nothing can be stored although there is a connection; empty if records can be stored, as far as is known. */
    public String problem() {
        return answerPath == null ? "" : answerPath.problem();
    }

    /** The last problem; empty if there is none. */
    public String trouble() {
        return state.reason();
    }

    /** The session's current state, for the status. */
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
            Uninterrupted.join(last, CALLBACKS_MILLIS); // an executor considers a thread ended a moment too early
        }
    }

    /** Makes one connection, and stays as long as it can be used. */
    private boolean stayConnected() throws InterruptedException {
        leave(); // however the last round ended
        if (state.hasEnded()) {
            return false;
        }
        try {
            connect();
            if (!state.hasEnded()) {
                serve();
            }
        } catch (RuntimeException | Error e) { // a bug, which another connection may not have
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

    /** Serves the connection as long as it can be used. */
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
        } else if (connector.isOutdated()) { // jnats would try without end, but a new connection helps
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
     * A record was refused because of its size. The server's {@code max_payload} may have been raised since; the server
     * announces that only to new connections, so this causes a check.
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

    /** Why jnats has closed the connection. Another thread reports the server's words a moment later, so this waits. */
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

    /** JetStream: prepares the wire for frames, and reports the result. */
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

    /** Makes the session's thread check for changes. */
    synchronized void wake() {
        changed = true;
        notifyAll();
    }

    /** Ends the connection and its threads, without waiting for them. */
    public synchronized void end() {
        state.ended();
        connector.servers().close();
        limit.close();
        notifyAll();
    }

    /** Cuts the open wire, which frees threads that wait for a write or a barrier. */
    public void cut() {
        Wire open = openWire();
        if (open != null) {
            open.cut();
        }
    }

    /** Whether the session was asked to end and has ended completely. */
    public boolean hasEnded() {
        return state.hasEnded() && !thread.isAlive();
    }

    /** The session's thread, which must run until the session has ended. */
    public Tended thread() {
        return thread;
    }

    /** Ends the session and waits for that. A current attempt to connect ends by its own timeout. */
    @Override
    public void close() {
        end();
        if (!thread.join(CLOSING_MILLIS)) {
            log.notEnded();
        }
    }
}
