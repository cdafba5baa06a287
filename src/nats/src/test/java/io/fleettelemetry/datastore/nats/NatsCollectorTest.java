package io.fleettelemetry.datastore.nats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.metrics.NatsCollector;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.testkit.NatsServer;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import io.prometheus.client.Collector.Type;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NatsCollectorTest {

    @Test
    void the_seven_metrics_have_the_names_and_types_of_the_go_producer() {
        Map<String, Type> types = new NatsCollector(new Counts(), () -> "nats", () -> 0, () -> 0)
                .collect().stream().collect(Collectors.toMap(family -> family.name, family -> family.type));
        assertEquals(
                Map.of(
                        "nats_produce_total", Type.COUNTER,
                        "nats_produce_total_bytes", Type.COUNTER,
                        "nats_produce_ack_total", Type.COUNTER,
                        "nats_produce_ack_total_bytes", Type.COUNTER,
                        "nats_reliable_ack_total", Type.COUNTER,
                        "nats_err", Type.COUNTER,
                        "nats_produce_queue_size", Type.GAUGE),
                types);
    }

    @Test
    void at_rest_produced_is_acked_plus_failed_and_nothing_is_queued() {
        Counts counts = new Counts();
        Outcomes outcomes = new Outcomes();
        try (NatsServer server = NatsServer.start()) {
            NatsDatastore datastore = new NatsDatastore(
                    NatsSettings.parse(Map.of("url", server.url())), counts, (message, cause, fields) -> {});
            datastore.open();
            NatsCollector collector = new NatsCollector(counts, () -> "nats", datastore::inFlight, datastore::unsent);
            for (int i = 0; i < 10; i++) {
                datastore.produce(Records.record("VIN", "V", new byte[100]), outcomes);
            }
            datastore.produce(Records.record("VIN", "alerts", new byte[7]), outcomes);
            datastore.produce(Records.record("no token", "V", new byte[1]), outcomes);
            datastore.produce(Records.record("VIN", "no token", new byte[2]), outcomes);
            outcomes.awaitEnded(13);
            datastore.close();
            assertEquals(
                    Map.ofEntries(
                            Map.entry("nats_produce_total{record_type=V}", 11.0),
                            Map.entry("nats_produce_total{record_type=alerts}", 1.0),
                            Map.entry("nats_produce_total{record_type=_invalid}", 1.0),
                            Map.entry("nats_produce_total_bytes{record_type=V}", 1_001.0),
                            Map.entry("nats_produce_total_bytes{record_type=alerts}", 7.0),
                            Map.entry("nats_produce_total_bytes{record_type=_invalid}", 2.0),
                            Map.entry("nats_produce_ack_total{record_type=V}", 10.0),
                            Map.entry("nats_produce_ack_total{record_type=alerts}", 1.0),
                            Map.entry("nats_produce_ack_total{record_type=_invalid}", 0.0),
                            Map.entry("nats_produce_ack_total_bytes{record_type=V}", 1_000.0),
                            Map.entry("nats_produce_ack_total_bytes{record_type=alerts}", 7.0),
                            Map.entry("nats_produce_ack_total_bytes{record_type=_invalid}", 0.0),
                            Map.entry("nats_reliable_ack_total{record_type=V}", 10.0),
                            Map.entry("nats_reliable_ack_total{record_type=alerts}", 0.0),
                            Map.entry("nats_reliable_ack_total{record_type=_invalid}", 0.0),
                            Map.entry("nats_err{record_type=V}", 1.0),
                            Map.entry("nats_err{record_type=alerts}", 0.0),
                            Map.entry("nats_err{record_type=_invalid}", 1.0),
                            Map.entry("nats_produce_queue_size{type=total}", 0.0),
                            Map.entry("nats_produce_queue_size{type=unsent}", 0.0)),
                    values(collector.collect()));
        }
    }

    private static Map<String, Double> values(List<MetricFamilySamples> families) {
        Map<String, Double> values = new TreeMap<>();
        for (MetricFamilySamples family : families) {
            for (Sample sample : family.samples) {
                values.put(
                        sample.name + "{" + sample.labelNames.get(0) + "=" + sample.labelValues.get(0) + "}",
                        sample.value);
            }
        }
        return values;
    }

    @Test
    void an_instance_of_another_name_carries_it_as_a_label() {
        Counts counts = new Counts();
        counts.of("V").produced.increment();
        for (MetricFamilySamples family : new NatsCollector(counts, () -> "nats-eu", () -> 0, () -> 0).collect()) {
            for (Sample sample : family.samples) {
                assertEquals("datastore", sample.labelNames.get(1));
                assertEquals("nats-eu", sample.labelValues.get(1));
            }
        }
    }

    @Test
    void the_first_64_record_types_have_their_own_values_and_all_further_ones_share_other() {
        Counts counts = new Counts();
        Outcomes outcomes = new Outcomes();
        NatsDatastore datastore = new NatsDatastore(
                NatsSettings.parse(Map.of("url", "nats://127.0.0.1:1", "drain.timeout.ms", "0")),
                counts,
                (message, cause, fields) -> {});
        datastore.open();
        for (int i = 1; i <= 66; i++) {
            datastore.produce(Records.record("VIN", "type" + i, new byte[1]), outcomes);
        }
        datastore.close();
        Map<String, Double> values = values(new NatsCollector(counts, () -> "nats", () -> 0, () -> 0).collect());
        assertEquals(1, values.get("nats_produce_total{record_type=type64}"));
        assertEquals(null, values.get("nats_produce_total{record_type=type65}"));
        assertEquals(2, values.get("nats_produce_total{record_type=_other}"));
    }

    @Test
    void the_number_of_record_types_is_bounded() {
        Counts counts = new Counts();
        for (int i = 0; i < 1_000; i++) {
            counts.of("type" + i).produced.increment();
        }
        counts.of("a b").produced.increment();
        assertEquals(Counts.MAX_TYPES + 2, counts.all().size());
        assertEquals(1_000 - Counts.MAX_TYPES, counts.of("one-more").produced.sum());
        assertEquals("_other", counts.of("one-more").label);
        assertEquals("_invalid", counts.of("").label);
        assertEquals("type0", counts.of("type0").label);
    }

    @Test
    void a_type_that_is_called_like_a_shared_value_has_no_series_of_its_own() {
        Counts counts = new Counts();
        for (String type : List.of("_other", "_invalid", "no token")) {
            counts.of(type).produced.increment();
        }
        IntStream.range(0, Counts.MAX_TYPES + 1)
                .forEach(i -> counts.of("type" + i).produced.increment());
        List<String> labels = counts.all().stream().map(count -> count.label).toList();
        assertEquals(labels.stream().distinct().toList(), labels);
        assertEquals(2, counts.of("_other").produced.sum());
        assertEquals(2, counts.of("_invalid").produced.sum());
    }
}
