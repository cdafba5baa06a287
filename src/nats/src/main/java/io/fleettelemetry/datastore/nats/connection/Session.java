package io.fleettelemetry.datastore.nats.connection;

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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/**
 * The connection for one configuration. It is made in the background. The session never stops trying, and connects anew
 * if jnats gives the connection up.
 */
public final class Session implements AutoCloseable {

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
    private final ConnectLoop loop;

    /** Whether jnats is being asked to reconnect. */
    private final AtomicBoolean reconnecting = new AtomicBoolean();

    /**
     * @param id the session's unique id
     * @param answers takes the answers of JetStream
     * @param discovered servers besides those of the settings
     */
    public Session(
            NatsSettings settings,
            Wires wires,
            String id,
            Answers answers,
            Collection<Servers.Server> discovered,
            LongSupplier nanoTime) {
        this.settings = settings;
        this.wires = wires;
        this.id = id;
        String prefix = "nats-" + settings.datastore();
        this.callbacks =
                Executors.newSingleThreadExecutor(task -> callbacksThread = Threads.of(prefix + "-events", task));
        this.answerPath = settings.delivery().isJetStream() ? answerPath(answers, nanoTime) : null;
        this.events = new SessionEvents(this, wires, state, log, health, answerPath);
        this.connector = new Connector(
                settings.connection(), discovered, settings.connection().name(), callbacks, events);
        this.loop = new ConnectLoop(this, wires, connector, answerPath, state, events, log, health);
        this.thread = new Tended(task -> Threads.of(prefix + "-connect", task), this::run);
    }

    private AnswerPath answerPath(Answers answers, LongSupplier nanoTime) {
        Streams streams = new Streams(settings, () -> loop().wake(), nanoTime);
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
        Connection now = loop.connection();
        return now != null && now.getStatus() == Connection.Status.CONNECTED ? now : null;
    }

    ConnectLoop loop() {
        return loop;
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
        Connection now = loop.connection();
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
        Connection any = loop.connection();
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
        loop.run();
        Threads.end(callbacks);
        Thread last = callbacksThread;
        if (last != null) {
            Uninterrupted.join(last, CALLBACKS_MILLIS); // an executor considers a thread ended a moment too early
        }
    }

    /**
     * A record was refused because of its size. The server's {@code max_payload} may have been raised since; the server
     * announces that only to new connections, so this causes a check.
     */
    public void tooLarge() {
        loop.lookForHigherLimit();
    }

    /** Ends the connection and its threads, without waiting for them. */
    public void end() {
        loop.end();
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
