package io.fleettelemetry.datastore.logger;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ProducerFactory;
import java.util.Map;
import org.slf4j.LoggerFactory;

/** Opens the logger datastore without an OSGi framework. Its only setting is {@code verbose}. */
public final class LoggerProducerFactory implements ProducerFactory {

    @Override
    public String datastore() {
        return LoggerDatastore.NAME;
    }

    @Override
    public CloseableProducer open(Map<String, String> settings) {
        LoggerDatastore datastore =
                new LoggerDatastore(LoggerFactory.getLogger(LoggerDatastore.class), LoggerSettings.of(settings));
        datastore.open();
        return datastore;
    }
}
