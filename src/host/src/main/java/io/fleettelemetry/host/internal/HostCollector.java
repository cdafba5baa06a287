package io.fleettelemetry.host.internal;

import io.prometheus.client.Collector;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** The host's counts as Prometheus metrics, with the Go server's names. */
final class HostCollector extends Collector {

    private static final List<String> TYPE = List.of("record_type");
    private static final List<String> TYPE_AND_DISPATCHER = List.of("record_type", "dispatcher");

    private final Counts counts;

    HostCollector(Counts counts) {
        this.counts = counts;
    }

    @Override
    public List<MetricFamilySamples> collect() {
        // The later counts are read first, so that under load there are never more records dispatched than offered.
        return List.of(
                ofAcks("reliable_ack", "Reliable acks passed to a vehicle", c -> c.passed.sum()),
                ofAcks("reliable_ack_miss", "Reliable acks whose vehicle was gone", c -> c.missed.sum()),
                ofTypes("dispatch_total", "Records handed to the datastores of their route", c -> c.dispatched.sum()),
                ofTypes("record_total", "Records offered", c -> c.records.sum()),
                ofTypes("record_size_bytes_total", "Payload bytes of the records offered", c -> c.bytes.sum()));
    }

    private MetricFamilySamples ofTypes(String name, String help, ToLongFunction<Counts.OfType> value) {
        return family(name, help, TYPE, counts.types(), c -> List.of(c.recordType), value);
    }

    private MetricFamilySamples ofAcks(String name, String help, ToLongFunction<Counts.OfAcks> value) {
        return family(name, help, TYPE_AND_DISPATCHER, counts.acks(), c -> List.of(c.recordType, c.datastore), value);
    }

    private static <T> MetricFamilySamples family(
            String name,
            String help,
            List<String> labels,
            Collection<T> counts,
            Function<T, List<String>> labelValues,
            ToLongFunction<T> value) {
        return new MetricFamilySamples(
                name,
                Type.COUNTER,
                help,
                counts.stream()
                        .filter(c ->
                                value.applyAsLong(c) > 0) // like the Go server: a series appears with its first count
                        .map(c -> new MetricFamilySamples.Sample(
                                name, labels, labelValues.apply(c), value.applyAsLong(c)))
                        .toList());
    }
}
