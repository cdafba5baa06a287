package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.fleettelemetry.api.TelemetryRecord;
import org.slf4j.Logger;

/** What one record may become in the log. Counts what there is no room for. */
final class LineBudget {

    /** The longest {@code data} of a record, in characters, about. A payload of a megabyte may ask for 100 times as much. */
    static final int MAX_CHARS = 1 << 20;

    /** Below it no payload becomes so long, whatever is in it: at most some 50 characters come of a byte. */
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
        if (isAmple) { // as good as always: then nobody needs to measure
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

    /** Says what was left out, if anything was. */
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
