package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.VehicleAlert;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleError;
import io.fleettelemetry.protos.VehicleErrors;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;

/**
 * Renders records as JSON, in the shapes of the Go server's logger.
 *
 * <p>The VIN is always the record's: a gateway knows it from the vehicle's certificate, and the payload only claims it.
 *
 * <p>Names that newer vehicles send and this schema does not know are rendered as numbers: a field as
 * {@code Field_281}; a value of a new kind, like any new member of a message, as a member with the number as its name.
 * There is one event for each kind of problem in a record, with a count. {@link LineBudget} limits the length of a
 * record.
 */
final class RecordJson {

    /** The record has no JSON form; the message says why. */
    static final class Unreadable extends Exception {
        private static final long serialVersionUID = 1;

        Unreadable(String reason) {
            super(reason);
        }
    }

    private final Logger log;

    /** @param log the log for the parts of a record that cannot be rendered */
    RecordJson(Logger log) {
        this.log = log;
    }

    /** The fields of an event on one line, without characters that would control a terminal. */
    static String line(JsonObject fields) {
        return PlainText.json(fields.toString());
    }

    /**
     * Returns the members that every record has: {@code vin} and {@code metadata}. The metadata are the record's,
     * sorted by name, with {@code vin}, {@code txid} and {@code txtype} even if the record's own metadata do not have
     * them.
     */
    JsonObject envelope(TelemetryRecord record) {
        Map<String, String> sorted = new TreeMap<>(record.metadata());
        sorted.putIfAbsent("vin", record.vin());
        sorted.putIfAbsent("txid", record.txid());
        sorted.putIfAbsent("txtype", record.type());
        JsonObject metadata = new JsonObject();
        sorted.forEach(metadata::addProperty);

        JsonObject envelope = new JsonObject();
        envelope.addProperty("vin", record.vin());
        envelope.add("metadata", metadata);
        return envelope;
    }

    /**
     * Decodes the payload: an object for {@code V} and {@code connectivity}, an array for {@code alerts} and
     * {@code errors}.
     *
     * @param verbose whether each value of a {@code V} record is wrapped in an object that names its kind
     * @throws Unreadable if the payload is not the message of its record type, or the type has no message
     */
    JsonElement data(TelemetryRecord record, boolean verbose) throws Unreadable {
        byte[] payload = record.payload();
        try {
            return switch (record.type()) {
                case "V" -> measurements(Payload.parseFrom(payload), record, verbose);
                case "alerts" -> alerts(VehicleAlerts.parseFrom(payload), record);
                case "errors" -> errors(VehicleErrors.parseFrom(payload), record);
                case "connectivity" -> connectivity(VehicleConnectivity.parseFrom(payload), record);
                default ->
                    throw new Unreadable("record type " + record.type()
                            + " has no JSON form: V, alerts, errors and connectivity have one");
            };
        } catch (InvalidProtocolBufferException e) {
            throw new Unreadable(
                    "the payload is not a message of record type " + record.type() + ": " + e.getMessage());
        }
    }

    private JsonObject measurements(Payload payload, TelemetryRecord record, boolean verbose) throws Unreadable {
        String vin = record.vin();
        JsonObject data = new JsonObject();
        data.addProperty("Vin", vin);
        data.addProperty("CreatedAt", text(payload.getCreatedAt()));
        data.addProperty("IsResend", payload.getIsResend());
        LineBudget budget = new LineBudget(record, log);
        Skipped skipped = new Skipped(vin, log);
        for (Datum datum : payload.getDataList()) {
            String name = name(datum);
            if (!datum.hasValue()) {
                skipped.withoutValue();
            } else {
                JsonElement value = ValueJson.of(datum.getValue(), vin, verbose);
                if (value == null) {
                    skipped.unrendered(name);
                } else {
                    add(data, name, value, budget);
                }
            }
            addUnknown(data, name + ".", datum, budget);
        }
        addUnknown(data, "", payload, budget);
        skipped.note();
        budget.note();
        return data;
    }

    /** The schema's name, or {@code Field_} and the number if it has none. */
    private static String name(Datum datum) {
        return datum.getKey() == Field.UNRECOGNIZED
                ? "Field_" + datum.getKeyValue()
                : datum.getKey().name();
    }

    private static void addUnknown(JsonObject to, String prefix, Message message, LineBudget budget) {
        Map<Integer, UnknownFieldSet.Field> unknown = message.getUnknownFields().asMap();
        if (!unknown.isEmpty()) { // almost always empty: no iterator for every datum
            unknown.forEach((number, field) -> add(to, prefix + number, UnknownFields.json(field), budget));
        }
    }

    private static void add(JsonObject to, String name, JsonElement value, LineBudget budget) {
        if (budget.takes(name, value)) {
            to.add(name, value);
        }
    }

    /** RFC 3339 in whole seconds; a timestamp that is not set has 0 seconds, which is 1970. */
    private static String text(Timestamp time) throws Unreadable {
        try {
            return Instant.ofEpochSecond(time.getSeconds()).toString();
        } catch (DateTimeException e) {
            throw new Unreadable("created_at is " + time.getSeconds() + " s from 1970, which is not a date");
        }
    }

    private JsonArray alerts(VehicleAlerts message, TelemetryRecord record) {
        JsonArray list = new JsonArray();
        LineBudget budget = new LineBudget(record, log);
        for (VehicleAlert alert : message.getAlertsList()) {
            JsonObject object = new JsonObject();
            object.addProperty("Name", alert.getName());
            if (alert.hasStartedAt()) {
                object.addProperty("StartedAt", alert.getStartedAt().getSeconds());
            }
            if (alert.hasEndedAt()) {
                object.addProperty("EndedAt", alert.getEndedAt().getSeconds());
            }
            object.add("Audiences", audiences(alert));
            UnknownFields.addTo(object, alert);
            if (budget.takes("", object)) {
                list.add(object);
            }
        }
        budget.note();
        return list;
    }

    private static JsonElement audiences(VehicleAlert alert) {
        if (alert.getAudiencesCount() == 0) {
            return JsonNull.INSTANCE;
        }
        JsonArray names = new JsonArray();
        FieldDescriptor audiences = VehicleAlert.getDescriptor().findFieldByNumber(VehicleAlert.AUDIENCES_FIELD_NUMBER);
        for (int i = 0; i < alert.getAudiencesCount(); i++) {
            names.add(ValueJson.scalar(audiences, alert.getRepeatedField(audiences, i)));
        }
        return names;
    }

    private JsonArray errors(VehicleErrors message, TelemetryRecord record) {
        JsonArray list = new JsonArray();
        LineBudget budget = new LineBudget(record, log);
        for (VehicleError error : message.getErrorsList()) {
            JsonObject object = new JsonObject();
            object.addProperty("Name", error.getName());
            object.addProperty("Body", error.getBody());
            object.add("Tags", tags(error));
            if (error.hasCreatedAt()) {
                object.addProperty("CreatedAt", error.getCreatedAt().getSeconds());
            }
            UnknownFields.addTo(object, error);
            if (budget.takes("", object)) {
                list.add(object);
            }
        }
        budget.note();
        return list;
    }

    private static JsonElement tags(VehicleError error) {
        if (error.getTagsCount() == 0) {
            return JsonNull.INSTANCE;
        }
        JsonObject tags = new JsonObject();
        error.getTagsMap().forEach(tags::addProperty);
        return tags;
    }

    private JsonObject connectivity(VehicleConnectivity message, TelemetryRecord record) {
        FieldDescriptor status =
                VehicleConnectivity.getDescriptor().findFieldByNumber(VehicleConnectivity.STATUS_FIELD_NUMBER);
        JsonObject object = new JsonObject();
        object.addProperty("Vin", record.vin());
        LineBudget budget = new LineBudget(record, log);
        add(object, "ConnectionID", new JsonPrimitive(message.getConnectionId()), budget);
        add(object, "NetworkInterface", new JsonPrimitive(message.getNetworkInterface()), budget);
        object.add("Status", ValueJson.scalar(status, message.getField(status)));
        object.addProperty("CreatedAt", message.getCreatedAt().getSeconds());
        addUnknown(object, "", message, budget);
        budget.note();
        return object;
    }
}
