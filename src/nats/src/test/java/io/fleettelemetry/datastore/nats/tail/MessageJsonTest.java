package io.fleettelemetry.datastore.nats.tail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumDescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumValueDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Label;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Type;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.MessageOptions;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.TimestampProto;
import com.google.protobuf.util.JsonFormat;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.LocationValue;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.protos.VehicleAlert;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleError;
import io.fleettelemetry.protos.VehicleErrors;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The JSON form of messages, compared with that of protobuf-java-util, which must be the same. */
class MessageJsonTest {

    private static final List<Message> RECORDS = List.of(
            Payload.getDefaultInstance(),
            VehicleAlerts.getDefaultInstance(),
            VehicleErrors.getDefaultInstance(),
            VehicleConnectivity.getDefaultInstance());

    private static void assertSameAsProtobufs(Message message, String what) throws Exception {
        String ours = MessageJson.of(message);
        // Of a field that the schema does not know we say so.
        String theirs = JsonFormat.printer().print(message).replace("\"key\": 70000", "\"key\": \"Field_70000\"");
        assertEquals(JsonParser.parseString(theirs), JsonParser.parseString(ours), what + ": " + ours);
        assertFalse(ours.matches("(?s).*\\p{Cc}.*"), what + ": a control character in " + ours);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void records_with_random_content_have_the_form_of_protobufs_own_json(int record) throws Exception {
        for (int seed = 0; seed < 500; seed++) {
            Message.Builder builder = RECORDS.get(record).newBuilderForType();
            new Filler(new Random(seed)).fill(builder, 0);
            assertSameAsProtobufs(builder.build(), "seed " + seed);
        }
    }

    @Test
    void a_message_with_a_field_of_every_kind_has_it_too() throws Exception {
        Descriptor everything = everything();
        for (int seed = 0; seed < 500; seed++) {
            Message.Builder builder = DynamicMessage.newBuilder(everything);
            new Filler(new Random(seed)).fill(builder, 0);
            assertSameAsProtobufs(builder.build(), "seed " + seed);
        }
    }

    /** A message with a singular, a repeated and a map field of every type that there is. */
    private static Descriptor everything() throws Exception {
        DescriptorProto.Builder message = DescriptorProto.newBuilder().setName("Everything");
        for (Type type : Type.values()) {
            if (type != Type.TYPE_GROUP) { // proto3 has none
                String name = type.name().toLowerCase(Locale.ROOT);
                message.addField(field(message, "one_" + name, type, Label.LABEL_OPTIONAL));
                message.addField(field(message, "some_" + name, type, Label.LABEL_REPEATED));
                addMap(message, name, type == Type.TYPE_MESSAGE ? Type.TYPE_STRING : type);
            }
        }
        FileDescriptorProto file = FileDescriptorProto.newBuilder()
                .setName("everything.proto")
                .setSyntax("proto3")
                .addDependency("google/protobuf/timestamp.proto")
                .addEnumType(EnumDescriptorProto.newBuilder()
                        .setName("Colour")
                        .addValue(EnumValueDescriptorProto.newBuilder()
                                .setName("RED")
                                .setNumber(0))
                        .addValue(EnumValueDescriptorProto.newBuilder()
                                .setName("BLUE")
                                .setNumber(1)))
                .addMessageType(message)
                .build();
        return FileDescriptor.buildFrom(file, new FileDescriptor[] {TimestampProto.getDescriptor()})
                .findMessageTypeByName("Everything");
    }

    private static FieldDescriptorProto field(DescriptorProto.Builder owner, String name, Type type, Label label) {
        FieldDescriptorProto.Builder field = FieldDescriptorProto.newBuilder()
                .setName(name)
                .setType(type)
                .setLabel(label)
                .setNumber(owner.getFieldCount() + 1);
        if (type == Type.TYPE_ENUM) {
            field.setTypeName(".Colour");
        } else if (type == Type.TYPE_MESSAGE) {
            field.setTypeName(".google.protobuf.Timestamp");
        }
        return field.build();
    }

    private static void addMap(DescriptorProto.Builder owner, String name, Type type) {
        boolean canBeKey = !List.of(Type.TYPE_DOUBLE, Type.TYPE_FLOAT, Type.TYPE_BYTES, Type.TYPE_ENUM)
                .contains(type);
        StringBuilder entryName = new StringBuilder();
        for (String word : ("map_" + name).split("_")) {
            entryName.append(word.substring(0, 1).toUpperCase(Locale.ROOT)).append(word.substring(1));
        }
        DescriptorProto.Builder entry = DescriptorProto.newBuilder()
                .setName(entryName + "Entry")
                .setOptions(MessageOptions.newBuilder().setMapEntry(true));
        entry.addField(field(entry, "key", canBeKey ? type : Type.TYPE_STRING, Label.LABEL_OPTIONAL));
        entry.addField(field(entry, "value", type, Label.LABEL_OPTIONAL));
        owner.addNestedType(entry);
        owner.addField(FieldDescriptorProto.newBuilder()
                .setName("map_" + name)
                .setType(Type.TYPE_MESSAGE)
                .setTypeName(".Everything." + entryName + "Entry")
                .setLabel(Label.LABEL_REPEATED)
                .setNumber(owner.getFieldCount() + 1));
    }

    @Test
    void a_vehicles_record_reads_as_one_would_write_it() {
        Payload payload = Payload.newBuilder()
                .setVin("VIN1")
                .setCreatedAt(Timestamp.newBuilder().setSeconds(1_764_000_000).setNanos(120_000_000))
                .addData(Datum.newBuilder()
                        .setKey(Field.VehicleSpeed)
                        .setValue(Value.newBuilder().setDoubleValue(63)))
                .addData(Datum.newBuilder()
                        .setKey(Field.Location)
                        .setValue(Value.newBuilder()
                                .setLocationValue(LocationValue.newBuilder()
                                        .setLatitude(-37.5)
                                        .setLongitude(Double.NaN))))
                .addData(Datum.newBuilder()
                        .setKeyValue(9_999)
                        .setValue(Value.newBuilder().setLongValue(Long.MAX_VALUE)))
                .build();
        assertEquals(
                "{\"data\":[{\"key\":\"VehicleSpeed\",\"value\":{\"doubleValue\":63}},"
                        + "{\"key\":\"Location\",\"value\":{\"locationValue\":{\"latitude\":-37.5,\"longitude\":\"NaN\"}}},"
                        + "{\"key\":\"Field_9999\",\"value\":{\"longValue\":\"9223372036854775807\"}}],"
                        + "\"createdAt\":\"2025-11-24T16:00:00.120Z\",\"vin\":\"VIN1\"}",
                MessageJson.of(payload));
        assertEquals("{}", MessageJson.of(Payload.getDefaultInstance()));
    }

    @Test
    void tags_are_an_object_and_a_text_cannot_end_its_line_or_command_a_terminal() {
        VehicleErrors errors = VehicleErrors.newBuilder()
                .addErrors(VehicleError.newBuilder()
                        .setBody("a\"b\\\n\u001b[2J\u009b")
                        .putTags("k\t", ""))
                .build();
        assertEquals(
                "{\"errors\":[{\"tags\":{\"k\\u0009\":\"\"},\"body\":\"a\\\"b\\\\\\u000a\\u001b[2J\\u009b\"}]}",
                MessageJson.of(errors));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0, 1970-01-01T00:00:00Z",
        "0, 1, 1970-01-01T00:00:00.000000001Z",
        "0, 120000, 1970-01-01T00:00:00.000120Z",
        "-62135596800, 0, 0001-01-01T00:00:00Z",
        "253402300799, 999000000, 9999-12-31T23:59:59.999Z",
    })
    void a_timestamp_is_a_date_with_as_many_digits_as_it_needs(long seconds, int nanos, String text) {
        Timestamp timestamp =
                Timestamp.newBuilder().setSeconds(seconds).setNanos(nanos).build();
        assertEquals("\"" + text + "\"", MessageJson.of(timestamp));
    }

    @ParameterizedTest
    @CsvSource({"253402300800, 0", "-62135596801, 0", "1, -1", "1, 1000000000"})
    void a_timestamp_that_is_no_date_is_shown_as_it_is(long seconds, int nanos) {
        VehicleAlerts alerts = VehicleAlerts.newBuilder()
                .addAlerts(VehicleAlert.newBuilder()
                        .setStartedAt(Timestamp.newBuilder().setSeconds(seconds).setNanos(nanos)))
                .build();
        assertEquals(
                "{\"alerts\":[{\"startedAt\":{\"seconds\":\"" + seconds + "\""
                        + (nanos == 0 ? "" : ",\"nanos\":" + nanos) + "}}]}",
                MessageJson.of(alerts));
    }

    /** Fills messages with values that are likely to be got wrong. */
    private record Filler(Random random) {

        private static final String[] TEXTS = {
            "", "VIN", "a \"b\" \\ /", "\n\r\t\b\f\0", "ü€𝄞", "<&>'", "\u007f\u0085\u2028"
        };
        private static final double[] NUMBERS = {
            0,
            -0.0,
            1,
            -1.5,
            0.1,
            1e21,
            1e-7,
            123456789,
            Double.MAX_VALUE,
            Double.MIN_VALUE,
            Double.NaN,
            Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY
        };
        private static final long[] INTEGERS = {
            0, 1, -1, 42, Integer.MAX_VALUE, Integer.MIN_VALUE, Long.MAX_VALUE, Long.MIN_VALUE
        };

        void fill(Message.Builder message, int depth) {
            if (message.getDescriptorForType().getFullName().equals("google.protobuf.Timestamp")) {
                set(message, "seconds", random.nextLong(-62_135_596_800L, 253_402_300_800L));
                set(message, "nanos", random.nextBoolean() ? 0 : random.nextInt(1_000_000_000));
                return;
            }
            for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
                boolean fewOfMany = field.getContainingOneof() != null && random.nextInt(8) != 0;
                if (fewOfMany || random.nextInt(3) == 0) {
                    continue;
                }
                if (field.isMapField()) {
                    addEntry(message, field);
                } else if (field.isRepeated()) {
                    for (int i = random.nextInt(4); i > 0; i--) {
                        message.addRepeatedField(field, value(message, field, depth));
                    }
                } else {
                    message.setField(field, value(message, field, depth));
                }
            }
        }

        private static void set(Message.Builder message, String field, Object value) {
            message.setField(message.getDescriptorForType().findFieldByName(field), value);
        }

        /** One, because two may have the same key. */
        private void addEntry(Message.Builder message, FieldDescriptor field) {
            Message.Builder entry = message.newBuilderForField(field);
            for (FieldDescriptor part : field.getMessageType().getFields()) {
                entry.setField(part, value(entry, part, 0));
            }
            message.addRepeatedField(field, entry.build());
        }

        private Object value(Message.Builder owner, FieldDescriptor field, int depth) {
            return switch (field.getJavaType()) {
                case MESSAGE -> {
                    Message.Builder builder = owner.newBuilderForField(field);
                    fill(builder, depth + 1);
                    yield builder.build();
                }
                case ENUM ->
                    random.nextInt(5) == 0
                            ? field.getEnumType().findValueByNumberCreatingIfUnknown(70_000)
                            : field.getEnumType()
                                    .getValues()
                                    .get(random.nextInt(
                                            field.getEnumType().getValues().size()));
                case STRING -> TEXTS[random.nextInt(TEXTS.length)];
                case BYTE_STRING -> {
                    byte[] bytes = new byte[random.nextInt(5)];
                    random.nextBytes(bytes);
                    yield ByteString.copyFrom(bytes);
                }
                case BOOLEAN -> random.nextBoolean();
                case FLOAT -> random.nextBoolean() ? random.nextFloat() : (float) number();
                case DOUBLE -> random.nextBoolean() ? random.nextGaussian() * 1e3 : number();
                case INT -> (int) INTEGERS[random.nextInt(INTEGERS.length)];
                case LONG -> INTEGERS[random.nextInt(INTEGERS.length)];
            };
        }

        private double number() {
            return NUMBERS[random.nextInt(NUMBERS.length)];
        }
    }
}
