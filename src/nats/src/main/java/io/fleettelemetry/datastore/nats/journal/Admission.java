package io.fleettelemetry.datastore.nats.journal;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;

/** Refuses records that the server would refuse, and records beyond the limits of the settings. */
final class Admission {

    /** The length of the longest array. */
    private static final int MAX_FRAME = Integer.MAX_VALUE - 8;

    private Admission() {}

    /** Whether the wire's server would refuse the record; null if it would not, or there is no wire to ask. */
    static Failure unfit(TelemetryRecord record, FrameEncoder encoder, Wire wire) {
        if (wire == null) {
            return null;
        }
        if (encoder.hasHeaders() && !wire.takesHeaders()) {
            return new Failure(
                    Failure.Kind.ERROR,
                    "the server does not accept message headers, but message ids need them; allow headers on the"
                            + " server (no_header_support), or set message.ids = false");
        }
        long size = (long) record.payload().length + encoder.headerLength();
        if (size > wire.maxPayload()) {
            return new Failure(
                    Failure.Kind.TOO_LARGE,
                    "the payload has " + record.payload().length + " bytes"
                            + (encoder.hasHeaders() ? " (" + size + " with its header)" : "")
                            + ", but the server takes at most " + wire.maxPayload() + " (its max_payload)");
        }
        return null;
    }

    /** Whether there is no room for a frame of this length; null if there is. */
    static Failure full(long length, NatsSettings settings, Blocks blocks) {
        if (length > MAX_FRAME) {
            return new Failure(
                    Failure.Kind.TOO_LARGE, "the message would have " + length + " bytes; the limit is " + MAX_FRAME);
        }
        if (blocks.records() >= settings.inflightMaxRecords()) {
            return new Failure(
                    Failure.Kind.FULL,
                    "inflight.max.records = " + settings.inflightMaxRecords()
                            + " is used up: that many records wait for confirmation");
        }
        if (blocks.records() > 0 && areBytesUsedUp(length, settings.inflightMaxBytes(), blocks)) {
            return new Failure(
                    Failure.Kind.FULL,
                    "inflight.max.bytes = " + settings.inflightMaxBytes() + " is used up: " + blocks.bytes()
                            + " bytes wait for confirmation, in buffers of " + blocks.held() + " bytes");
        }
        return null;
    }

    /**
     * Whether the limit on bytes is reached. The memory of the blocks counts, because a block stays as large as it is even
     * if little in it is left to confirm. But a small difference between the blocks and their frames is ignored.
     */
    private static boolean areBytesUsedUp(long length, long most, Blocks blocks) {
        long held = blocks.held() + (long) blocks.records() * Blocks.RECORD_OVERHEAD - most / 8 - 2 * Block.SIZE;
        return Math.max(blocks.bytes(), held) + length + Blocks.RECORD_OVERHEAD > most;
    }
}
