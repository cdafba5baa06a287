package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import io.prometheus.client.Collector.Type;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FamiliesTest {

    private static Collector collector(Supplier<List<MetricFamilySamples>> families) {
        return new Collector() {
            @Override
            public List<MetricFamilySamples> collect() {
                return families.get();
            }
        };
    }

    private static Collector collector(String family, Sample... samples) {
        return collector(() -> List.of(new MetricFamilySamples(family, Type.COUNTER, "help", List.of(samples))));
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
        List<MetricFamilySamples> merged = new Families()
                .merge(List.of(
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
        assertLeftOut(collector(() -> {
            throw new IllegalStateException("on purpose");
        }));
        assertLeftOut(collector(() -> {
            throw new NoClassDefFoundError("its bundle was refreshed");
        }));
    }

    @Test
    void a_collector_whose_families_cannot_be_written_is_left_out() {
        assertLeftOut(collector(() -> List.of(new MetricFamilySamples("a", Type.COUNTER, null, List.of()))));
    }

    private static void assertLeftOut(Collector broken) {
        assertEquals(
                List.of("good"),
                new Families()
                        .merge(List.of(broken, collector("good"))).stream()
                                .map(family -> family.name)
                                .toList());
    }

    @Test
    void a_collector_that_throws_is_named_once_until_it_has_worked_again() {
        Families families = new Families();
        AtomicBoolean works = new AtomicBoolean();
        Collector collector = collector(() -> {
            if (works.get()) {
                return List.of();
            }
            throw new NoClassDefFoundError("its bundle was refreshed");
        });
        Runnable scrape = () -> families.merge(List.of(collector));
        assertEquals(1, timesNamed(collector, scrape, scrape));
        works.set(true);
        assertEquals(0, timesNamed(collector, scrape));
        works.set(false);
        assertEquals(1, timesNamed(collector, scrape, scrape));
    }

    private static long timesNamed(Collector collector, Runnable... actions) {
        try (LogLines log = new LogLines()) {
            for (Runnable action : actions) {
                action.run();
            }
            return log.of("metrics_collector_error").stream()
                    .filter(line -> line.endsWith("=" + collector.getClass().getName()))
                    .count();
        }
    }
}
