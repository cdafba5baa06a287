package io.fleettelemetry.bench;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.ProducerFactory;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.ServiceLoader;

/** Our datastore, which confirms every record. */
final class Datastore {

    private Datastore() {}

    static Contestant core() {
        return contestant("core", "", Map.of());
    }

    /** A PubAck for each record. */
    static Contestant answers() {
        return stored("answers", "answers", Map.of("batch", "off"));
    }

    /** Fast-ingest batches. */
    static Contestant batches(boolean ids) {
        return stored(
                ids ? "batches" : "batches without ids",
                "batches",
                Map.of("batch", "required", "message.ids", Boolean.toString(ids)));
    }

    private static Contestant stored(String name, String confirmedBy, Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(settings);
        all.put("delivery", "jetstream");
        all.put("stream", Place.STREAM);
        return contestant(name, confirmedBy, all);
    }

    /** @param confirmedBy the way of confirming that the status must show; empty in core NATS */
    private static Contestant contestant(String name, String confirmedBy, Map<String, String> settings) {
        return new Contestant(
                name,
                (place, distinct, confirmed) -> new Open(
                        producer(place, settings), confirmedBy, records(place, distinct), place.window(), confirmed));
    }

    private static CloseableProducer producer(Place place, Map<String, String> settings) {
        Map<String, String> all = new HashMap<>(settings);
        all.put("url", place.server().url());
        all.put("namespace", place.namespace());
        return ServiceLoader.load(ProducerFactory.class)
                .findFirst()
                .orElseThrow()
                .open(all);
    }

    private static TelemetryRecord[] records(Place place, int distinct) {
        String[] vins = place.vins();
        byte[] payload = place.payload();
        TelemetryRecord[] records = new TelemetryRecord[distinct];
        Arrays.setAll(
                records, i -> TelemetryRecord.of(vins[i % vins.length], "V", Integer.toString(i), payload, Map.of()));
        return records;
    }

    private record Open(
            CloseableProducer producer, String confirmedBy, TelemetryRecord[] records, int window, Confirmed confirmed)
            implements Contestant.Publisher, Receipt {

        @Override
        public void publish(int number) {
            confirmed.await(number - window);
            producer.produce(records[number % records.length], this);
        }

        @Override
        public void await(long number) {
            confirmed.await(number);
            Status status = producer.status();
            if (!status.details().getOrDefault("confirmed_by", "").equals(confirmedBy)) {
                throw new IllegalStateException("records are not confirmed by " + confirmedBy + ": " + status);
            }
        }

        @Override
        public void close() {
            producer.close();
        }

        @Override
        public boolean confirmed(TelemetryRecord record) {
            confirmed.is(record);
            return false;
        }

        @Override
        public void failed(TelemetryRecord record, Failure why) {
            confirmed.failed(why.toString());
        }
    }
}
