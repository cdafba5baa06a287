package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.fleettelemetry.api.TelemetryRecord;
import org.slf4j.Logger;

/** Limits the length of one record in the log, and counts the values that do not fit. */
final class LineBudget {

    /**
     * Approximate limit (characters) on a record's {@code data}. A payload of a megabyte could need 100 times as much.
     */
    static final int MAX_CHARS = 1 << 20;

    /** No payload below this size (bytes) reaches the limit, because a byte becomes at most some 50 characters. */
    private static final int SMALL_PAYLOAD = MAX_CHARS / 64;

    private final TelemetryRecord record;
    private final Logger log;
    private final boolean isAmple;
    private long left = MAX_CHARS;
    private long leftOut;

    LineBudget(TelemetryRecord record, Logger log) {
        this.record = record;
        this.log = log;
        this.isAmple = record.payload().length <= SMALL_PAYLOAD;
    }

    /** Whether there is room for this member. */
    boolean takes(String name, JsonElement value) {
        if (isAmple) { // almost always, so that nothing needs to be measured
            return true;
        }
        long size = name.length() + value.toString().length() + "\"\":,".length();
        if (size > left) {
            leftOut++;
            return false;
        }
        left -= size;
        return true;
    }

    /** Logs how many values were left out, if any were. */
    void note() {
        if (leftOut > 0) {
            JsonObject fields = new JsonObject();
            fields.addProperty("vin", record.vin());
            fields.addProperty("count", leftOut);
            fields.addProperty(
                    "error", "values were left out, because a line has at most " + MAX_CHARS + " characters");
            log.warn("record_payload_cut {}", RecordJson.line(fields));
        }
    }
}
