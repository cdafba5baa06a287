package io.fleettelemetry.api;

import java.util.Map;
import java.util.Objects;

/**
 * One message of one vehicle, on its way to the datastores. Immutable and safe to share between threads.
 *
 * <p>The payload is not copied: neither the creator nor a user of the record may change the bytes afterwards.
 */
public final class TelemetryRecord {

    private final String vin;
    private final String type;
    private final String txid;
    private final byte[] payload;
    private final Map<String, String> metadata;
    private final Object context;

    private TelemetryRecord(
            String vin, String type, String txid, byte[] payload, Map<String, String> metadata, Object context) {
        this.vin = vin;
        this.type = type;
        this.txid = txid;
        this.payload = payload;
        this.metadata = metadata;
        this.context = context;
    }

    /**
     * Makes a record. This method accepts any text. A datastore refuses a VIN or a type that cannot be part of its
     * destinations, with {@link Failure.Kind#INVALID}.
     *
     * @param vin the vehicle's identification number, for example {@code 5YJ3E1EA1NF123456}
     * @param type the record type: {@code V}, {@code alerts}, {@code errors}, {@code connectivity} or any other
     * @param txid the vehicle's own id of the message, empty if it has none; a vehicle may use the same id for other
     *     bytes when it sends again, so the id does not identify a payload
     * @param payload the bytes as the vehicle sent them, usually protobuf; may be empty; not copied
     * @param metadata further facts about the message by name, for example {@code receivedat}; copied unless it is
     *     already unmodifiable
     * @return the record
     * @throws NullPointerException if any argument, or a key or value of the metadata, is null
     */
    public static TelemetryRecord of(
            String vin, String type, String txid, byte[] payload, Map<String, String> metadata) {
        return new TelemetryRecord(
                Objects.requireNonNull(vin, "vin"),
                Objects.requireNonNull(type, "type"),
                Objects.requireNonNull(txid, "txid"),
                Objects.requireNonNull(payload, "payload"),
                Map.copyOf(metadata),
                null);
    }

    /**
     * Returns the same record with an object of the host attached. A {@link Receipt} gets the same record object that
     * was given to {@link Producer#produce}, so the host finds its own state there without a lookup.
     *
     * @param context an object of the host; a datastore neither reads nor keeps it
     * @return a record that shares everything else with this one
     */
    public TelemetryRecord withContext(Object context) {
        return new TelemetryRecord(vin, type, txid, payload, metadata, context);
    }

    /** The vehicle's identification number. */
    public String vin() {
        return vin;
    }

    /** The record type: {@code V}, {@code alerts}, {@code errors}, {@code connectivity} or any other. */
    public String type() {
        return type;
    }

    /** The vehicle's own id of the message; empty if it has none. */
    public String txid() {
        return txid;
    }

    /** The payload itself, not a copy. Callers must not change it. */
    public byte[] payload() {
        return payload;
    }

    /** Further facts by name; unmodifiable, empty if there are none. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** The object that the host attached with {@link #withContext}; null if there is none. */
    public Object context() {
        return context;
    }

    /** Vehicle, type, txid and payload length, for logs; never the payload. */
    @Override
    public String toString() {
        return type + " record of " + vin + " (txid " + (txid.isEmpty() ? "none" : txid) + ", " + payload.length
                + " bytes)";
    }
}
