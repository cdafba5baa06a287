package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import com.google.protobuf.UnknownFieldSet;
import java.util.HexFormat;

/** Renders fields that newer vehicles send and the schema does not know, as they are encoded. */
final class UnknownFields {

    private UnknownFields() {}

    /**
     * Adds a message's unknown fields to its members. It does not check the room: that is done for the whole message.
     */
    static void addTo(JsonObject to, Message message) {
        message.getUnknownFields().asMap().forEach((number, field) -> to.add(number.toString(), json(field)));
    }

    /** An object with a member for each field, named by its number. */
    static JsonObject json(UnknownFieldSet fields) {
        JsonObject object = new JsonObject();
        fields.asMap().forEach((number, field) -> object.add(number.toString(), json(field)));
        return object;
    }

    /**
     * Varints become whole numbers. Everything else becomes hexadecimal digits, because only a schema knows its
     * meaning.
     */
    static JsonElement json(UnknownFieldSet.Field field) {
        JsonArray values = new JsonArray();
        field.getVarintList().forEach(values::add);
        field.getFixed32List().forEach(bits -> values.add(String.format("%08x", bits)));
        field.getFixed64List().forEach(bits -> values.add(String.format("%016x", bits)));
        field.getLengthDelimitedList()
                .forEach(bytes -> values.add(HexFormat.of().formatHex(bytes.toByteArray())));
        field.getGroupList().forEach(group -> values.add(json(group)));
        return values.size() == 1 ? values.get(0) : values;
    }
}
