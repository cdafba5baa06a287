package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonObject;
import java.util.LinkedHashSet;
import java.util.Set;
import org.slf4j.Logger;

/** The measurements of one record that cannot be rendered. There is one event for each kind, with a count. */
final class Skipped {

    /** Limit on the names that an event lists; the count has no limit. */
    private static final int MAX_NAMES = 10;

    private final String vin;
    private final Logger log;
    private final Set<String> names = new LinkedHashSet<>();
    private long withoutValue;
    private long unrendered;

    Skipped(String vin, Logger log) {
        this.vin = vin;
        this.log = log;
    }

    void withoutValue() {
        withoutValue++;
    }

    /** @param name the name of the measurement */
    void unrendered(String name) {
        unrendered++;
        if (names.size() < MAX_NAMES) {
            names.add(name);
        }
    }

    void note() {
        if (withoutValue > 0) {
            JsonObject fields = new JsonObject();
            fields.addProperty("vin", vin);
            fields.addProperty("count", withoutValue);
            log.info("unknown_payload_data_type {}", RecordJson.line(fields));
        }
        if (unrendered > 0) {
            JsonObject fields = new JsonObject();
            fields.addProperty("name", String.join(", ", names));
            fields.addProperty("vin", vin);
            fields.addProperty("count", unrendered);
            log.info("unknown_payload_value_data_type {}", RecordJson.line(fields));
        }
    }
}
