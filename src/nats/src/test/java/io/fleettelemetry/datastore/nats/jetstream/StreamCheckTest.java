package io.fleettelemetry.datastore.nats.jetstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.datastore.nats.settings.Delivery;
import io.nats.client.api.StreamConfiguration;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is made of streams, without a server. */
class StreamCheckTest {

    private static final Duration WINDOW = Duration.ofSeconds(150);

    private final StreamCheck any = check("", Delivery.Setup.VERIFY);

    private static StreamCheck check(String stream, Delivery.Setup setup) {
        return check(stream, setup, Delivery.Batch.AUTO);
    }

    private static StreamCheck check(String stream, Delivery.Setup setup, Delivery.Batch batch) {
        return new StreamCheck(
                "fleet", new Delivery(Delivery.Mode.JETSTREAM, stream, setup, "", "_INBOX", batch, true, WINDOW));
    }

    private static StreamConfiguration.Builder stream(String... subjects) {
        return StreamConfiguration.builder().name("S").subjects(subjects).duplicateWindow(WINDOW);
    }

    private static StreamConfiguration noAck(String... subjects) {
        return stream(subjects).noAck(true).build();
    }

    @Test
    void a_stream_that_stores_all_and_remembers_long_enough_is_as_it_should_be() {
        StreamReport report = any.report(List.of(stream("fleet.>").build()), "");
        assertTrue(report.answered());
        assertEquals("", report.problem());
        assertEquals(List.of(), report.warnings());
        assertTrue(report.covers("fleet.VIN.data"));
        assertTrue(report.streams().get(0).startsWith("S: subjects fleet.>"), report.streams()::toString);
    }

    @Test
    void without_a_stream_nothing_can_be_stored_and_the_way_out_is_said() {
        assertEquals(
                "no stream stores fleet.*.*; create one, or set stream and stream.setup = create",
                any.report(List.of(), "").problem());
        assertEquals(
                "no stream stores fleet.*.*; add the subject to the stream S",
                check("S", Delivery.Setup.CREATE).report(List.of(), "").problem());
        assertEquals(
                "no stream stores fleet.*.*; the stream S was not created: why",
                check("S", Delivery.Setup.CREATE)
                        .report(List.of(), "the stream S was not created: why")
                        .problem());
    }

    @Test
    void a_stream_that_acknowledges_nothing_confirms_nothing() {
        StreamReport report = any.report(List.of(noAck("fleet.>")), "");
        assertTrue(report.unacknowledged());
        assertTrue(report.problem().contains("has no_ack set"), report.problem());
        assertFalse(report.covers("fleet.VIN.data"));
    }

    @Test
    void beside_one_that_acknowledges_it_is_only_warned_of() {
        StreamReport report = any.report(List.of(stream("fleet.*.data").build(), noAck("fleet.*.alerts")), "");
        assertEquals("", report.problem());
        assertFalse(report.unacknowledged());
        assertTrue(
                report.warnings().get(0).startsWith("no stream stores all of fleet.*.alerts, fleet.*.errors"),
                report.warnings()::toString);
        assertTrue(report.warnings().get(1).contains("has no_ack set"), report.warnings()::toString);
    }

    @Test
    void a_stream_that_forgets_message_ids_too_soon_is_warned_of() {
        StreamConfiguration forgetful =
                stream("fleet.>").duplicateWindow(Duration.ofSeconds(120)).build();
        String warning = any.report(List.of(forgetful), "").warnings().get(0);
        assertTrue(warning.contains("remembers message ids for only 120 s"), warning);
        assertTrue(warning.contains("duplicate_window to 150 s"), warning);
    }

    @Test
    void a_stream_that_hardly_remembers_message_ids_or_none_is_warned_of() {
        Map.of(100L, "remembers message ids for only 0.1 s", 0L, "remembers no message ids")
                .forEach((ms, words) -> {
                    StreamConfiguration forgetful = stream("fleet.>")
                            .duplicateWindow(Duration.ofMillis(ms))
                            .build();
                    String warning =
                            any.report(List.of(forgetful), "").warnings().get(0);
                    assertTrue(warning.contains(words) && warning.contains("duplicate_window to 150 s"), warning);
                });
    }

    @Test
    void the_stream_of_the_settings_must_be_among_them() {
        assertEquals(
                List.of("the stream OTHER does not store fleet.*.*"),
                check("OTHER", Delivery.Setup.VERIFY)
                        .report(List.of(stream("fleet.>").build()), "")
                        .warnings());
    }

    /** A stream of a server that knows batches. */
    private static StreamConfiguration batching(String name, boolean allowed, String... subjects) {
        return stream(subjects)
                .name(name)
                .allowBatched(allowed)
                .metadata(Map.of("_nats.level", "4"))
                .build();
    }

    private void assertNoBatches(String why, StreamConfiguration... streams) {
        assertEquals(Batches.no(why), any.report(List.of(streams), "").batches());
    }

    @Test
    void batches_go_to_one_stream_that_allows_them_and_stores_all() {
        List<StreamConfiguration> streams = List.of(batching("S", true, "fleet.>"));
        assertEquals(Batches.to("S"), any.report(streams, "").batches());
        StreamCheck off = check("", Delivery.Setup.VERIFY, Delivery.Batch.OFF);
        assertEquals(Batches.no("batch = off"), off.report(streams, "").batches());
    }

    @Test
    void why_there_are_no_batches_is_said_with_the_way_out() {
        assertNoBatches("no stream stores fleet.*.*");
        assertNoBatches(
                "the stream S does not allow batches (allow_batched); to allow them: nats stream edit S --allow-fast",
                batching("S", false, "fleet.>"));
        assertNoBatches(
                "the server of the stream S does not say that it knows batches, as nats-server 2.14 and later do",
                stream("fleet.>").build());
        assertNoBatches(
                "no stream stores all of fleet.*.*, and batches need one that does",
                batching("S", true, "fleet.*.data"));
        assertNoBatches(
                "no stream stores all of fleet.*.*, and batches need one that does",
                batching("S", true, "fleet.*.data"),
                batching("T", true, "fleet.*.alerts"));
        assertNoBatches("the stream S has no_ack set", noAck("fleet.>"));
    }

    @ParameterizedTest
    @CsvSource({"3, false", "4, true", "5, true", "14, true", "none, false", "-4, false", "4444444444, false"})
    void what_a_server_knows_is_what_it_says_of_a_stream(String level, boolean batches) {
        StreamConfiguration stream =
                stream("fleet.>").metadata(Map.of("_nats.level", level)).build();
        assertEquals(batches, ServerFeatures.of(stream).hasBatches());
    }

    @Test
    void nothing_is_known_if_jetstream_does_not_answer() {
        StreamReport report = any.unanswered("timeout");
        assertFalse(report.answered());
        assertEquals("", report.problem());
        assertEquals(List.of("JetStream does not say which streams there are: timeout"), report.warnings());
    }
}
