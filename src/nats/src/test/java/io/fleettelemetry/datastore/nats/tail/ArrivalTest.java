package io.fleettelemetry.datastore.nats.tail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.protos.VehicleConnectivity;
import java.time.LocalTime;
import org.junit.jupiter.api.Test;

class ArrivalTest {

    private static final LocalTime NOON = LocalTime.of(12, 0, 0, 7_000_000);

    @Test
    void a_record_is_shown_with_its_vehicle_and_type_and_its_payload_decoded() {
        byte[] payload = Payload.newBuilder().setVin("VIN1").build().toByteArray();
        Arrival arrival = Arrival.of("fleet.eu.VIN1.data", payload);
        assertEquals(new Arrival("fleet.eu.VIN1.data", "VIN1", "V", "{\"vin\":\"VIN1\"}", ""), arrival);
        assertEquals(
                "{\"subject\":\"fleet.eu.VIN1.data\",\"vin\":\"VIN1\",\"type\":\"V\",\"payload\":{\"vin\":\"VIN1\"}}",
                arrival.json());
        assertEquals("12:00:00.007  VIN1  V  {\"vin\":\"VIN1\"}", arrival.line(NOON));
        assertEquals(
                "{\"connectionId\":\"c\"}",
                Arrival.of(
                                "x.VIN1.connectivity",
                                VehicleConnectivity.newBuilder()
                                        .setConnectionId("c")
                                        .build()
                                        .toByteArray())
                        .payload());
    }

    @Test
    void an_undecodable_payload_is_shown_in_hexadecimal_with_the_reason() {
        Arrival broken = Arrival.of("x.VIN1.alerts", new byte[] {(byte) 0xff, 0});
        assertEquals("ff00", broken.payload());
        assertTrue(broken.whyNotDecoded().contains("message"), broken.whyNotDecoded());
        assertEquals(
                "ff00",
                JsonParser.parseString(broken.json())
                        .getAsJsonObject()
                        .get("payload_hex")
                        .getAsString());
        assertEquals(
                "12:00:00.007  VIN1  alerts  ff00  (not decoded: " + broken.whyNotDecoded() + ")", broken.line(NOON));

        Arrival unknown = Arrival.of("x.VIN1.my_type", new byte[] {1});
        assertEquals(
                "{\"subject\":\"x.VIN1.my_type\",\"vin\":\"VIN1\",\"type\":\"my_type\",\"payload_hex\":\"01\","
                        + "\"reason\":\"the schema does not know this record type\"}",
                unknown.json());
    }

    @Test
    void fields_that_the_schema_does_not_know_are_shown_by_their_numbers() {
        Payload payload = Payload.newBuilder()
                .addData(Datum.newBuilder()
                        .setKeyValue(281)
                        .setValue(Value.newBuilder().setIntValue(1)))
                .addData(Datum.newBuilder()
                        .setKeyValue(282)
                        .setValue(Value.newBuilder().setIntValue(2)))
                .addData(Datum.newBuilder()
                        .setKey(Field.Gear)
                        .setValue(Value.newBuilder()
                                .setUnknownFields(UnknownFieldSet.newBuilder()
                                        .addField(57, varint(2))
                                        .addField(
                                                60,
                                                UnknownFieldSet.Field.newBuilder()
                                                        .addFixed32(1)
                                                        .addLengthDelimited(ByteString.copyFromUtf8("a"))
                                                        .addGroup(UnknownFieldSet.newBuilder()
                                                                .addField(7, varint(-1))
                                                                .build())
                                                        .build())
                                        .build())))
                .build();
        String shown = "{\"data\":[{\"key\":\"Field_281\",\"value\":{\"intValue\":1}},"
                + "{\"key\":\"Field_282\",\"value\":{\"intValue\":2}},"
                + "{\"key\":\"Gear\",\"value\":{\"57\":\"2\",\"60\":[\"00000001\", \"61\", {\"7\":\"-1\"}]}}]}";
        Arrival arrival = Arrival.of("fleet.VIN1.data", payload.toByteArray());
        assertEquals(shown, arrival.payload());
        JsonParser.parseString(arrival.json());
    }

    private static UnknownFieldSet.Field varint(long value) {
        return UnknownFieldSet.Field.newBuilder().addVarint(value).build();
    }

    @Test
    void a_message_that_is_not_a_record_is_shown_by_its_subject() {
        Arrival arrival = Arrival.of("hello\u001b.world", new byte[] {1});
        assertEquals(
                "12:00:00.007  hello?.world  01  (not decoded: the subject is not <namespace>.<vin>.<topic>)",
                arrival.line(NOON));
        assertTrue(arrival.json().startsWith("{\"subject\":\"hello\\u001b.world\",\"vin\":\"\",\"type\":\"\","));
    }
}
