package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SimulateCommandTest {

    private final Shell shell = new Shell();
    private final MemoryHost host = new MemoryHost();
    private final SimulateCommand simulate = new SimulateCommand();

    @BeforeEach
    void one_second_of_a_small_fleet() {
        simulate.vehicles = "10";
        simulate.rate = "200";
        simulate.seconds = "1";
        simulate.json = true;
    }

    @Test
    void a_run_offers_rate_times_seconds_records_evenly_and_counts_them() {
        Shell.Result result = shell.run(simulate, host);
        assertTrue(result.ok());
        JsonObject answer = result.json();
        assertEquals(200, answer.get("offered").getAsLong());
        assertEquals(200, answer.get("confirmed").getAsLong());
        assertEquals(0, answer.get("failed").getAsLong());
        long data = host.records.stream().filter(r -> r.type().equals("V")).count();
        assertEquals(data, answer.get("reliable_acks").getAsLong());
        assertTrue(answer.get("seconds").getAsDouble() >= 0.99, "the last record is due after 0.995 s");
        assertTrue(answer.getAsJsonObject("failures").isEmpty());
        assertEquals(
                new HashSet<>(SimulatedFleet.RECORD_TYPES),
                host.records.stream().limit(4).map(TelemetryRecord::type).collect(Collectors.toSet()));
        assertEquals(
                10, host.records.stream().map(TelemetryRecord::vin).distinct().count());
    }

    @Test
    void no_record_is_offered_before_it_is_due() {
        host.outcome = record -> {
            long receivedAt = Long.parseLong(record.metadata().get("receivedat"));
            long early = receivedAt - Instant.now().toEpochMilli();
            return early > 5 ? MemoryHost.failure(Failure.Kind.ERROR, early + " ms early") : Outcome.CONFIRMED;
        };
        Shell.Result result = shell.run(simulate, host);
        assertTrue(result.ok(), result.out());
    }

    @Test
    void a_line_a_second_and_a_summary_are_for_people() {
        simulate.json = false;
        simulate.seconds = "2";
        Shell.Result result = shell.run(simulate, host);
        assertTrue(result.ok());
        assertTrue(result.out().lines().anyMatch(line -> line.matches(" +1 s +offered +(19|20)\\d +confirmed .*")));
        String summary = result.out().lines().reduce((first, last) -> last).orElseThrow();
        assertTrue(summary.contains("offered 400"), summary);
        assertTrue(summary.contains("confirmed 400, failed 0"), summary);
    }

    @Test
    void failures_are_grouped_by_reason_and_make_the_run_an_error() {
        host.outcome = record -> record.type().equals("V")
                ? Outcome.CONFIRMED
                : MemoryHost.failure(Failure.Kind.EXPIRED, "too old: " + record.type());
        Shell.Result result = shell.run(simulate, host);
        assertFalse(result.ok());
        JsonObject answer = result.json();
        long failed = answer.get("failed").getAsLong();
        assertTrue(failed >= 3);
        assertEquals(200, failed + answer.get("confirmed").getAsLong());
        JsonObject failures = answer.getAsJsonObject("failures");
        assertEquals(
                failed,
                failures.asMap().values().stream().mapToLong(n -> n.getAsLong()).sum());
        assertTrue(failures.has("nats: too old: alerts"), failures::toString);

        simulate.json = false;
        Shell.Result text = shell.run(simulate, host);
        assertFalse(text.ok());
        assertTrue(text.out().contains("failed: nats: too old: alerts"), text.out());
        assertTrue(text.out().contains(failed + " of 200 records failed"), text.out());
    }

    @Test
    void only_the_first_reasons_are_kept_and_the_rest_is_counted_together() {
        host.outcome = record -> MemoryHost.failure(Failure.Kind.ERROR, "reason " + host.offers.get());
        JsonObject failures = shell.run(simulate, host).json().getAsJsonObject("failures");
        assertEquals(OutcomeCounter.REASONS + 1, failures.size());
        assertEquals(1, failures.get("nats: reason 1").getAsLong());
        assertEquals(
                200 - OutcomeCounter.REASONS, failures.get(OutcomeCounter.OTHER).getAsLong());
    }

    @Test
    void a_run_until_interrupted_ends_well_when_it_is() throws Exception {
        simulate.json = false;
        simulate.seconds = "0";
        Shell.Running running = shell.start(simulate, host);
        Awaitility.await().until(() -> host.offers.get() > 50);
        running.thread().interrupt();
        Shell.Result result = running.result().get(10, TimeUnit.SECONDS);
        assertTrue(result.ok(), result.out());
        assertTrue(result.out().contains("offered " + host.offers.get() + " "), result.out());
    }

    @Test
    void a_run_until_interrupted_ends_when_the_session_is_gone() throws Exception {
        shell.console = new PrintStream(new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("gone");
            }

            @Override
            public void flush() throws IOException {
                throw new IOException("gone");
            }
        });
        simulate.json = false;
        simulate.seconds = "0";
        assertTrue(
                shell.start(simulate, host).result().get(10, TimeUnit.SECONDS).ok());
    }

    @Test
    void a_run_ends_when_the_host_is_closed() throws Exception {
        simulate.seconds = "3600";
        host.outcome = record -> host.offers.get() < 50
                ? Outcome.CONFIRMED
                : MemoryHost.failure(Failure.Kind.CLOSED, "the host was stopped");
        Shell.Result result = shell.start(simulate, host).result().get(10, TimeUnit.SECONDS);
        assertFalse(result.ok());
        assertEquals(50, result.json().get("offered").getAsLong());
    }

    @Test
    void it_returns_when_every_record_has_ended_or_it_is_interrupted_while_it_waits() throws Exception {
        host.outcome = record -> null;
        Shell.Running running = shell.start(simulate, host);
        Awaitility.await().until(() -> host.offers.get() == 200);
        Awaitility.await()
                .during(Duration.ofMillis(200))
                .until(() -> !running.result().isDone());
        running.thread().interrupt();
        Awaitility.await().until(() -> {
            // The first interrupt may have ended the offering, if it was not over yet.
            running.thread().interrupt();
            return running.result().isDone();
        });
        Shell.Result result = running.result().get();
        assertFalse(result.ok());
        assertEquals(0, result.json().get("confirmed").getAsLong());
    }

    @Test
    void a_host_that_cannot_keep_pace_gets_fewer_records_and_the_run_is_an_error() {
        simulate.rate = "1000000";
        host.outcome = record -> {
            long until = System.nanoTime() + 20_000;
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            return Outcome.CONFIRMED;
        };
        Shell.Result result = shell.run(simulate, host);
        assertFalse(result.ok());
        JsonObject answer = result.json();
        assertTrue(answer.get("offered").getAsLong() < 1_000_000);
        assertEquals(answer.get("offered"), answer.get("confirmed"));
        assertTrue(answer.get("seconds").getAsDouble() < 10, "it ends in time");
    }

    @Test
    void numbers_out_of_range_are_named_with_value_range_and_usage() {
        simulate.json = false;
        simulate.vehicles = "0";
        refused("--vehicles \"0\": must be a whole number from 1 to 999999");
        simulate.vehicles = "1000000";
        refused("--vehicles \"1000000\": must be a whole number from 1 to 999999");
        simulate.vehicles = "1";
        simulate.rate = "-1";
        refused("--rate \"-1\": must be a whole number from 1 to 1000000");
        simulate.rate = "1";
        simulate.seconds = "-1";
        refused("--seconds \"-1\": must be a whole number from 0 to ");
        simulate.seconds = "0";
        simulate.json = true;
        refused("--seconds \\\"0\\\": must be 1 or more with --json");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --rate     | many                 | must be a whole number from 1 to 1000000
            --vehicles | 1.5                  | must be a whole number from 1 to 999999
            --seconds  | 99999999999999999999 | must be a whole number from 0 to 31536000
            --seed     | x                    | must be a whole number from -9223372036854775808 to 9223372036854775807
            --seed     | ''                   | must be a whole number from -9223372036854775808 to 9223372036854775807
            """)
    void what_is_no_number_is_refused_like_any_other_misuse(String option, String value, String reason) {
        Shell.Result result = shell.typed(simulate, host, "--json", option, value);
        assertFalse(result.ok());
        assertTrue(
                result.json().get("error").getAsString().startsWith(option + " \"" + value + "\": " + reason),
                result.out());
        assertEquals(0, host.offers.get());
    }

    @Test
    void options_are_read_as_they_are_typed() {
        Shell.Result result = shell.typed(
                simulate, host, "--vehicles", "3", "--rate", "20", "--seconds", "1", "--seed", "-7", "--json");
        assertEquals(20, result.json().get("offered").getAsLong(), result.out());
        assertEquals(
                3, host.records.stream().map(TelemetryRecord::vin).distinct().count());
    }

    private void refused(String why) {
        Shell.Result result = shell.run(simulate, host);
        assertFalse(result.ok());
        assertTrue(result.out().contains(why), result.out());
        assertTrue(result.out().contains("usage: telemetry:simulate "), result.out());
        assertEquals(0, host.offers.get());
    }
}
