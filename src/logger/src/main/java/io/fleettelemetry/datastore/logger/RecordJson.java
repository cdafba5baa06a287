package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.Time;
import io.fleettelemetry.protos.TireLocation;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.protos.VehicleAlert;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleError;
import io.fleettelemetry.protos.VehicleErrors;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;

/**
 * Renders records as JSON, in the shapes of the Go server's logger.
 *
 * <p>The VIN is the record's throughout: a gateway knows it from the vehicle's certificate, the payload only claims it.
 *
 * <p>What a newer vehicle sends and this schema does not name is rendered by number: a field of that sort as
 * {@code Field_281}, a value of a new kind, like any new member of a message, as a member whose name is the number. Of each
 * trouble with a record there is one event, with a count; and {@link Room} bounds what a record becomes.
 */
final class RecordJson {

    /** The record has no JSON form; the message says why. */
    static final class Unreadable extends Exception {
        private static final long serialVersionUID = 1;

        Unreadable(String reason) {
            super(reason);
        }
    }

    private static final OneofDescriptor KINDS =
            Value.getDescriptor().getOneofs().get(0);

    private final Logger log;

    /** @param log where to note what a record has that cannot be rendered */
    RecordJson(Logger log) {
        this.log = log;
    }

    /** The fields of an event, on one line and without what would command a terminal. */
    static String line(JsonObject fields) {
        return PlainText.json(fields.toString());
    }

    /**
     * What there is to say of any record: {@code vin} and {@code metadata}. The metadata are the record's, in the order
     * of their names, and {@code vin}, {@code txid} and {@code txtype} even if the record's own lack them.
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
     * The decoded payload: an object for {@code V} and {@code connectivity}, an array for {@code alerts} and
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
        Room room = new Room(record, log);
        Skipped skipped = new Skipped(vin, log);
        for (Datum datum : payload.getDataList()) {
            String name = name(datum);
            if (!datum.hasValue()) {
                skipped.withoutValue();
            } else {
                JsonElement value = value(datum.getValue(), vin, verbose);
                if (value == null) {
                    skipped.unrendered(name);
                } else {
                    add(data, name, value, room);
                }
            }
            addUnknown(data, name + ".", datum, room);
        }
        addUnknown(data, "", payload, room);
        skipped.note();
        room.note();
        return data;
    }

    /** The schema's name, or {@code Field_} and the number if it has none. */
    private static String name(Datum datum) {
        return datum.getKey() == Field.UNRECOGNIZED
                ? "Field_" + datum.getKeyValue()
                : datum.getKey().name();
    }

    /** A measured value; null if it has none, or is of the kind that is not sent any more. */
    private static JsonElement value(Value value, String vin, boolean verbose) {
        FieldDescriptor kind = value.getOneofFieldDescriptor(KINDS);
        if (kind == null) {
            return value.getUnknownFields().asMap().isEmpty() ? null : Unknown.json(value.getUnknownFields());
        }
        if (kind.getNumber() == Value.CHARGING_VALUE_FIELD_NUMBER) {
            return null;
        }
        if (!verbose) {
            return value(value, kind, vin);
        }
        JsonObject labelled = new JsonObject();
        labelled.add(label(kind), verboseValue(value, kind, vin));
        return labelled;
    }

    /** Without asking for room: what becomes of the whole message does. */
    private static void addUnknown(JsonObject to, Message message) {
        message.getUnknownFields().asMap().forEach((number, field) -> to.add(number.toString(), Unknown.json(field)));
    }

    private static void addUnknown(JsonObject to, String prefix, Message message, Room room) {
        Map<Integer, UnknownFieldSet.Field> unknown = message.getUnknownFields().asMap();
        if (!unknown.isEmpty()) { // it nearly always is, and a datum is not worth an iterator
            unknown.forEach((number, field) -> add(to, prefix + number, Unknown.json(field), room));
        }
    }

    private static void add(JsonObject to, String name, JsonElement value, Room room) {
        if (room.takes(name, value)) {
            to.add(name, value);
        }
    }

    /** The JSON name of a value's kind; since the kinds after shift_state_value, most go without the suffix. */
    private static String label(FieldDescriptor kind) {
        String name = kind.getJsonName();
        return switch (kind.getNumber()) {
            case Value.FAST_CHARGER_VALUE_FIELD_NUMBER -> "fastChargerType";
            case Value.CABLE_TYPE_VALUE_FIELD_NUMBER -> "chargingCableType";
            case Value.POWERSHARE_STATE_VALUE_FIELD_NUMBER -> "powershareStatus";
            case Value.CHARGE_UNIT_PREFERENCE_VALUE_FIELD_NUMBER -> "chargeUnit";
            case Value.DOOR_VALUE_FIELD_NUMBER -> name;
            default ->
                kind.getNumber() > Value.SHIFT_STATE_VALUE_FIELD_NUMBER && name.endsWith("Value")
                        ? name.substring(0, name.length() - "Value".length())
                        : name;
        };
    }

    private static JsonElement verboseValue(Value value, FieldDescriptor kind, String vin) {
        return kind.getNumber() == Value.INVALID_FIELD_NUMBER ? new JsonPrimitive(true) : value(value, kind, vin);
    }

    private static JsonElement value(Value value, FieldDescriptor kind, String vin) {
        return switch (kind.getNumber()) {
            case Value.INVALID_FIELD_NUMBER -> new JsonPrimitive("<invalid>");
            case Value.TIME_VALUE_FIELD_NUMBER -> new JsonPrimitive(text(value.getTimeValue()));
            case Value.TIRE_LOCATION_VALUE_FIELD_NUMBER -> tires(value.getTireLocationValue(), isSemiTruck(vin));
            case Value.LOCATION_VALUE_FIELD_NUMBER -> allFields(value.getLocationValue());
            case Value.DOOR_VALUE_FIELD_NUMBER -> allFields(value.getDoorValue());
            default -> scalar(kind, value.getField(kind));
        };
    }

    private static JsonObject allFields(Message message) {
        JsonObject object = new JsonObject();
        for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
            object.add(field.getName(), scalar(field, message.getField(field)));
        }
        addUnknown(object, message);
        return object;
    }

    private static JsonPrimitive scalar(FieldDescriptor field, Object value) {
        return switch (field.getJavaType()) {
            case STRING -> new JsonPrimitive((String) value);
            case BOOLEAN -> new JsonPrimitive((Boolean) value);
            case INT, LONG -> new JsonPrimitive((Number) value);
            case FLOAT, DOUBLE -> number((Number) value);
            case ENUM -> new JsonPrimitive(name((EnumValueDescriptor) value));
            case MESSAGE, BYTE_STRING -> throw new IllegalStateException(field.getFullName() + " is no scalar");
        };
    }

    /** JSON has no NaN and no infinities: they are text, as in protobuf's own JSON. */
    private static JsonPrimitive number(Number value) {
        return Double.isFinite(value.doubleValue()) ? new JsonPrimitive(value) : new JsonPrimitive(value.toString());
    }

    /** The schema's name, or the number in digits if the schema has no name for it (protobuf then makes one up). */
    private static String name(EnumValueDescriptor value) {
        boolean known = value.getType().findValueByNumber(value.getNumber()) != null;
        return known ? value.getName() : Integer.toString(value.getNumber());
    }

    /** The fourth character of a VIN is the model; T is the semi truck. */
    private static boolean isSemiTruck(String vin) {
        return vin.length() > 3 && vin.charAt(3) == 'T';
    }

    private static JsonObject tires(TireLocation tires, boolean semiTruck) {
        JsonObject object = new JsonObject();
        object.addProperty("FrontLeft", tires.getFrontLeft());
        object.addProperty("FrontRight", tires.getFrontRight());
        if (semiTruck) {
            object.addProperty("SemiMiddleAxleLeft", tires.getRearLeft());
            object.addProperty("SemiMiddleAxleRight", tires.getRearRight());
            object.addProperty("SemiMiddleAxleLeft2", tires.getSemiMiddleAxleLeft2());
            object.addProperty("SemiMiddleAxleRight2", tires.getSemiMiddleAxleRight2());
            object.addProperty("SemiRearAxleLeft", tires.getSemiRearAxleLeft());
            object.addProperty("SemiRearAxleRight", tires.getSemiRearAxleRight());
            object.addProperty("SemiRearAxleLeft2", tires.getSemiRearAxleLeft2());
            object.addProperty("SemiRearAxleRight2", tires.getSemiRearAxleRight2());
        } else {
            object.addProperty("RearLeft", tires.getRearLeft());
            object.addProperty("RearRight", tires.getRearRight());
        }
        addUnknown(object, tires);
        return object;
    }

    private static String text(Time time) {
        return String.format(Locale.ROOT, "%02d:%02d:%02d", time.getHour(), time.getMinute(), time.getSecond());
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
        Room room = new Room(record, log);
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
            addUnknown(object, alert);
            if (room.takes("", object)) {
                list.add(object);
            }
        }
        room.note();
        return list;
    }

    private static JsonElement audiences(VehicleAlert alert) {
        if (alert.getAudiencesCount() == 0) {
            return JsonNull.INSTANCE;
        }
        JsonArray names = new JsonArray();
        FieldDescriptor audiences = VehicleAlert.getDescriptor().findFieldByNumber(VehicleAlert.AUDIENCES_FIELD_NUMBER);
        for (int i = 0; i < alert.getAudiencesCount(); i++) {
            names.add(scalar(audiences, alert.getRepeatedField(audiences, i)));
        }
        return names;
    }

    private JsonArray errors(VehicleErrors message, TelemetryRecord record) {
        JsonArray list = new JsonArray();
        Room room = new Room(record, log);
        for (VehicleError error : message.getErrorsList()) {
            JsonObject object = new JsonObject();
            object.addProperty("Name", error.getName());
            object.addProperty("Body", error.getBody());
            object.add("Tags", tags(error));
            if (error.hasCreatedAt()) {
                object.addProperty("CreatedAt", error.getCreatedAt().getSeconds());
            }
            addUnknown(object, error);
            if (room.takes("", object)) {
                list.add(object);
            }
        }
        room.note();
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
        Room room = new Room(record, log);
        add(object, "ConnectionID", new JsonPrimitive(message.getConnectionId()), room);
        add(object, "NetworkInterface", new JsonPrimitive(message.getNetworkInterface()), room);
        object.add("Status", scalar(status, message.getField(status)));
        object.addProperty("CreatedAt", message.getCreatedAt().getSeconds());
        addUnknown(object, "", message, room);
        room.note();
        return object;
    }
}
