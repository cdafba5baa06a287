package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FamiliesTest {

    private static Collector collector(String family, Sample... samples) {
        return new Collector() {
            @Override
            public List<MetricFamilySamples> collect() {
                return List.of(new MetricFamilySamples(family, Type.COUNTER, "help", List.of(samples)));
            }
        };
    }

    private static Sample sample(String name, double value, String... labels) {
        return new Sample(
                name,
                Stream.iterate(0, i -> i < labels.length, i -> i + 2)
                        .map(i -> labels[i])
                        .toList(),
                Stream.iterate(1, i -> i < labels.length, i -> i + 2)
                        .map(i -> labels[i])
                        .toList(),
                value);
    }

    @Test
    void instances_of_a_datastore_share_one_family_and_equal_labels_are_added_up() {
        List<MetricFamilySamples> merged = Families.merge(List.of(
                collector("nats_err", sample("nats_err", 1, "record_type", "V")),
                collector("a_first"),
                collector("nats_err", sample("nats_err", 2, "record_type", "V")),
                collector("nats_err", sample("nats_err", 4, "record_type", "V", "datastore", "nats-eu"))));
        assertEquals(
                List.of("a_first", "nats_err"), merged.stream().map(f -> f.name).toList());
        assertEquals(
                List.of(3.0, 4.0),
                merged.get(1).samples.stream().map(s -> s.value).toList());
    }

    @Test
    void a_collector_that_throws_is_left_out() {
        Collector broken = new Collector() {
            @Override
            public List<MetricFamilySamples> collect() {
                throw new IllegalStateException("on purpose");
            }
        };
        assertEquals(1, Families.merge(List.of(broken, collector("good"))).size());
    }
}
