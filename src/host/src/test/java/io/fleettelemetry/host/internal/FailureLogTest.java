package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FailureLogTest {

    private long second;
    private final FailureLog failures = new FailureLog("nats", () -> TimeUnit.SECONDS.toNanos(second));

    private void fail(String vin) {
        failures.write(
                TelemetryRecord.of(vin, "V", "", new byte[0], Map.of()), new Failure(Failure.Kind.FULL, "no room"));
    }

    @Test
    void there_is_a_line_in_ten_seconds_at_most_and_it_counts_what_was_left_out_before_it() {
        try (LogLines log = new LogLines()) {
            fail("A");
            fail("B");
            second = 9;
            fail("C");
            second = 10;
            fail("D");
            second = 20;
            fail("E");
            assertEquals(List.of(line("A", 0), line("D", 2), line("E", 0)), log.of("record_failed"));
        }
    }

    @Test
    void a_log_that_hangs_holds_up_nobody_and_says_it_later() {
        CountDownLatch hangs = new CountDownLatch(1);
        try (LogLines log = new LogLines(hangs)) {
            fail("A");
            second = 10;
            fail("B");
            hangs.countDown();
            assertEquals(List.of(line("A", 0), line("B", 0)), log.of("record_failed"));
        }
    }

    @Test
    void a_vehicle_cannot_write_lines_of_ours() {
        try (LogLines log = new LogLines()) {
            fail("A\"\n[main] ERROR x");
            assertEquals(List.of(line("A'?[main] ERROR x", 0)), log.of("record_failed"));
        }
    }

    private static String line(String vin, int leftOut) {
        return "record_failed datastore=nats kind=FULL reason=\"no room\" vin=\"" + vin
                + "\" record_type=\"V\" txid=\"\" left_out=" + leftOut;
    }
}
