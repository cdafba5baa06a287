package io.fleettelemetry.examples;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ProducerFactory;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.util.Map;
import java.util.ServiceLoader;

/** The datastore in a program without OSGi: modules.md shows it. */
public final class Embedded {

    private Embedded() {}

    /** A producer to publish with; the caller closes it. */
    static CloseableProducer open(String url) {
        ProducerFactory factory = ServiceLoader.load(ProducerFactory.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(candidate -> candidate.datastore().equals("nats"))
                .findFirst()
                .orElseThrow();
        return factory.open(Map.of("url", url));
    }

    /** Publishes one record; the receipt is told what became of it. */
    static void publish(CloseableProducer nats, String vin, String txid, byte[] payload, Receipt receipt) {
        nats.produce(TelemetryRecord.of(vin, "V", txid, payload, Map.of()), receipt);
    }
}
