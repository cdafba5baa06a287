package io.fleettelemetry.datastore.logger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.protos.Datum;
import io.fleettelemetry.protos.Field;
import io.fleettelemetry.protos.Payload;
import io.fleettelemetry.protos.ShiftState;
import io.fleettelemetry.protos.Value;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

class LoggerDatastoreTest {

    private static final String VIN = "5YJ3E1EA1NF123456";
    private static final byte[] GEAR = Payload.newBuilder()
            .addData(Datum.newBuilder()
                    .setKey(Field.Gear)
                    .setValue(Value.newBuilder().setShiftStateValue(ShiftState.ShiftStateD)))
            .build()
            .toByteArray();

    private final LogLines log = new LogLines();
    private final Outcomes outcomes = new Outcomes();
    private final LoggerDatastore datastore = new LoggerDatastore(log.logger, LoggerSettings.DEFAULTS);

    @Test
    void a_record_is_one_line_and_confirmed_before_produce_returns() {
        TelemetryRecord record = record("V", GEAR);
        datastore.produce(record, outcomes);
        assertEquals(
                List.of("INFO record_payload {\"vin\":\"" + VIN + "\","
                        + "\"metadata\":{\"receivedat\":\"5\",\"txid\":\"t-1\",\"txtype\":\"V\",\"vin\":\"" + VIN
                        + "\"},"
                        + "\"data\":{\"Vin\":\"" + VIN + "\",\"CreatedAt\":\"1970-01-01T00:00:00Z\","
                        + "\"IsResend\":false,\"Gear\":\"ShiftStateD\"}}"),
                log.all());
        assertSame(record, outcomes.confirmed.get(0));
        assertEquals("1 confirmed, 0 failed", outcomes.toString());
    }

    @Test
    void new_settings_hold_from_the_next_record_on() {
        datastore.use(new LoggerSettings(true));
        datastore.produce(record("V", GEAR), outcomes);
        assertTrue(log.all().get(0).endsWith("\"Gear\":{\"shiftStateValue\":\"ShiftStateD\"}}}"), log.all()::toString);
    }

    @Test
    void a_record_type_without_message_fails_with_the_reason_in_the_log() {
        datastore.produce(record("other", GEAR), outcomes);
        String reason = "record type other has no JSON form: V, alerts, errors and connectivity have one";
        assertEquals(
                List.of("ERROR record_logging_error {\"vin\":\"" + VIN + "\",\"metadata\":{\"receivedat\":\"5\","
                        + "\"txid\":\"t-1\",\"txtype\":\"other\",\"vin\":\"" + VIN + "\"},\"txtype\":\"other\","
                        + "\"error\":\"" + reason + "\"}"),
                log.all());
        assertEquals(List.of(new Failure(Failure.Kind.INVALID, reason)), outcomes.failed);
        assertEquals("0 confirmed, 1 failed", outcomes.toString());
    }

    @Test
    void a_payload_that_does_not_parse_fails_as_invalid() {
        datastore.produce(record("V", new byte[] {0x0a, 0x05}), outcomes);
        assertTrue(log.all().get(0).startsWith("ERROR record_logging_error {"), log.all()::toString);
        assertEquals(Failure.Kind.INVALID, outcomes.failed.get(0).kind());
        assertTrue(outcomes.failed.get(0).reason().startsWith("the payload is no message of record type V: "));
    }

    @Test
    void a_receipt_that_throws_is_logged_and_stops_nothing() {
        Receipt broken = new Receipt() {
            @Override
            public boolean confirmed(TelemetryRecord record) {
                throw new IllegalStateException("broken");
            }

            @Override
            public void failed(TelemetryRecord record, Failure why) {
                throw new NoClassDefFoundError("gone");
            }
        };
        datastore.produce(record("V", GEAR), broken);
        datastore.produce(record("other", GEAR), broken);
        datastore.produce(record("V", GEAR), outcomes);
        assertEquals(
                List.of(
                        "INFO record_payload",
                        "ERROR logger_receipt_error",
                        "ERROR record_logging_error",
                        "ERROR logger_receipt_error",
                        "INFO record_payload"),
                log.all().stream()
                        .map(line -> line.substring(0, line.indexOf(" {")))
                        .toList());
        assertEquals("1 confirmed, 0 failed", outcomes.toString());
    }

    @Test
    void a_log_that_throws_fails_the_record() {
        Logger full = (Logger) Proxy.newProxyInstance(
                LoggerDatastoreTest.class.getClassLoader(),
                new Class<?>[] {Logger.class},
                (proxy, method, arguments) -> {
                    throw new IllegalStateException("disk full");
                });
        new LoggerDatastore(full, LoggerSettings.DEFAULTS).produce(record("V", GEAR), outcomes);
        assertEquals(Failure.Kind.ERROR, outcomes.failed.get(0).kind());
        assertTrue(outcomes.failed.get(0).reason().contains("disk full"));
    }

    @Test
    void after_close_records_are_refused_and_not_logged() {
        datastore.close();
        datastore.close();
        datastore.produce(record("V", GEAR), outcomes);
        assertEquals(Failure.Kind.CLOSED, outcomes.failed.get(0).kind());
        assertEquals(List.of(), log.all());
        assertEquals(Status.State.CRITICAL, datastore.status().state());
    }

    @Test
    void the_status_counts_and_tells_of_a_refused_setting_until_a_right_one_comes() {
        datastore.produce(record("V", GEAR), outcomes);
        datastore.produce(record("other", GEAR), outcomes);
        assertEquals(Status.State.OK, datastore.status().state());
        assertEquals(
                Map.of("confirmed_records", "1", "failed_records", "1", "verbose", "false"),
                datastore.status().details());

        datastore.refuse("verbose = maybe: must be true or false");
        assertEquals(Status.State.WARN, datastore.status().state());
        assertTrue(datastore.status().summary().contains("verbose = maybe"));

        datastore.use(LoggerSettings.DEFAULTS);
        assertEquals(Status.State.OK, datastore.status().state());
    }

    @Test
    void a_refused_setting_is_logged_once_however_often_it_comes() {
        datastore.refuse("verbose = maybe: must be true or false");
        datastore.refuse("verbose = maybe: must be true or false");
        datastore.refuse("verbose = 7: must be true or false");
        assertEquals(
                List.of(
                        "ERROR logger_configuration_refused {\"error\":\"verbose = maybe: must be true or false\"}",
                        "ERROR logger_configuration_refused {\"error\":\"verbose = 7: must be true or false\"}"),
                log.all());
    }

    @Test
    void the_destination_is_the_log() {
        assertEquals("log", datastore.destination(record("V", GEAR)));
    }

    private static TelemetryRecord record(String type, byte[] payload) {
        return TelemetryRecord.of(VIN, type, "t-1", payload, Map.of("receivedat", "5"));
    }

    private static final class Outcomes implements Receipt {

        private final List<TelemetryRecord> confirmed = new ArrayList<>();
        private final List<Failure> failed = new ArrayList<>();

        @Override
        public boolean confirmed(TelemetryRecord record) {
            confirmed.add(record);
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            failed.add(why);
        }

        @Override
        public String toString() {
            return confirmed.size() + " confirmed, " + failed.size() + " failed";
        }
    }
}
