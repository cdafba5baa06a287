package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.CloseableProducer;
import io.fleettelemetry.api.ProducerFactory;
import io.fleettelemetry.api.settings.SettingsReader;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.Defaults;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.settings.OnClosed;
import java.util.Map;

/**
 * Opens NATS datastores without an OSGi framework. The keys are those of the {@code .cfg} file.
 *
 * <p>There is no service to withdraw when jnats gives a connection up ({@code on.closed}). Until there is a connection
 * again, the status is {@link io.fleettelemetry.api.Status.State#CRITICAL}, and records are accepted as long as there
 * is room. {@code on.closed = halt} is refused, because the owner of the process must decide when it ends.
 */
public final class NatsProducerFactory implements ProducerFactory {

    @Override
    public String datastore() {
        return Defaults.DATASTORE;
    }

    @Override
    public CloseableProducer open(Map<String, String> settings) {
        NatsSettings parsed = NatsSettings.parse(settings);
        if (parsed.onClosed() == OnClosed.HALT) {
            SettingsReader reader = new SettingsReader(settings);
            reader.refuse(
                    "on.closed",
                    "stops an OSGi framework, and there is none; leave it out, and act when status() is CRITICAL");
            reader.check();
        }
        NatsDatastore datastore = new NatsDatastore(parsed, new Counts(), (message, cause, fields) -> {});
        datastore.open();
        return datastore;
    }
}
