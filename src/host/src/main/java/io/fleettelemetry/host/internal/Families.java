package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.kit.Log;
import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;

/** Merges the families of several collectors, because Prometheus refuses a name that comes twice. */
final class Families {

    private static final Log log = Own.log(Families.class);

    /** The collectors that threw when they were last asked; weak, because they and their bundles come and go. */
    private final Set<Collector> broken = Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    /**
     * Merges the families by name and sorts them by name. Samples with the same labels, as of two datastores of one
     * name, are added up. A collector that fails, or whose families cannot be written, is left out and logged once
     * until it works again. Any thread may call this.
     */
    List<MetricFamilySamples> merge(Collection<Collector> collectors) {
        Map<String, MetricFamilySamples> families = new LinkedHashMap<>();
        for (Collector collector : collectors) {
            try {
                List<MetricFamilySamples> collected = collector.collect();
                TextFormat.write004(
                        Writer.nullWriter(), Collections.enumeration(collected)); // throws if they cannot be written
                collected.forEach(family -> families.merge(family.name, family, Families::union));
                broken.remove(collector);
            } catch (RuntimeException | LinkageError | IOException e) { // another bundle's code, which may be replaced
                if (broken.add(collector)) {
                    log.error(
                            "metrics_collector_error collector={}",
                            collector.getClass().getName(),
                            e);
                }
            }
        }
        return families.values().stream()
                .sorted((a, b) -> a.name.compareTo(b.name))
                .toList();
    }

    private static MetricFamilySamples union(MetricFamilySamples a, MetricFamilySamples b) {
        Map<List<Object>, Sample> samples = new LinkedHashMap<>();
        for (MetricFamilySamples family : List.of(a, b)) {
            for (Sample sample : family.samples) {
                samples.merge(List.of(sample.name, sample.labelNames, sample.labelValues), sample, Families::sum);
            }
        }
        return new MetricFamilySamples(a.name, a.type, a.help, new ArrayList<>(samples.values()));
    }

    private static Sample sum(Sample a, Sample b) {
        return new Sample(a.name, a.labelNames, a.labelValues, a.value + b.value);
    }
}
