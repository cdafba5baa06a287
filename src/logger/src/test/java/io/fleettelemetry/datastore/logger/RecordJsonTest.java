package io.fleettelemetry.datastore.logger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.protos.Audience;
import io.fleettelemetry.protos.ChargingState;
import io.fleettelemetry.protos.ConnectivityEvent;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Doors;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.LocationValue;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.Time;
import io.fleettelemetry.protos.TireLocation;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.protos.VehicleAlert;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleError;
import io.fleettelemetry.protos.VehicleErrors;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;
import org.junit.jupiter.params.provider.CsvSource;

class RecordJsonTest {

    private static final String CAR = "5YJ3E1EA1NF123456";
    private static final String SEMI = "7G2T0000000000001";

    private static final String FOUR_TIRES = "{'FrontLeft':false,'FrontRight':true,'RearLeft':true,'RearRight':false}";
    private static final String TEN_TIRES = "{'FrontLeft':false,'FrontRight':true,"
            + "'SemiMiddleAxleLeft':true,'SemiMiddleAxleRight':false,"
            + "'SemiMiddleAxleLeft2':true,'SemiMiddleAxleRight2':false,"
            + "'SemiRearAxleLeft':false,'SemiRearAxleRight':true,"
            + "'SemiRearAxleLeft2':false,'SemiRearAxleRight2':true}";

    private static final TireLocation TIRES = TireLocation.newBuilder()
            .setFrontRight(true)
            .setRearLeft(true)
            .setSemiMiddleAxleLeft2(true)
            .setSemiRearAxleRight(true)
            .setSemiRearAxleRight2(true)
            .build();

    private final LogLines log = new LogLines();
    private final RecordJson json = new RecordJson(log.logger);

    // ---- every kind of value, as value-rendering.csv lists it ----

    @Test
    void the_listing_has_every_kind_of_value_and_no_other() throws IOException {
        try (var in = new BufferedReader(new InputStreamReader(
                RecordJsonTest.class.getResourceAsStream("/value-rendering.csv"), StandardCharsets.UTF_8))) {
            List<String> listed = in.lines()
                    .skip(1)
                    .map(line -> line.substring(0, line.indexOf(',')))
                    .toList();
            assertEquals(54, listed.size());
            assertEquals(
                    Value.getDescriptor().getFields().stream()
                            .map(FieldDescriptor::getName)
                            .collect(Collectors.toCollection(TreeSet::new)),
                    new TreeSet<>(listed));
        }
    }

    @ParameterizedTest
    @CsvFileSource(resources = "/value-rendering.csv", numLinesToSkip = 1)
    void a_value_is_rendered_as_listed(String field, int number, String type, String label, String rendering)
            throws Exception {
        for (Map.Entry<Value, String> sample : samples(number, rendering).entrySet()) {
            String expected = sample.getValue();
            assertJson(
                    expected.isEmpty() ? measured("") : measured("'Gear':" + expected), gear(sample.getKey()), false);
        }
    }

    @ParameterizedTest
    @CsvFileSource(resources = "/value-rendering.csv", numLinesToSkip = 1)
    void a_verbose_value_is_wrapped_in_its_listed_label(
            String field, int number, String type, String label, String rendering) throws Exception {
        for (Map.Entry<Value, String> sample : samples(number, rendering).entrySet()) {
            String expected = field.equals("invalid") ? "true" : sample.getValue();
            assertJson(
                    expected.isEmpty() ? measured("") : measured("'Gear':{'" + label + "':" + expected + "}"),
                    gear(sample.getKey()),
                    true);
        }
    }

    /** Values of a kind, each with the JSON that the listing's words promise; empty: not rendered. */
    private static Map<Value, String> samples(int number, String rendering) {
        FieldDescriptor kind = Value.getDescriptor().findFieldByNumber(number);
        Map<Value, String> samples = new LinkedHashMap<>();
        switch (rendering) {
            case "string" -> {
                samples.put(value(kind, ""), "''");
                samples.put(value(kind, "caf\u00e9 <5>"), "'caf\u00e9 <5>'");
            }
            case "boolean" -> {
                samples.put(value(kind, true), "true");
                samples.put(value(kind, false), "false");
            }
            case "number" -> {
                switch (kind.getJavaType()) {
                    case INT -> samples.put(value(kind, Integer.MIN_VALUE), "-2147483648");
                    case LONG -> samples.put(value(kind, Long.MAX_VALUE), "9223372036854775807");
                    case FLOAT -> samples.put(value(kind, 3.14f), "3.14");
                    default -> samples.put(value(kind, 0.1), "0.1");
                }
            }
            case "enum name string (decimal digits string when number unknown)" -> {
                for (EnumValueDescriptor name : kind.getEnumType().getValues()) {
                    samples.put(value(kind, name), "'" + name.getName() + "'");
                }
                samples.put(value(kind, kind.getEnumType().findValueByNumberCreatingIfUnknown(9999)), "'9999'");
            }
            case "not rendered: event unknown_payload_value_data_type" ->
                samples.put(value(kind, kind.getEnumType().findValueByNumber(4)), "");
            case "string \"<invalid>\" (true when verbose)" -> {
                samples.put(value(kind, true), "'<invalid>'");
                samples.put(value(kind, false), "'<invalid>'");
            }
            case "object latitude,longitude" ->
                samples.put(
                        value(
                                kind,
                                LocationValue.newBuilder().setLatitude(-37.5).build()),
                        "{'latitude':-37.5,'longitude':0.0}");
            case "object of 6 booleans (always all)" ->
                samples.put(
                        value(kind, Doors.newBuilder().setTrunkRear(true).build()),
                        "{'DriverFront':false,'DriverRear':false,'PassengerFront':false,'PassengerRear':false,"
                                + "'TrunkFront':false,'TrunkRear':true}");
            case "string HH:MM:SS zero padded" ->
                samples.put(
                        value(kind, Time.newBuilder().setHour(7).setSecond(59).build()), "'07:00:59'");
            case "object of 4 booleans, or 10 when VIN[3]==T" -> samples.put(value(kind, TIRES), FOUR_TIRES);
            default -> throw new AssertionError("no sample for: " + rendering);
        }
        return samples;
    }

    private static Value value(FieldDescriptor kind, Object value) {
        return Value.newBuilder().setField(kind, value).build();
    }

    // ---- V ----

    @Test
    void the_tires_of_a_semi_truck_are_ten() throws Exception {
        Value tires = Value.newBuilder().setTireLocationValue(TIRES).build();
        TelemetryRecord record = record(SEMI, "V", payload(datum(Field.TpmsHardWarnings, tires)));
        assertEquals(
                parse(TEN_TIRES), json.data(record, false).getAsJsonObject().get("TpmsHardWarnings"));
        assertEquals(
                parse("{'tireLocation':" + TEN_TIRES + "}"),
                json.data(record, true).getAsJsonObject().get("TpmsHardWarnings"));
    }

    @ParameterizedTest
    @CsvSource({"''", "7G2", "T", "TTTt", "TTTS"})
    void a_vin_whose_fourth_character_is_not_t_is_no_semi_truck(String vin) throws Exception {
        Value tires = Value.newBuilder().setTireLocationValue(TIRES).build();
        TelemetryRecord record = record(vin, "V", payload(datum(Field.TpmsHardWarnings, tires)));
        assertEquals(
                parse(FOUR_TIRES), json.data(record, false).getAsJsonObject().get("TpmsHardWarnings"));
    }

    @ParameterizedTest
    @CsvSource({"0,0,0,00:00:00", "23,59,7,23:59:07", "100,5,-5,100:05:-5"})
    void a_time_has_two_digits_each(int hour, int minute, int second, String text) throws Exception {
        Time time = Time.newBuilder()
                .setHour(hour)
                .setMinute(minute)
                .setSecond(second)
                .build();
        assertJson(
                measured("'Gear':'" + text + "'"),
                gear(Value.newBuilder().setTimeValue(time).build()),
                false);
    }

    @Test
    void an_empty_payload_has_the_records_vin_and_1970() throws Exception {
        assertJson(
                "{'Vin':'" + CAR + "','CreatedAt':'1970-01-01T00:00:00Z','IsResend':false}",
                record(CAR, "V", new byte[0]),
                false);
    }

    @Test
    void created_at_is_utc_in_whole_seconds() throws Exception {
        Payload payload = Payload.newBuilder()
                .setCreatedAt(Timestamp.newBuilder().setSeconds(1_692_044_886).setNanos(999_999_999))
                .setIsResend(true)
                .build();
        assertJson(
                "{'Vin':'" + CAR + "','CreatedAt':'2023-08-14T20:28:06Z','IsResend':true}",
                record(CAR, "V", payload.toByteArray()),
                false);
    }

    @Test
    void a_moment_that_no_calendar_has_cannot_be_read() {
        Payload payload = Payload.newBuilder()
                .setCreatedAt(Timestamp.newBuilder().setSeconds(Long.MAX_VALUE))
                .build();
        var e = assertThrows(
                RecordJson.Unreadable.class, () -> json.data(record(CAR, "V", payload.toByteArray()), false));
        assertTrue(e.getMessage().contains("9223372036854775807"), e.getMessage());
    }

    @Test
    void the_vin_is_the_records_and_not_what_the_payload_claims() throws Exception {
        byte[] payload = Payload.newBuilder().setVin("SOMEBODYELSE").build().toByteArray();
        assertEquals(
                CAR,
                json.data(record(CAR, "V", payload), false)
                        .getAsJsonObject()
                        .get("Vin")
                        .getAsString());
    }

    @Test
    void the_members_are_in_the_order_of_the_payload_and_a_repeated_key_has_its_last_value() throws Exception {
        byte[] payload = payload(
                datum(Field.VehicleName, text("first")),
                datum(Field.Gear, text("P")),
                datum(Field.VehicleName, text("last")));
        assertEquals(
                "{\"Vin\":\"" + CAR + "\",\"CreatedAt\":\"1970-01-01T00:00:00Z\",\"IsResend\":false,"
                        + "\"VehicleName\":\"last\",\"Gear\":\"P\"}",
                json.data(record(CAR, "V", payload), false).toString());
    }

    /** As a newer vehicle sends it: two fields and a kind, 57, that the schema does not have. */
    @Test
    void unknown_fields_and_kinds_are_shown_by_their_numbers() throws Exception {
        Datum first = Datum.newBuilder().setKeyValue(281).setValue(text("x")).build();
        Datum second = Datum.newBuilder().setKeyValue(282).setValue(text("y")).build();
        Datum newKind = Datum.newBuilder()
                .setKey(Field.Gear)
                .setValue(Value.newBuilder().setUnknownFields(unknown(57, 2)))
                .build();
        for (boolean verbose : new boolean[] {false, true}) {
            String x = verbose ? "{'stringValue':'x'}" : "'x'";
            String y = verbose ? "{'stringValue':'y'}" : "'y'";
            assertJson(
                    measured("'Field_281':" + x + ",'Field_282':" + y + ",'Gear':{'57':2}"),
                    record(CAR, "V", payload(first, second, newKind)),
                    verbose);
        }
        assertEquals(List.of(), log.all());
    }

    @Test
    void unknown_members_of_a_message_are_shown_by_their_numbers_in_whatever_form_they_came() throws Exception {
        UnknownFieldSet members = UnknownFieldSet.newBuilder()
                .addField(
                        60,
                        UnknownFieldSet.Field.newBuilder()
                                .addVarint(-1)
                                .addVarint(5)
                                .build())
                .addField(
                        61,
                        UnknownFieldSet.Field.newBuilder()
                                .addFixed32(0x3f800000)
                                .build())
                .addField(62, UnknownFieldSet.Field.newBuilder().addFixed64(1).build())
                .addField(
                        63,
                        UnknownFieldSet.Field.newBuilder()
                                .addLengthDelimited(ByteString.copyFromUtf8("ab"))
                                .build())
                .addField(
                        64,
                        UnknownFieldSet.Field.newBuilder()
                                .addGroup(unknown(1, 3))
                                .build())
                .build();
        String shown = "'60':[-1,5],'61':'3f800000','62':'0000000000000001','63':'6162','64':{'1':3}";
        Datum doors = datum(
                Field.DoorState,
                Value.newBuilder()
                        .setDoorValue(Doors.newBuilder().setUnknownFields(members))
                        .build());
        byte[] payload = Payload.newBuilder()
                .addData(doors.toBuilder().setUnknownFields(unknown(3, 4)))
                .setUnknownFields(unknown(9, 8))
                .build()
                .toByteArray();
        assertJson(
                measured("'DoorState':{'DriverFront':false,'DriverRear':false,'PassengerFront':false,"
                        + "'PassengerRear':false,'TrunkFront':false,'TrunkRear':false," + shown
                        + "},'DoorState.3':4,'9':8"),
                record(CAR, "V", payload),
                false);
        assertJson(
                "[{'Name':'','Audiences':null,'9':1}]",
                record(
                        CAR,
                        "alerts",
                        VehicleAlerts.newBuilder()
                                .addAlerts(VehicleAlert.newBuilder().setUnknownFields(unknown(9, 1)))
                                .build()
                                .toByteArray()),
                false);
        assertJson(
                "[{'Name':'','Body':'','Tags':null,'9':1}]",
                record(
                        CAR,
                        "errors",
                        VehicleErrors.newBuilder()
                                .addErrors(VehicleError.newBuilder().setUnknownFields(unknown(9, 1)))
                                .build()
                                .toByteArray()),
                false);
        assertJson(
                "{'Vin':'" + CAR + "','ConnectionID':'','NetworkInterface':'','Status':'UNKNOWN','CreatedAt':0,'9':1}",
                record(
                        CAR,
                        "connectivity",
                        VehicleConnectivity.newBuilder()
                                .setUnknownFields(unknown(9, 1))
                                .build()
                                .toByteArray()),
                false);
    }

    private static UnknownFieldSet unknown(int number, long value) {
        return UnknownFieldSet.newBuilder()
                .addField(
                        number,
                        UnknownFieldSet.Field.newBuilder().addVarint(value).build())
                .build();
    }

    // ---- what would fill the log ----

    @Test
    void half_a_million_empty_measurements_are_one_line_with_a_count() throws Exception {
        byte[] payload = new byte[1_000_000];
        for (int i = 0; i < payload.length; i += 2) {
            payload[i] = 0x0a;
        }
        assertJson(measured(""), record(CAR, "V", payload), false);
        assertEquals(List.of("INFO unknown_payload_data_type {\"vin\":\"" + CAR + "\",\"count\":500000}"), log.all());
    }

    @Test
    void a_hundred_thousand_values_of_no_kind_are_one_line_that_names_the_first_ten() throws Exception {
        Payload.Builder payload = Payload.newBuilder();
        for (int i = 0; i < 100_000; i++) {
            payload.addData(Datum.newBuilder().setKeyValue(1_000 + i).setValue(Value.getDefaultInstance()));
        }
        assertJson(measured(""), record(CAR, "V", payload.build().toByteArray()), false);
        assertEquals(
                List.of(
                        "INFO unknown_payload_value_data_type {\"name\":\"Field_1000, Field_1001, Field_1002, Field_1003,"
                                + " Field_1004, Field_1005, Field_1006, Field_1007, Field_1008, Field_1009\",\"vin\":\""
                                + CAR
                                + "\",\"count\":100000}"),
                log.all());
    }

    @ParameterizedTest
    @CsvSource({"V", "alerts", "errors", "connectivity"})
    void what_becomes_of_a_large_record_is_bounded_and_says_how_much_was_left_out(String type) throws Exception {
        byte[] payload = large(type);
        String written = json.data(record(SEMI, type, payload), true).toString();
        parseStrictly(written);
        assertTrue(written.length() <= LineBudget.MAX_CHARS + 1_000, () -> payload.length + " B: " + written.length());
        assertEquals(1, log.all().size(), log.all()::toString);
        assertTrue(
                log.all()
                        .get(0)
                        .matches(
                                "WARN record_payload_cut \\{\"vin\":\"" + SEMI + "\",\"count\":\\d+,\"error\":\".*\"}"),
                log.all()::toString);
    }

    private static byte[] large(String type) {
        int count = 60_000;
        switch (type) {
            case "V" -> {
                Payload.Builder payload = Payload.newBuilder();
                for (int i = 0; i < count; i++) {
                    payload.addData(Datum.newBuilder()
                            .setKeyValue(1_000 + i)
                            .setValue(Value.newBuilder().setTireLocationValue(TireLocation.getDefaultInstance())));
                }
                return payload.build().toByteArray();
            }
            case "alerts" -> {
                VehicleAlerts.Builder alerts = VehicleAlerts.newBuilder();
                for (int i = 0; i < count; i++) {
                    alerts.addAlerts(VehicleAlert.getDefaultInstance());
                }
                return alerts.build().toByteArray();
            }
            case "errors" -> {
                VehicleErrors.Builder errors = VehicleErrors.newBuilder();
                for (int i = 0; i < count; i++) {
                    errors.addErrors(VehicleError.getDefaultInstance());
                }
                return errors.build().toByteArray();
            }
            default -> {
                return VehicleConnectivity.newBuilder()
                        .setConnectionId("\u001b".repeat(500_000))
                        .build()
                        .toByteArray();
            }
        }
    }

    @Test
    void no_payload_that_is_not_measured_can_become_too_long() throws Exception {
        // The most that comes of few bytes: a member of four bytes, of the kind with the longest form.
        Payload.Builder payload = Payload.newBuilder();
        for (int i = 0; payload.build().getSerializedSize() < 16_000 && i < 1_300; i++) {
            payload.addData(Datum.newBuilder()
                    .setKeyValue(1_000 + i)
                    .setValue(Value.newBuilder().setTireLocationValue(TireLocation.getDefaultInstance())));
        }
        byte[] bytes = payload.build().toByteArray();
        String written = json.data(record(SEMI, "V", bytes), true).toString();
        assertTrue(written.length() < LineBudget.MAX_CHARS, () -> bytes.length + " B: " + written.length());
        assertEquals(List.of(), log.all());
    }

    @Test
    void a_datum_without_value_is_skipped_and_noted() throws Exception {
        Datum bare = Datum.newBuilder().setKey(Field.Gear).build();
        assertJson(measured("'Soc':'5'"), record(CAR, "V", payload(bare, datum(Field.Soc, text("5")))), false);
        assertEquals(List.of("INFO unknown_payload_data_type {\"vin\":\"" + CAR + "\",\"count\":1}"), log.all());
    }

    @Test
    void a_value_of_no_kind_or_of_the_unused_kind_is_skipped_and_noted() throws Exception {
        Value unused = Value.newBuilder()
                .setChargingValue(ChargingState.ChargeStateCharging)
                .build();
        byte[] payload = payload(datum(Field.Gear, Value.getDefaultInstance()), datum(Field.ChargeState, unused));
        assertJson(measured(""), record(CAR, "V", payload), false);
        assertEquals(
                List.of("INFO unknown_payload_value_data_type {\"name\":\"Gear, ChargeState\",\"vin\":\"" + CAR
                        + "\",\"count\":2}"),
                log.all());
    }

    @ParameterizedTest
    @CsvSource({"NaN,NaN", "Infinity,Infinity", "-Infinity,-Infinity"})
    void a_number_that_json_does_not_have_is_text(String number, String text) throws Exception {
        Value asDouble =
                Value.newBuilder().setDoubleValue(Double.parseDouble(number)).build();
        Value asFloat =
                Value.newBuilder().setFloatValue(Float.parseFloat(number)).build();
        Value asPlace = Value.newBuilder()
                .setLocationValue(LocationValue.newBuilder().setLongitude(Double.parseDouble(number)))
                .build();
        byte[] payload =
                payload(datum(Field.Soc, asDouble), datum(Field.Odometer, asFloat), datum(Field.Location, asPlace));
        assertJson(
                measured("'Soc':'" + text + "','Odometer':'" + text + "','Location':{'latitude':0.0,'longitude':'"
                        + text + "'}"),
                record(CAR, "V", payload),
                false);
    }

    @Test
    void text_stays_on_one_line() throws Exception {
        Value value = text("a\nb\r\"c\"\u2028\u0000");
        String line = json.data(record(CAR, "V", payload(datum(Field.VehicleName, value))), false)
                .toString();
        assertTrue(line.chars().allMatch(c -> c >= ' ' && c != '\u2028'), line);
        assertJson(
                measured("'VehicleName':'a\\nb\\r\\\"c\\\"\\u2028\\u0000'"),
                record(CAR, "V", payload(datum(Field.VehicleName, value))),
                false);
    }

    // ---- alerts, errors, connectivity ----

    @Test
    void alerts_are_a_list_with_unix_seconds() throws Exception {
        VehicleAlerts message = VehicleAlerts.newBuilder()
                .addAlerts(VehicleAlert.newBuilder()
                        .setName("DI_a001")
                        .addAudiences(Audience.Customer)
                        .addAudiencesValue(42)
                        .setStartedAt(
                                Timestamp.newBuilder().setSeconds(1_692_044_886).setNanos(337_000_000))
                        .setEndedAt(Timestamp.getDefaultInstance()))
                .addAlerts(VehicleAlert.newBuilder().setName("APP_w009"))
                .build();
        assertJson(
                "[{'Name':'DI_a001','StartedAt':1692044886,'EndedAt':0,'Audiences':['Customer','42']},"
                        + "{'Name':'APP_w009','Audiences':null}]",
                record(CAR, "alerts", message.toByteArray()),
                false);
        assertJson("[]", record(CAR, "alerts", new byte[0]), true);
    }

    @Test
    void errors_are_a_list_with_their_tags() throws Exception {
        VehicleErrors message = VehicleErrors.newBuilder()
                .addErrors(VehicleError.newBuilder()
                        .setName("cloud_error")
                        .setBody("no route")
                        .putTags("tag", "value")
                        .setCreatedAt(Timestamp.newBuilder().setSeconds(5)))
                .addErrors(VehicleError.newBuilder().setName("bare"))
                .build();
        assertJson(
                "[{'Name':'cloud_error','Body':'no route','Tags':{'tag':'value'},'CreatedAt':5},"
                        + "{'Name':'bare','Body':'','Tags':null}]",
                record(CAR, "errors", message.toByteArray()),
                false);
        assertJson("[]", record(CAR, "errors", new byte[0]), false);
    }

    @Test
    void connectivity_is_one_object() throws Exception {
        VehicleConnectivity message = VehicleConnectivity.newBuilder()
                .setVin("claimed")
                .setConnectionId("c-1")
                .setNetworkInterface("wifi")
                .setStatus(ConnectivityEvent.CONNECTED)
                .setCreatedAt(Timestamp.newBuilder().setSeconds(7))
                .build();
        assertJson(
                "{'Vin':'" + CAR + "','ConnectionID':'c-1','NetworkInterface':'wifi','Status':'CONNECTED',"
                        + "'CreatedAt':7}",
                record(CAR, "connectivity", message.toByteArray()),
                true);
        assertJson(
                "{'Vin':'" + CAR + "','ConnectionID':'','NetworkInterface':'','Status':'9','CreatedAt':0}",
                record(
                        CAR,
                        "connectivity",
                        VehicleConnectivity.newBuilder()
                                .setStatusValue(9)
                                .build()
                                .toByteArray()),
                false);
    }

    // ---- what cannot be read ----

    @ParameterizedTest
    @CsvSource({
        "V,0a05", // five bytes promised, none there
        "V,1a01ff", // a string that is not UTF-8
        "alerts,1a01ff",
        "errors,1a01ff",
        "connectivity,0a01ff"
    })
    void bytes_that_are_no_message_cannot_be_read(String type, String hex) {
        byte[] payload = HexFormat.of().parseHex(hex);
        var e = assertThrows(RecordJson.Unreadable.class, () -> json.data(record(CAR, type, payload), false));
        assertTrue(e.getMessage().contains("not a message of record type " + type), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"v", "metrics", "''"})
    void a_record_type_without_message_cannot_be_read(String type) {
        var e = assertThrows(RecordJson.Unreadable.class, () -> json.data(record(CAR, type, new byte[0]), false));
        assertTrue(e.getMessage().contains("record type " + type + " has no JSON form"), e.getMessage());
    }

    // ---- the envelope ----

    @Test
    void the_metadata_are_the_records_and_its_own_facts_are_added() {
        TelemetryRecord record =
                TelemetryRecord.of(CAR, "V", "t-1", new byte[0], Map.of("receivedat", "5", "txid", "gateway's"));
        assertEquals(
                parse("{'vin':'" + CAR + "','metadata':{'receivedat':'5','txid':\"gateway's\",'txtype':'V','vin':'"
                        + CAR + "'}}"),
                json.envelope(record));
    }

    // ---- making and comparing ----

    /** The JSON of a V record of {@link #CAR} with these members, in single quotes. */
    private static String measured(String members) {
        return "{'Vin':'" + CAR + "','CreatedAt':'1970-01-01T00:00:00Z','IsResend':false"
                + (members.isEmpty() ? "" : "," + members) + "}";
    }

    private static TelemetryRecord gear(Value value) {
        return record(CAR, "V", payload(datum(Field.Gear, value)));
    }

    private static TelemetryRecord record(String vin, String type, byte[] payload) {
        return TelemetryRecord.of(vin, type, "", payload, Map.of());
    }

    private static byte[] payload(Datum... data) {
        return Payload.newBuilder().addAllData(List.of(data)).build().toByteArray();
    }

    private static Datum datum(Field key, Value value) {
        return Datum.newBuilder().setKey(key).setValue(value).build();
    }

    private static Value text(String text) {
        return Value.newBuilder().setStringValue(text).build();
    }

    private void assertJson(String expected, TelemetryRecord record, boolean verbose) throws Exception {
        String written = json.data(record, verbose).toString();
        assertEquals(parse(expected), parseStrictly(written));
    }

    private static JsonElement parse(String singleQuoted) {
        return JsonParser.parseString(singleQuoted);
    }

    /** JsonParser takes NaN and single quotes too; what we write must do without such kindness. */
    private static JsonElement parseStrictly(String text) throws IOException {
        JsonReader reader = new JsonReader(new StringReader(text));
        reader.setStrictness(Strictness.STRICT);
        reader.skipValue();
        assertEquals(JsonToken.END_DOCUMENT, reader.peek());
        return JsonParser.parseString(text);
    }
}
