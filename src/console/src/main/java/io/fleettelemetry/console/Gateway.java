package io.fleettelemetry.console;

import io.fleettelemetry.api.TelemetryRecord;
import java.util.Map;

/** A replacement for a gateway that vehicles connect to. */
final class Gateway {

    private static final String CLIENT_VERSION = "1.1.0";

    private Gateway() {}

    /**
     * Makes the record that a gateway makes of a vehicle's message. Its metadata are the seven entries of the Go
     * server, which also never sets two of them.
     *
     * @param receivedAt milliseconds since the epoch
     */
    static TelemetryRecord receive(String vin, String type, String txid, byte[] payload, long receivedAt) {
        Map<String, String> metadata = Map.of(
                "vin", vin,
                "receivedat", Long.toString(receivedAt),
                "timestamp", "0",
                "txid", txid,
                "txtype", type,
                "version", "0",
                "device_client_version", CLIENT_VERSION);
        return TelemetryRecord.of(vin, type, txid, payload, metadata);
    }
}
