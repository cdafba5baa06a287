package io.fleettelemetry.protos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What was compiled is the whole schema, as messages.csv and enums.csv list it, and nothing else. */
class SchemaTest {

    private static final List<FileDescriptor> FILES = List.of(
            VehicleDataProto.getDescriptor(),
            VehicleAlertProto.getDescriptor(),
            VehicleErrorProto.getDescriptor(),
            VehicleMetricProto.getDescriptor(),
            VehicleConnectivityProto.getDescriptor());

    @Test
    void the_messages_have_exactly_the_listed_fields() throws IOException {
        List<String> fields = messages()
                .flatMap(message -> message.getFields().stream())
                .map(SchemaTest::line)
                .toList();
        assertSameLines(lines("messages.csv"), fields);
        assertEquals(106, fields.size());
    }

    @Test
    void the_enums_have_exactly_the_listed_values() throws IOException {
        List<String> values = enums().flatMap(type -> type.getValues().stream())
                .map(value -> String.join(
                        ",",
                        value.getFile().getName(),
                        value.getType().getName(),
                        value.getName(),
                        Integer.toString(value.getNumber())))
                .toList();
        assertSameLines(lines("enums.csv"), values);
        assertEquals(526, values.size());
    }

    @Test
    void there_are_fourteen_messages_and_forty_six_enums() {
        assertEquals(14, messages().count());
        assertEquals(46, enums().count());
    }

    @Test
    void the_schema_files_come_with_the_classes() {
        for (FileDescriptor file : FILES) {
            assertNotNull(SchemaTest.class.getResource("/" + file.getName()), file.getName());
        }
    }

    /** Every message, nested ones too; only the entries that protoc makes for a map are none of the schema's. */
    private static Stream<Descriptor> messages() {
        return FILES.stream()
                .flatMap(file -> file.getMessageTypes().stream())
                .flatMap(message -> Stream.concat(Stream.of(message), message.getNestedTypes().stream()))
                .filter(message -> !message.getOptions().getMapEntry());
    }

    private static Stream<EnumDescriptor> enums() {
        return Stream.concat(
                FILES.stream().flatMap(file -> file.getEnumTypes().stream()),
                messages().flatMap(message -> message.getEnumTypes().stream()));
    }

    private static String line(FieldDescriptor field) {
        Descriptor message = field.getContainingType();
        return String.join(
                ",",
                field.getFile().getName(),
                field.getFile().getPackage(),
                message.getName(),
                field.getName(),
                Integer.toString(field.getNumber()),
                type(field),
                label(field),
                field.getJsonName());
    }

    private static String type(FieldDescriptor field) {
        if (field.isMapField()) {
            List<FieldDescriptor> entry = field.getMessageType().getFields();
            return "\"map<" + type(entry.get(0)) + "," + type(entry.get(1)) + ">\"";
        }
        return switch (field.getJavaType()) {
            case MESSAGE -> field.getMessageType().getFullName();
            case ENUM -> field.getEnumType().getFullName();
            default -> field.getType().name().toLowerCase(Locale.ROOT);
        };
    }

    private static String label(FieldDescriptor field) {
        if (field.isMapField()) {
            return "map";
        }
        if (field.isRepeated()) {
            return "repeated";
        }
        // A proto3 "optional" is a oneof that protoc makes up: it shows here as one that is not listed.
        return field.getContainingOneof() == null
                ? "singular"
                : "oneof:" + field.getContainingOneof().getName();
    }

    /** The lines of a listing, without its header. */
    private static List<String> lines(String resource) throws IOException {
        try (var in = SchemaTest.class.getResourceAsStream("/" + resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .skip(1)
                    .toList();
        }
    }

    private static void assertSameLines(List<String> listed, List<String> compiled) {
        assertEquals(Set.of(), without(listed, compiled), "listed, but not compiled");
        assertEquals(Set.of(), without(compiled, listed), "compiled, but not listed");
        assertEquals(listed.size(), compiled.size(), "lines");
    }

    private static Set<String> without(List<String> lines, List<String> others) {
        Set<String> rest = new TreeSet<>(lines);
        others.forEach(rest::remove);
        return rest;
    }
}
