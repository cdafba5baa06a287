package io.fleettelemetry.datastore.nats.settings;

/** The defaults of all keys: the one place for them, used by the parser and by Metatype. */
public final class Defaults {

    public static final String URL = "nats://localhost:4222";
    public static final String NAME = "fleet-telemetry";
    public static final String NAMESPACE = "tesla_telemetry";
    public static final String DATASTORE = "nats";
    public static final int RANKING = 0;
    public static final boolean TLS_FIRST = false;
    public static final long INFLIGHT_MAX_BYTES = 67_108_864;
    public static final int INFLIGHT_MAX_RECORDS = 262_144;
    public static final long CONFIRM_TIMEOUT_MS = 120_000;
    public static final long DRAIN_TIMEOUT_MS = 10_000;
    public static final String DELIVERY = "core";
    public static final String STREAM_SETUP = "verify";
    public static final String INBOX_PREFIX = "_INBOX";
    public static final String BATCH = "auto";
    public static final String MESSAGE_IDS = "auto";
    public static final long HEARTBEAT_MS = 2_000;
    /** If confirm.timeout.ms is less, that is the default. */
    public static final long SILENT_MS = 5_000;

    public static final long CONNECT_TIMEOUT_MS = 5_000;
    public static final long RECONNECT_WAIT_MS = 2_000;
    public static final boolean DISCOVER = true;
    public static final String ON_CLOSED = "withdraw";

    private Defaults() {}
}
