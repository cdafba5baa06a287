package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.protos.ConnectivityEvent;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.ShiftState;
import io.fleettelemetry.protos.Value;
import io.fleettelemetry.protos.VehicleAlerts;
import io.fleettelemetry.protos.VehicleConnectivity;
import io.fleettelemetry.protos.VehicleErrors;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SimulatedFleetTest {

    private static final Instant START = Instant.parse("2026-11-23T12:00:00.123456789Z");

    @Test
    void a_vin_has_17_characters_and_a_valid_check_digit() {
        assertEquals('X', Vin.checkDigit("1M8GDM9A_KP042788".replace('_', '0')), "a published example");
        assertEquals('1', Vin.checkDigit("11111111111111111"), "a published example");
        Set<String> vins = IntStream.rangeClosed(1, 20_000).mapToObj(Vin::of).collect(Collectors.toSet());
        assertEquals(20_000, vins.size());
        for (String vin : vins) {
            assertTrue(vin.matches("5YJ3E1EA[0-9X]NF[0-9]{6}"), vin);
            assertEquals(Vin.checkDigit(vin), vin.charAt(8), vin);
        }
        assertEquals(17, Vin.of(Vin.COUNT).length());
    }

    @Test
    void the_first_records_of_a_run_show_every_type_and_most_of_the_rest_are_data() {
        SimulatedFleet fleet = new SimulatedFleet(100, 100, 1, START);
        List<String> types = take(fleet, 1_500).map(TelemetryRecord::type).toList();
        assertEquals(new HashSet<>(SimulatedFleet.RECORD_TYPES), new HashSet<>(types.subList(0, 4)));
        Map<String, Long> counts = types.stream().collect(Collectors.groupingBy(type -> type, Collectors.counting()));
        assertTrue(counts.get("V") > 1_300, counts::toString);
        assertEquals(new HashSet<>(SimulatedFleet.RECORD_TYPES), counts.keySet());
    }

    @Test
    void every_payload_decodes_as_its_type_and_names_its_vehicle() throws Exception {
        for (TelemetryRecord record :
                take(new SimulatedFleet(7, 50, 2, START), 5_000).toList()) {
            Message message = Message.of(record);
            assertEquals(record.vin(), message.vin);
        }
    }

    @Test
    void created_at_is_when_the_record_is_due_and_rises_strictly_per_vehicle() throws Exception {
        SimulatedFleet fleet = new SimulatedFleet(3, 1_000_000, 3, START);
        Map<String, Instant> last = new HashMap<>();
        for (int i = 0; i < 5_000; i++) {
            Instant due = START.plusNanos(fleet.nextDueNanos());
            TelemetryRecord record = fleet.next();
            Instant createdAt = Message.of(record).createdAt;
            assertEquals(due, createdAt);
            assertTrue(createdAt.isAfter(last.getOrDefault(record.vin(), Instant.MIN)));
            last.put(record.vin(), createdAt);
        }
        assertEquals(3, last.size());
    }

    @Test
    void records_are_due_at_the_rate_asked_for_evenly_spaced() {
        SimulatedFleet fleet = new SimulatedFleet(10, 300, 4, START);
        long before = -1;
        for (int i = 0; i < 300; i++) {
            long due = fleet.nextDueNanos();
            assertEquals(i * 1e9 / 300, due, 1);
            assertTrue(due > before);
            before = due;
            fleet.next();
        }
        assertEquals(1_000_000_000L, fleet.nextDueNanos());
    }

    @Test
    void no_two_records_are_alike() {
        Set<List<Byte>> payloads = new HashSet<>();
        Set<String> txids = new HashSet<>();
        take(new SimulatedFleet(20, 20_000, 5, START), 20_000).forEach(record -> {
            assertTrue(payloads.add(bytes(record)), record::toString);
            assertTrue(txids.add(record.txid()), record::toString);
        });
    }

    @Test
    void the_same_seed_and_start_give_the_same_bytes_and_another_seed_gives_others() {
        SimulatedFleet one = new SimulatedFleet(10, 100, 6, START);
        SimulatedFleet same = new SimulatedFleet(10, 100, 6, START);
        SimulatedFleet other = new SimulatedFleet(10, 100, 7, START);
        for (int i = 0; i < 1_000; i++) {
            TelemetryRecord record = one.next();
            TelemetryRecord twin = same.next();
            TelemetryRecord stranger = other.next();
            assertArrayEquals(record.payload(), twin.payload());
            assertEquals(record.txid(), twin.txid());
            assertEquals(record.type(), twin.type());
            assertEquals(record.metadata(), twin.metadata());
            assertNotEquals(record.txid(), stranger.txid());
            if (record.type().equals("V")) {
                assertNotEquals(bytes(record), bytes(stranger));
            }
        }
    }

    @Test
    void two_runs_with_the_same_seed_have_different_txids() {
        assertNotEquals(
                new SimulatedFleet(1, 1, 1, START).next().txid(),
                new SimulatedFleet(1, 1, 1, START.plusMillis(1)).next().txid());
    }

    @Test
    void metadata_are_the_seven_entries_that_the_go_server_sends() {
        TelemetryRecord record = new SimulatedFleet(1, 1, 1, START).next();
        assertEquals(
                Map.of(
                        "vin", record.vin(),
                        "receivedat", Long.toString(START.toEpochMilli()),
                        "timestamp", "0",
                        "txid", record.txid(),
                        "txtype", record.type(),
                        "version", "0",
                        "device_client_version", "1.1.0"),
                record.metadata());
    }

    @Test
    void a_car_is_where_its_speed_has_taken_it_and_its_charge_falls_while_it_drives() throws Exception {
        // Two records a second of one car, for eight hours: long enough to have to charge.
        SimulatedFleet fleet = new SimulatedFleet(1, 2, 8, START);
        Payload before = null;
        boolean charged = false;
        for (TelemetryRecord record : take(fleet, 2 * 8 * 3600).toList()) {
            if (!record.type().equals("V")) {
                before = null;
                continue;
            }
            Payload now = Payload.parseFrom(record.payload());
            boolean driving = value(now, Field.Gear).getShiftStateValue() == ShiftState.ShiftStateD;
            if (before != null && driving) {
                double speed = (number(before, Field.VehicleSpeed) + number(now, Field.VehicleSpeed)) / 2;
                assertEquals(speed * 0.5 / 3600, milesBetween(before, now), 0.0005);
                assertEquals(speed * 0.5 / 3600, number(now, Field.Odometer) - number(before, Field.Odometer), 0.00001);
            }
            if (before != null) {
                double gained = number(now, Field.Soc) - number(before, Field.Soc);
                assertTrue(driving ? gained <= 0 || charged : gained >= -0.01, "gained " + gained);
                charged = !driving;
            }
            double speed = number(now, Field.VehicleSpeed);
            assertTrue(speed >= 0 && speed < 90, "speed " + speed);
            assertTrue(number(now, Field.Soc) > 5 && number(now, Field.Soc) <= 100);
            before = now;
        }
    }

    @Test
    void an_alert_starts_and_later_ends_as_the_same_alert() throws Exception {
        SimulatedFleet fleet = new SimulatedFleet(1, 10, 9, START);
        List<VehicleAlerts> alerts = new ArrayList<>();
        while (alerts.size() < 20) {
            TelemetryRecord record = fleet.next();
            if (record.type().equals("alerts")) {
                alerts.add(VehicleAlerts.parseFrom(record.payload()));
            }
        }
        for (int i = 0; i < alerts.size(); i += 2) {
            var begun = alerts.get(i).getAlerts(0);
            var over = alerts.get(i + 1).getAlerts(0);
            assertFalse(begun.hasEndedAt());
            assertTrue(begun.getAudiencesCount() > 0);
            assertEquals(begun, over.toBuilder().clearEndedAt().build());
            assertTrue(instant(over.getEndedAt()).isAfter(instant(over.getStartedAt())));
        }
    }

    @Test
    void a_lost_connection_comes_back_with_a_new_id_and_nothing_is_sent_in_between() throws Exception {
        SimulatedFleet fleet = new SimulatedFleet(1, 10, 10, START);
        VehicleConnectivity lost = null;
        for (int returns = 0; returns < 10; ) {
            TelemetryRecord record = fleet.next();
            if (lost != null) {
                VehicleConnectivity back = VehicleConnectivity.parseFrom(record.payload());
                assertEquals(ConnectivityEvent.CONNECTED, back.getStatus());
                assertNotEquals(lost.getConnectionId(), back.getConnectionId());
                returns++;
                lost = null;
            } else if (record.type().equals("connectivity")) {
                lost = VehicleConnectivity.parseFrom(record.payload());
                assertEquals(ConnectivityEvent.DISCONNECTED, lost.getStatus());
                assertFalse(lost.getNetworkInterface().isEmpty());
            }
        }
    }

    @Test
    void numbers_out_of_range_are_refused() {
        assertThrows(IllegalArgumentException.class, () -> new SimulatedFleet(0, 1, 1, START));
        assertThrows(
                IllegalArgumentException.class, () -> new SimulatedFleet(SimulatedFleet.MAX_VEHICLES + 1, 1, 1, START));
        assertThrows(IllegalArgumentException.class, () -> new SimulatedFleet(1, 0, 1, START));
        assertThrows(
                IllegalArgumentException.class, () -> new SimulatedFleet(1, SimulatedFleet.MAX_RATE + 1, 1, START));
    }

    private record Message(String vin, Instant createdAt) {

        static Message of(TelemetryRecord record) throws InvalidProtocolBufferException {
            return switch (record.type()) {
                case "V" -> {
                    Payload message = Payload.parseFrom(record.payload());
                    assertTrue(message.getDataCount() > 5);
                    yield new Message(message.getVin(), instant(message.getCreatedAt()));
                }
                case "alerts" -> {
                    VehicleAlerts message = VehicleAlerts.parseFrom(record.payload());
                    assertFalse(message.getAlerts(0).getName().isEmpty());
                    yield new Message(message.getVin(), instant(message.getCreatedAt()));
                }
                case "errors" -> {
                    VehicleErrors message = VehicleErrors.parseFrom(record.payload());
                    assertFalse(message.getErrors(0).getName().isEmpty());
                    assertFalse(message.getErrors(0).getBody().isEmpty());
                    assertFalse(message.getErrors(0).getTagsMap().isEmpty());
                    yield new Message(message.getVin(), instant(message.getCreatedAt()));
                }
                case "connectivity" -> {
                    VehicleConnectivity message = VehicleConnectivity.parseFrom(record.payload());
                    yield new Message(message.getVin(), instant(message.getCreatedAt()));
                }
                default -> throw new AssertionError(record.type());
            };
        }
    }

    private static Stream<TelemetryRecord> take(SimulatedFleet fleet, int count) {
        return Stream.generate(fleet::next).limit(count);
    }

    private static List<Byte> bytes(TelemetryRecord record) {
        List<Byte> bytes = new ArrayList<>();
        for (byte b : record.payload()) {
            bytes.add(b);
        }
        return bytes;
    }

    private static Instant instant(Timestamp timestamp) {
        return Instant.ofEpochSecond(timestamp.getSeconds(), timestamp.getNanos());
    }

    private static Value value(Payload payload, Field field) {
        return payload.getDataList().stream()
                .filter(datum -> datum.getKey() == field)
                .map(Datum::getValue)
                .findFirst()
                .orElseThrow();
    }

    private static double number(Payload payload, Field field) {
        return value(payload, field).getDoubleValue();
    }

    private static double milesBetween(Payload one, Payload other) {
        var from = value(one, Field.Location).getLocationValue();
        var to = value(other, Field.Location).getLocationValue();
        double north = (to.getLatitude() - from.getLatitude()) * 69;
        double east = (to.getLongitude() - from.getLongitude()) * 69 * Math.cos(Math.toRadians(from.getLatitude()));
        return Math.hypot(north, east);
    }
}
