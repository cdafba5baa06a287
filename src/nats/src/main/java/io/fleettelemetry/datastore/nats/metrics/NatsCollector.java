package io.fleettelemetry.datastore.nats.metrics;

import io.fleettelemetry.datastore.nats.settings.Defaults;
import io.prometheus.client.Collector;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/**
 * The counts as Prometheus metrics: the seven metrics of the Go producer, with its names. A datastore that is not
 * called {@code nats} adds the label {@code datastore}.
 */
public final class NatsCollector extends Collector {

    private final Counts counts;
    private final Supplier<String> datastore;
    private final LongSupplier inFlight;
    private final LongSupplier unsent;

    /**
     * @param inFlight number of records that are accepted and have not ended
     * @param unsent number of these that are not written to a connection yet
     */
    public NatsCollector(Counts counts, Supplier<String> datastore, LongSupplier inFlight, LongSupplier unsent) {
        this.counts = counts;
        this.datastore = datastore;
        this.inFlight = inFlight;
        this.unsent = unsent;
    }

    @Override
    public List<MetricFamilySamples> collect() {
        // The gauge is read before the counters, and ended records before produced ones. So under load there are never
        // more records ended than produced.
        MetricFamilySamples queue = family(
                "nats_produce_queue_size",
                Type.GAUGE,
                "Records accepted and not yet confirmed or failed (total), and those of them not yet written (unsent)",
                "type",
                List.of("total", "unsent"),
                type -> (type.equals("total") ? inFlight : unsent).getAsLong(),
                type -> type);
        List<Counts.OfType> types = counts.all();
        return List.of(
                queue,
                counter("nats_err", "Records that failed", types, c -> c.failed.sum()),
                counter("nats_reliable_ack_total", "Reliable acks sent", types, c -> c.reliableAcks.sum()),
                counter("nats_produce_ack_total", "Records confirmed", types, c -> c.confirmed.sum()),
                counter(
                        "nats_produce_ack_total_bytes",
                        "Payload bytes of the records confirmed",
                        types,
                        c -> c.confirmedBytes.sum()),
                counter("nats_produce_total", "Records offered, including refused ones", types, c -> c.produced.sum()),
                counter(
                        "nats_produce_total_bytes",
                        "Payload bytes of the records offered",
                        types,
                        c -> c.producedBytes.sum()));
    }

    private MetricFamilySamples counter(
            String name, String help, List<Counts.OfType> types, ToLongFunction<Counts.OfType> value) {
        return family(name, Type.COUNTER, help, "record_type", types, value, type -> type.label);
    }

    private <T> MetricFamilySamples family(
            String name,
            Type type,
            String help,
            String labelName,
            List<T> of,
            ToLongFunction<T> value,
            Function<T, String> label) {
        String instance = datastore.get();
        boolean isDefault = instance.equals(Defaults.DATASTORE);
        List<String> names = isDefault ? List.of(labelName) : List.of(labelName, "datastore");
        List<MetricFamilySamples.Sample> samples = new ArrayList<>();
        for (T item : of) {
            List<String> values = isDefault ? List.of(label.apply(item)) : List.of(label.apply(item), instance);
            samples.add(new MetricFamilySamples.Sample(name, names, values, value.applyAsLong(item)));
        }
        return new MetricFamilySamples(name, type, help, samples);
    }
}
