package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ProducerFactory;
import java.util.Map;

/** Opens NATS datastores where there is no OSGi framework. The keys are those of the {@code .cfg} file. */
public final class NatsProducerFactory implements ProducerFactory {

    @Override
    public String datastore() {
        return NatsSettings.DEFAULT_DATASTORE;
    }

    @Override
    public CloseableProducer open(Map<String, String> settings) {
        NatsDatastore datastore =
                new NatsDatastore(NatsSettings.parse(settings), new Counts(), (message, cause, fields) -> {});
        datastore.open();
        return datastore;
    }
}
