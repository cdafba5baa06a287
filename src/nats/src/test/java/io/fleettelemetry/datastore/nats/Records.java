package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.TelemetryRecord;
import java.util.Map;

/** Records for tests. */
public final class Records {

    private Records() {}

    public static TelemetryRecord record(String vin, String type, byte[] payload) {
        return TelemetryRecord.of(vin, type, "tx", payload, Map.of());
    }
}
