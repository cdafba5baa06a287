package io.fleettelemetry.datastore.nats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.Status.State;
import io.fleettelemetry.datastore.nats.StatusReport.InFlight;
import io.fleettelemetry.datastore.nats.connection.SessionSnapshot;
import io.fleettelemetry.datastore.nats.connection.SessionSnapshot.Server;
import io.fleettelemetry.datastore.nats.jetstream.StreamsSnapshot;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the status says, without a server. */
class StatusReportTest {

    private static final NatsSettings SETTINGS = NatsSettings.parse(Map.of("url", "nats://user:secret@a:1"));
    private static final NatsSettings OTHER = NatsSettings.parse(Map.of("url", "nats://b:2"));

    // What the status is made of; a test changes what it is about.
    private NatsSettings settings = SETTINGS;
    private Server server = new Server("nats://a:1", "2.9.10", 1_048_576);
    private StreamsSnapshot streams;
    private boolean preparing;
    private String problem = "";
    private String trouble = "";
    private SessionSnapshot next;
    private InFlight inFlight = new InFlight(3, 500, 0, false, "");
    private boolean closed;
    private String missing = "";
    private String lost = "";
    private List<String> refusedSettings = List.of();
    private String refusedRecords = "";

    private Status status() {
        SessionSnapshot inUse = new SessionSnapshot(settings, server, 7L, streams, preparing, problem, trouble);
        return new StatusReport(inUse, next, inFlight, closed, missing, lost, refusedSettings, refusedRecords).status();
    }

    private void assertSays(State state, String summary) {
        assertEquals(state, status().state());
        assertEquals(summary, status().summary());
    }

    private static SessionSnapshot waiting(NatsSettings settings, String trouble) {
        return new SessionSnapshot(settings, null, null, null, false, "", trouble);
    }

    @Test
    void connected_is_ok() {
        assertSays(State.OK, "connected");
    }

    @Test
    void the_details_have_a_fixed_order_and_no_secret() {
        streams = new StreamsSnapshot("S: subjects ns.>", "", List.of(), 2, "batch = off");
        inFlight = new InFlight(3, 500, 4, false, "");
        assertEquals(
                List.of(
                        "url=nats://a:1",
                        "namespace=tesla_telemetry",
                        "server=nats://a:1",
                        "server_version=2.9.10",
                        "max_payload=1048576",
                        "reconnects=7",
                        "delivery=core",
                        "streams=S: subjects ns.>",
                        "confirmed_by=answers",
                        "why_no_batches=batch = off",
                        "late_acks=4",
                        "unexpected_replies=2",
                        "in_flight_records=3",
                        "in_flight_bytes=500",
                        "in_flight_max_bytes=67108864"),
                new ArrayList<>(status().details().entrySet())
                        .stream().map(Object::toString).toList());
        assertFalse(status().toString().contains("secret"), status()::toString);
    }

    @Test
    void in_batches_there_is_no_reason_why_not() {
        streams = new StreamsSnapshot("S: subjects ns.>", "", List.of(), 0, "");
        inFlight = new InFlight(3, 500, 0, true, "");
        assertEquals("batches", status().details().get("confirmed_by"));
        assertNull(status().details().get("why_no_batches"));
    }

    @Test
    void without_a_connection_it_says_why() {
        server = null;
        trouble = "Connection refused";
        assertSays(State.WARN, "connecting to nats://a:1, records wait: Connection refused");
    }

    @Test
    void closed_says_nothing_else() {
        closed = true;
        missing = "writer";
        lost = "Authorization Violation";
        assertSays(State.CRITICAL, "closed");
    }

    @Test
    void a_missing_thread_comes_before_its_consequences() {
        missing = "writer, connection";
        lost = "Authorization Violation";
        assertSays(
                State.CRITICAL,
                "threads are missing and are being started again: writer, connection; if this lasts, give the process"
                        + " more memory or threads");
    }

    @Test
    void a_lost_connection_is_critical_and_the_settings_that_wait_are_named_too() {
        server = null;
        lost = "Authorization Violation";
        trouble = "still refused";
        refusedSettings = List.of("namespace = a b");
        assertSays(
                State.CRITICAL,
                "the connection was closed unexpectedly: Authorization Violation; connecting again to nats://a:1:"
                        + " still refused; new settings were refused, the last good ones are in force: namespace = a b");
    }

    @Test
    void new_settings_that_wait_are_a_warning_even_if_the_old_ones_work() {
        next = waiting(OTHER, "Connection refused");
        assertSays(
                State.WARN,
                "new settings wait for their connection to nats://b:2 and the old ones are in force: Connection refused");
    }

    @Test
    void the_same_settings_wait_because_the_server_shuts_down() {
        next = waiting(SETTINGS, "");
        assertSays(State.WARN, "the server is about to shut down; connecting to another one: ");
    }

    @Test
    void a_problem_is_critical_whether_connected_or_not() {
        problem = "no stream stores ns.*.*";
        streams = new StreamsSnapshot("", "not asked", List.of(), 0, "");
        assertSays(State.CRITICAL, "no stream stores ns.*.*");
        server = null;
        assertSays(State.CRITICAL, "no stream stores ns.*.*");
    }

    @Test
    void answers_of_streams_count_only_by_this_connection() {
        streams = new StreamsSnapshot("", "no record was stored in the last 3 s", List.of("a warning"), 0, "");
        assertSays(State.CRITICAL, "no record was stored in the last 3 s");
        server = null;
        trouble = "why";
        assertSays(State.WARN, "connecting to nats://a:1, records wait: why");
    }

    @Test
    void warnings_and_refused_records_are_said_together() {
        streams = new StreamsSnapshot("", "", List.of("one", "two"), 0, "");
        refusedRecords = "Permissions Violation";
        assertSays(State.WARN, "connected; one; two; the server refused records: Permissions Violation");
    }

    @Test
    void until_jetstream_is_ready_records_wait() {
        streams = new StreamsSnapshot("", "", List.of("one"), 0, "");
        preparing = true;
        assertSays(State.WARN, "connected; asking JetStream for its streams, records wait");
    }

    @Test
    void streams_that_do_not_answer_are_said_if_there_is_nothing_worse() {
        inFlight = new InFlight(3, 500, 0, false, "no stream has answered for 10 s or more");
        assertSays(State.WARN, "connected; no stream has answered for 10 s or more");
    }
}
