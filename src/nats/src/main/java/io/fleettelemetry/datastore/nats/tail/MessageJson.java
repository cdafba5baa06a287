package io.fleettelemetry.datastore.nats.tail;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Empty;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.UnknownFieldSet;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * The canonical JSON mapping of protobuf for any message, by its descriptor, without fields that are not set. Names
 * that newer vehicles send and this schema does not know appear as numbers: a measured field as {@code Field_281}, and
 * a member of a message as {@code "57"}, with its encoded value. (protobuf-java-util does the same, but is not an OSGi
 * bundle.) Of the well-known types with a form of their own, only Timestamp is known. A Timestamp outside the years 1
 * to 9999 is written like any message.
 */
final class MessageJson {

    private static final String FIELD = "telemetry.vehicle_data.Field";
    private static final String TIMESTAMP = "google.protobuf.Timestamp";
    private static final long YEAR_1 = Instant.parse("0001-01-01T00:00:00Z").getEpochSecond();
    private static final long YEAR_9999 = Instant.parse("9999-12-31T23:59:59Z").getEpochSecond();
    private static final int MAX_NANOS = 999_999_999;

    private final StringBuilder out = new StringBuilder();

    private MessageJson() {}

    /** The message as one JSON object, or one string, without line breaks. */
    static String of(MessageOrBuilder message) {
        MessageJson json = new MessageJson();
        json.message(message);
        return json.out.toString();
    }

    private void message(MessageOrBuilder message) {
        if (message.getDescriptorForType().getFullName().equals(TIMESTAMP) && timestamp(message)) {
            return;
        }
        String separator = "{";
        for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
            out.append(separator);
            quote(field.getKey().getJsonName());
            out.append(':');
            if (field.getKey().isMapField()) {
                map((List<?>) field.getValue());
            } else if (field.getKey().isRepeated()) {
                list(field.getKey(), (List<?>) field.getValue());
            } else {
                value(field.getKey(), field.getValue());
            }
            separator = ",";
        }
        for (Map.Entry<Integer, UnknownFieldSet.Field> field :
                message.getUnknownFields().asMap().entrySet()) {
            out.append(separator);
            quote(field.getKey().toString());
            out.append(':');
            wire(field.getValue());
            separator = ",";
        }
        out.append(separator.equals("{") ? "{}" : "}");
    }

    /**
     * Varints become whole numbers. Everything else becomes hexadecimal digits, because only a schema knows its
     * meaning.
     */
    private void wire(UnknownFieldSet.Field field) {
        List<String> values = new ArrayList<>();
        field.getVarintList().forEach(number -> values.add(JsonText.quoted(number.toString())));
        field.getFixed32List().forEach(bits -> values.add(JsonText.quoted(String.format("%08x", bits))));
        field.getFixed64List().forEach(bits -> values.add(JsonText.quoted(String.format("%016x", bits))));
        field.getLengthDelimitedList()
                .forEach(bytes -> values.add(JsonText.quoted(HexFormat.of().formatHex(bytes.toByteArray()))));
        field.getGroupList()
                .forEach(group ->
                        values.add(of(Empty.newBuilder().setUnknownFields(group).build())));
        out.append(values.size() == 1 ? values.get(0) : values.toString());
    }

    private boolean timestamp(MessageOrBuilder message) {
        long seconds = (long) message.getField(message.getDescriptorForType().findFieldByName("seconds"));
        int nanos = (int) message.getField(message.getDescriptorForType().findFieldByName("nanos"));
        if (seconds < YEAR_1 || seconds > YEAR_9999 || nanos < 0 || nanos > MAX_NANOS) {
            return false;
        }
        out.append('"').append(Instant.ofEpochSecond(seconds, nanos)).append('"');
        return true;
    }

    private void map(List<?> entries) {
        String separator = "{";
        for (Object each : entries) {
            MessageOrBuilder entry = (MessageOrBuilder) each;
            FieldDescriptor key = entry.getDescriptorForType().findFieldByNumber(1);
            FieldDescriptor value = entry.getDescriptorForType().findFieldByNumber(2);
            out.append(separator);
            quote(text(key, entry.getField(key)));
            out.append(':');
            value(value, entry.getField(value));
            separator = ",";
        }
        out.append('}');
    }

    private void list(FieldDescriptor field, List<?> values) {
        String separator = "[";
        for (Object value : values) {
            out.append(separator);
            value(field, value);
            separator = ",";
        }
        out.append(']');
    }

    private void value(FieldDescriptor field, Object value) {
        switch (field.getType()) {
            case MESSAGE, GROUP -> message((MessageOrBuilder) value);
            case ENUM -> enumeration((EnumValueDescriptor) value);
            case STRING -> quote((String) value);
            case BYTES -> quote(Base64.getEncoder().encodeToString(((ByteString) value).toByteArray()));
            case FLOAT, DOUBLE -> floating(((Number) value).doubleValue(), value.toString());
            // A reader of JSON may read numbers as doubles, which do not have enough digits for these.
            case INT64, SINT64, SFIXED64, UINT64, FIXED64 -> quote(text(field, value));
            case INT32, SINT32, SFIXED32, UINT32, FIXED32, BOOL -> out.append(text(field, value));
        }
    }

    private static String text(FieldDescriptor field, Object value) {
        return switch (field.getType()) {
            case UINT64, FIXED64 -> Long.toUnsignedString((long) value);
            case UINT32, FIXED32 -> Integer.toUnsignedString((int) value);
            default -> value.toString();
        };
    }

    private void enumeration(EnumValueDescriptor value) {
        if (value.getIndex() < 0) { // a number that the schema does not know
            if (value.getType().getFullName().equals(FIELD)) {
                quote("Field_" + value.getNumber());
            } else {
                out.append(value.getNumber());
            }
        } else {
            quote(value.getName());
        }
    }

    private void floating(double value, String text) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            quote(text);
        } else {
            out.append(text.endsWith(".0") ? text.substring(0, text.length() - 2) : text);
        }
    }

    private void quote(String text) {
        out.append(JsonText.quoted(text));
    }
}
