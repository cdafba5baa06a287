package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Outcome;
import io.prometheus.client.Collector;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class DispatcherTest extends HostFixture {

    @Test
    void a_record_goes_to_every_datastore_of_its_type_and_is_confirmed_when_all_have_confirmed() {
        Store a = Store.bounded(9);
        Store b = Store.bounded(9);
        host.bind("a", a);
        host.bind("b", b);
        configure("records.V", "a, b");
        offer(0, 1);
        a.confirm(1);
        assertEquals(0, source.ended().size());
        b.confirm(1);
        assertSame(Outcome.CONFIRMED, source.onlyOutcome());
    }

    @Test
    void a_record_fails_with_the_first_failure_of_any_datastore_when_all_have_ended() {
        Store a = Store.bounded(9);
        Store b = Store.bounded(9);
        host.bind("a", a);
        host.bind("b", b);
        configure("records.V", "a,b");
        offer(0, 1);
        b.fail(new Failure(Failure.Kind.DENIED, "no"));
        a.confirm(1);
        Outcome outcome = source.onlyOutcome();
        assertFalse(outcome.confirmed());
        assertEquals("b", outcome.datastore());
        assertEquals(new Failure(Failure.Kind.DENIED, "no"), outcome.failure());
    }

    @Test
    void a_record_without_a_route_fails_and_the_reason_says_what_to_write() {
        configure("records.alerts", "a");
        offer(0, 1);
        assertTrue(source.onlyOutcome().failure().reason().contains("records.V = <datastore>"));
    }

    @Test
    void the_hosts_metrics_have_the_go_servers_names_and_labels() {
        host.bind("nats", Store.open());
        configure("records.V", "nats", "reliable_ack_sources.V", "nats");
        offer(0, 3);
        intake.offer(record("unrouted", "x"));
        source.awaitEnded(4);
        Map<String, Double> values = new TreeMap<>();
        new HostCollector(counts).collect().forEach(family -> {
            assertEquals(Collector.Type.COUNTER, family.type);
            family.samples.forEach(
                    sample -> values.put(sample.name + sample.labelNames + sample.labelValues, sample.value));
        });
        assertEquals(
                Map.of(
                        "dispatch_total[record_type][V]", 3.0,
                        "dispatch_total[record_type][_other]", 1.0,
                        "record_total[record_type][V]", 3.0,
                        "record_total[record_type][_other]", 1.0,
                        "record_size_bytes_total[record_type][V]", 300.0,
                        "record_size_bytes_total[record_type][_other]", 100.0,
                        "reliable_ack[record_type, dispatcher][V, nats]", 3.0),
                values);
    }

    @Test
    void whatever_is_not_well_is_among_the_problems_with_its_way_out() {
        configure("records.V", "nats,nobody");
        Status waits = new Status(Status.State.WARN, "connecting to nats://a:1, records wait: refused", Map.of());
        AtomicReference<Status> status = new AtomicReference<>(waits);
        host.bind("nats", new Producer() {
            @Override
            public void produce(TelemetryRecord record, Receipt receipt) {
                receipt.confirmed(record);
            }

            @Override
            public Status status() {
                return status.get();
            }
        });
        String nobody = "datastore nobody is CRITICAL: no bundle offers it";
        assertEquals(
                List.of("datastore nats is WARN: connecting to nats://a:1, records wait: refused", nobody),
                host.status().problems());
        status.set(Status.UNKNOWN);
        assertEquals(List.of(nobody), host.status().problems());
        status.set(new Status(Status.State.OK, "connected", Map.of()));
        host.bind("nobody", Store.open());
        assertEquals(List.of(), host.status().problems());
    }

    @Test
    void a_datastore_without_a_route_is_shown_as_long_as_somebody_says_how_it_is() {
        host.health("spare", () -> new Status(Status.State.CRITICAL, "withdrawn", Map.of()));
        assertEquals("withdrawn", status("spare").status().summary());
        host.health("spare", null);
        assertEquals(List.of(), host.status().datastores());
    }

    @Test
    void a_new_route_is_in_force_with_the_next_record() {
        Store a = Store.open();
        Store b = Store.open();
        host.bind("a", a);
        host.bind("b", b);
        configure("records.V", "a");
        offer(0, 2);
        configure("records.V", "b");
        offer(2, 4);
        configure("records.V", "a,b");
        offer(4, 6);
        source.awaitEnded(6);
        assertEquals(List.of("0", "1", "4", "5"), a.stored());
        assertEquals(List.of("2", "3", "4", "5"), b.stored());
    }

    @Test
    void a_destination_is_what_the_datastores_of_the_route_name() {
        host.bind("a", new Producer() {
            @Override
            public void produce(TelemetryRecord record, Receipt receipt) {
                receipt.confirmed(record);
            }

            @Override
            public String destination(TelemetryRecord record) {
                return "subject." + record.vin();
            }
        });
        host.bind("b", Store.open());
        configure("records.V", "b,a,absent");
        assertEquals("subject.VIN", host.destination(record("V", "1")));
        assertEquals("", host.destination(record("alerts", "1")));
        assertEquals("subject.VIN", host.destination(record("V", "1"), "a"));
        assertEquals("", host.destination(record("V", "1"), "b"));
        assertEquals("", host.destination(record("V", "1"), "unheard-of"));
        assertNotNull(status("absent"));
    }
}
