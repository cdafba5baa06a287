package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.Message;
import io.fleettelemetry.protos.Time;
import io.fleettelemetry.protos.TireLocation;
import io.fleettelemetry.protos.Value;
import java.util.Locale;

/** Renders measured values as JSON, in the shapes of the Go server's logger. */
final class ValueJson {

    private static final OneofDescriptor KINDS =
            Value.getDescriptor().getOneofs().get(0);

    private ValueJson() {}

    /** Renders a measured value; null if it has no value, or if its kind is not sent any more. */
    static JsonElement of(Value value, String vin, boolean verbose) {
        FieldDescriptor kind = value.getOneofFieldDescriptor(KINDS);
        if (kind == null) {
            return value.getUnknownFields().asMap().isEmpty() ? null : UnknownFields.json(value.getUnknownFields());
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
        UnknownFields.addTo(object, message);
        return object;
    }

    static JsonPrimitive scalar(FieldDescriptor field, Object value) {
        return switch (field.getJavaType()) {
            case STRING -> new JsonPrimitive((String) value);
            case BOOLEAN -> new JsonPrimitive((Boolean) value);
            case INT, LONG -> new JsonPrimitive((Number) value);
            case FLOAT, DOUBLE -> number((Number) value);
            case ENUM -> new JsonPrimitive(name((EnumValueDescriptor) value));
            case MESSAGE, BYTE_STRING -> throw new IllegalStateException(field.getFullName() + " is no scalar");
        };
    }

    /** Renders a number. JSON has no NaN and no infinities: they become text, as in protobuf's own JSON. */
    private static JsonPrimitive number(Number value) {
        return Double.isFinite(value.doubleValue()) ? new JsonPrimitive(value) : new JsonPrimitive(value.toString());
    }

    /** The schema's name; the number if the schema has no name for it (protobuf would then invent one). */
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
        UnknownFields.addTo(object, tires);
        return object;
    }

    private static String text(Time time) {
        return String.format(Locale.ROOT, "%02d:%02d:%02d", time.getHour(), time.getMinute(), time.getSecond());
    }
}
