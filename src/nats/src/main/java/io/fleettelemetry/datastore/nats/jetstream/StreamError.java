package io.fleettelemetry.datastore.nats.jetstream;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.kit.PlainText;

/** JetStream's error answer to a message. */
record StreamError(int code, int detail, String description) {

    static final int NO_RESPONDERS = 503;
    private static final int UNAVAILABLE = 503;
    static final int TOO_MANY_REQUESTS = 429;

    private static final int NOT_ENABLED = 10_205;
    private static final int UNKNOWN_BATCH = 10_208;
    /** A limit of the stream is reached, although the code says "unavailable". */
    private static final int STORE_FAILED = 10_077;
    /** The first copy of the message is not stored yet. */
    private static final int DUPLICATE_IN_PROCESS = 10_158;

    private static final int MESSAGE_TOO_LARGE = 10_054;

    String words() {
        return PlainText.field(description) + " (code " + code + ", err_code " + detail + ")";
    }

    /** Whether it is an error of JetStream, which has a code of its own. */
    boolean isKnown() {
        return detail > 0;
    }

    /** Whether the message may be stored if it is written again. */
    boolean isPassing() {
        return code == UNAVAILABLE && detail != STORE_FAILED
                || code == TOO_MANY_REQUESTS
                || detail == DUPLICATE_IN_PROCESS;
    }

    /** Whether the reason is the message itself, so that others may be stored. */
    boolean isOfMessage() {
        return detail == MESSAGE_TOO_LARGE;
    }

    boolean isUnknownBatch() {
        return detail == UNKNOWN_BATCH;
    }

    /** Whether the stream takes no batches. */
    boolean isNoBatches() {
        return detail == NOT_ENABLED;
    }

    Failure failure() {
        return new Failure(Failure.Kind.ERROR, "the stream refused it: " + words());
    }
}
