package io.fleettelemetry.datastore.logger;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
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
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

class LoggerDatastoreTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String VIN = "5YJ3E1EA1NF123456";
    private static final byte[] GEAR = Payload.newBuilder()
            .addData(Datum.newBuilder()
                    .setKey(Field.Gear)
                    .setValue(Value.newBuilder().setShiftStateValue(ShiftState.ShiftStateD)))
            .build()
            .toByteArray();

    private final LogLines log = new LogLines();
    private final Outcomes outcomes = new Outcomes();
    private final CountDownLatch released = new CountDownLatch(1);
    private LoggerDatastore datastore = open(log.logger);

    @AfterEach
    void close() {
        released.countDown();
        datastore.close();
    }

    private static LoggerDatastore open(Logger log) {
        LoggerDatastore datastore = new LoggerDatastore(log, LoggerSettings.DEFAULTS);
        datastore.open();
        return datastore;
    }

    /** What a log does before it takes a line. */
    private interface Appender {
        void append() throws Throwable;
    }

    /** The same log, behind something that may throw or take its time. */
    private Logger behind(Appender appender) {
        return (Logger) Proxy.newProxyInstance(
                LoggerDatastoreTest.class.getClassLoader(),
                new Class<?>[] {Logger.class},
                (proxy, method, arguments) -> {
                    appender.append();
                    return method.invoke(log.logger, arguments);
                });
    }

    /** In place of the one with a log that works. */
    private void use(Appender appender) {
        datastore.close();
        datastore = open(behind(appender));
    }

    private void produce(TelemetryRecord record) {
        datastore.produce(record, outcomes);
    }

    @Test
    void closing_from_within_a_receipt_returns_at_once_and_what_waits_is_still_written() {
        CountDownLatch offered = new CountDownLatch(1);
        Receipt closing = new Receipt() {
            @Override
            public boolean confirmed(TelemetryRecord record) {
                try {
                    offered.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                datastore.close();
                return outcomes.confirmed(record);
            }

            @Override
            public void failed(TelemetryRecord record, Failure why) {
                outcomes.failed(record, why);
            }
        };
        for (int i = 0; i < 10; i++) {
            datastore.produce(record("V", GEAR), closing);
        }
        offered.countDown();
        outcomes.awaitEnded(10);
        assertEquals("10 confirmed, 0 failed", outcomes.toString());
    }

    @Test
    void a_record_is_one_line_and_confirmed() {
        TelemetryRecord record = record("V", GEAR);
        produce(record);
        outcomes.awaitEnded(1);
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
    void what_a_vehicle_says_commands_no_terminal_and_begins_no_line() {
        String hostile = "a\u001b[2J\r\nb\u009b1m\u007f\u202e\u2028\u2066z";
        byte[] payload = Payload.newBuilder()
                .addData(Datum.newBuilder()
                        .setKey(Field.VehicleName)
                        .setValue(Value.newBuilder().setStringValue(hostile)))
                .addData(Datum.newBuilder().setKey(Field.Gear))
                .build()
                .toByteArray();
        produce(TelemetryRecord.of(hostile, "V", hostile, payload, Map.of(hostile, hostile)));
        produce(TelemetryRecord.of(hostile, hostile, hostile, payload, Map.of()));
        outcomes.awaitEnded(2);
        assertEquals(3, log.all().size());
        log.all().forEach(line -> {
            assertFalse(line.matches("(?s).*[\\p{Cc}\\p{Cf}\u2028\u2029].*"), line);
            String said =
                    JsonParser.parseString(line.substring(line.indexOf('{'))).toString();
            assertTrue(said.contains("\u202e"), "a program reads what was said: " + line);
        });
    }

    @Test
    void records_are_written_in_the_order_of_offering_each_by_the_settings_of_that_moment() {
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            boolean verbose = i % 2 == 0;
            datastore.use(new LoggerSettings(verbose));
            produce(TelemetryRecord.of(VIN, "V", "t-" + i, GEAR, Map.of()));
            expected.add("t-" + i + (verbose ? " {\"shiftStateValue\":\"ShiftStateD\"}" : " \"ShiftStateD\""));
        }
        outcomes.awaitEnded(200);
        assertEquals(
                expected,
                log.all().stream()
                        .map(line -> line.replaceAll(".*\"txid\":\"(.*?)\".*\"Gear\":(.*)}}", "$1 $2"))
                        .toList());
        assertEquals(
                expected.stream().map(line -> line.split(" ")[0]).toList(),
                outcomes.confirmed.stream().map(TelemetryRecord::txid).toList());
    }

    @Test
    void lines_and_receipts_come_from_one_thread_that_holds_nothing_of_the_callers() throws Exception {
        List<String> contexts = new CopyOnWriteArrayList<>();
        Thread caller = Thread.currentThread();
        ClassLoader before = caller.getContextClassLoader();
        caller.setContextClassLoader(new URLClassLoader(new URL[0]));
        try {
            use(() -> contexts.add(context(Thread.currentThread())));
        } finally {
            caller.setContextClassLoader(before);
        }
        produce(record("V", GEAR));
        produce(record("other", GEAR));
        outcomes.awaitEnded(2);
        String ours = "logger-write " + LoggerDatastore.class.getClassLoader();
        assertEquals(List.of(ours, ours), contexts);
        assertEquals(List.of(ours, ours), outcomes.contexts);
        Thread writer = outcomes.threads.get(0);
        datastore.close();
        assertFalse(writer.isAlive());
        assertNull(writer.getContextClassLoader());
    }

    private static String context(Thread thread) {
        return thread.getName() + " " + thread.getContextClassLoader();
    }

    @Test
    void a_record_type_without_message_fails_with_the_reason_in_the_log() {
        produce(record("other", GEAR));
        outcomes.awaitEnded(1);
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
        produce(record("V", new byte[] {0x0a, 0x05}));
        outcomes.awaitEnded(1);
        assertTrue(log.all().get(0).startsWith("ERROR record_logging_error {"), log.all()::toString);
        assertEquals(Failure.Kind.INVALID, outcomes.failed.get(0).kind());
        assertTrue(outcomes.failed.get(0).reason().startsWith("the payload is not a message of record type V: "));
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
        produce(record("V", GEAR));
        outcomes.awaitEnded(1);
        assertEquals(
                List.of(
                        "INFO record_payload",
                        "ERROR logger_callback_failed",
                        "ERROR record_logging_error",
                        "ERROR logger_callback_failed",
                        "INFO record_payload"),
                log.all().stream()
                        .map(line -> line.substring(0, line.indexOf(" {")))
                        .toList());
        assertEquals("1 confirmed, 0 failed", outcomes.toString());
    }

    @Test
    void a_log_that_throws_fails_the_record_and_stops_nothing() {
        Queue<Throwable> thrown = new ConcurrentLinkedQueue<>(
                List.of(new IllegalStateException("disk full"), new NoClassDefFoundError("its bundle is gone")));
        use(() -> {
            if (!thrown.isEmpty()) {
                throw thrown.remove();
            }
        });
        produce(record("V", GEAR));
        produce(record("V", GEAR));
        produce(record("V", GEAR));
        outcomes.awaitEnded(3);
        assertEquals("1 confirmed, 2 failed", outcomes.toString());
        assertEquals(Failure.Kind.ERROR, outcomes.failed.get(0).kind());
        assertTrue(outcomes.failed.get(0).reason().contains("disk full"));
        assertTrue(outcomes.failed.get(1).reason().contains("its bundle is gone"));
    }

    @Test
    void a_log_that_blocks_holds_up_nobody_until_it_goes_on() {
        use(released::await);
        assertTimeoutPreemptively(SOON, () -> produce(record("V", GEAR)));
        assertEquals("0 confirmed, 0 failed", outcomes.toString());
        assertEquals("1", datastore.status().details().get("waiting_records"));
        released.countDown();
        outcomes.awaitEnded(1);
        assertEquals("1 confirmed, 0 failed", outcomes.toString());
    }

    @Test
    void what_the_log_does_not_take_is_bounded_and_further_records_are_refused_as_full_until_it_does() {
        use(released::await);
        TelemetryRecord record = record("V", new byte[100_000]); // no message; but nobody has looked at it yet
        int accepted = 0;
        while (outcomes.failed.isEmpty()) {
            produce(record);
            accepted++;
        }
        accepted--;
        assertEquals(1 + (Backlog.MAX_BYTES - 1) / 100_128, accepted);
        assertEquals(
                new Failure(
                        Failure.Kind.FULL,
                        accepted + " records (" + accepted * 100_128
                                + " bytes) wait for the log; the limit is 8388608 bytes; look at the log's appenders"),
                outcomes.failed.get(0));
        assertSame(Thread.currentThread(), outcomes.threads.get(0));
        assertEquals(Status.State.WARN, datastore.status().state());
        released.countDown();
        outcomes.awaitEnded(accepted + 1);
        assertEquals(Status.State.OK, datastore.status().state());
        produce(record("V", GEAR));
        outcomes.awaitEnded(accepted + 2);
        assertEquals(1, outcomes.confirmed.size());
    }

    @Test
    void a_record_is_accepted_however_large_it_is_if_nothing_else_waits() {
        produce(record("V", new byte[(int) Backlog.MAX_BYTES + 1]));
        outcomes.awaitEnded(1);
        assertEquals(Failure.Kind.INVALID, outcomes.failed.get(0).kind());
    }

    @Test
    void what_waits_is_written_before_close_returns() {
        use(released::await);
        for (int i = 0; i < 1_000; i++) {
            produce(record("V", GEAR));
        }
        released.countDown();
        datastore.close();
        assertEquals("1000 confirmed, 0 failed", outcomes.toString());
        assertEquals(1_000, log.all().size());
    }

    @Test
    void closing_while_the_log_hangs_fails_what_waits_and_no_receipt_is_called_any_more() {
        List<Thread> writer = new CopyOnWriteArrayList<>();
        use(() -> {
            writer.add(Thread.currentThread());
            released.await();
        });
        produce(record("V", GEAR));
        produce(record("V", GEAR));
        assertTimeoutPreemptively(SOON, datastore::close);
        assertEquals("0 confirmed, 2 failed", outcomes.toString());
        assertEquals(
                List.of(Failure.Kind.CLOSED, Failure.Kind.CLOSED),
                outcomes.failed.stream().map(Failure::kind).toList());
        released.countDown();
        await().atMost(SOON).until(() -> !writer.get(0).isAlive());
        assertEquals("0 confirmed, 2 failed", outcomes.toString());
        assertEquals(1, log.all().size(), "the line in which it hung");
    }

    @Test
    void after_close_records_are_refused_and_not_logged() {
        datastore.close();
        datastore.close();
        produce(record("V", GEAR));
        assertEquals(Failure.Kind.CLOSED, outcomes.failed.get(0).kind());
        assertEquals(List.of(), log.all());
        assertEquals(Status.State.CRITICAL, datastore.status().state());
    }

    @Test
    void the_status_counts_and_tells_of_a_refused_setting_until_a_right_one_comes() {
        produce(record("V", GEAR));
        produce(record("other", GEAR));
        outcomes.awaitEnded(2);
        assertEquals(Status.State.OK, datastore.status().state());
        assertEquals(
                Map.of("confirmed_records", "1", "failed_records", "1", "waiting_records", "0", "verbose", "false"),
                datastore.status().details());

        datastore.settingsProblem(Optional.of("verbose = maybe: must be true or false"));
        assertEquals(Status.State.WARN, datastore.status().state());
        assertTrue(datastore.status().summary().contains("verbose = maybe"));

        datastore.settingsProblem(Optional.empty());
        assertEquals(Status.State.OK, datastore.status().state());
    }

    @Test
    void the_destination_is_the_log() {
        assertEquals("log", datastore.destination(record("V", GEAR)));
    }

    private static TelemetryRecord record(String type, byte[] payload) {
        return TelemetryRecord.of(VIN, type, "t-1", payload, Map.of("receivedat", "5"));
    }

    private static final class Outcomes implements Receipt {

        private final List<TelemetryRecord> confirmed = new CopyOnWriteArrayList<>();
        private final List<Failure> failed = new CopyOnWriteArrayList<>();
        private final List<Thread> threads = new CopyOnWriteArrayList<>();
        private final List<String> contexts = new CopyOnWriteArrayList<>();

        @Override
        public boolean confirmed(TelemetryRecord record) {
            seeThread();
            confirmed.add(record);
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            seeThread();
            failed.add(why);
        }

        private void seeThread() {
            threads.add(Thread.currentThread());
            contexts.add(context(Thread.currentThread()));
        }

        void awaitEnded(int records) {
            await().atMost(SOON).until(() -> confirmed.size() + failed.size() == records);
        }

        @Override
        public String toString() {
            return confirmed.size() + " confirmed, " + failed.size() + " failed";
        }
    }
}
