package io.fleettelemetry.features.foreign;

import io.fleettelemetry.api.Failure;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.TelemetryRecord;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.util.tracker.ServiceTracker;

/**
 * A foreign host that knows only our API: it finds the datastore by its name, publishes a record
 * and says on standard output what became of it.
 */
public final class ForeignHost implements BundleActivator, Receipt {

    private ServiceTracker<Producer, Producer> datastores;

    @Override
    public void start(BundleContext context) throws Exception {
        datastores = new ServiceTracker<>(context, context.createFilter("(telemetry.datastore=nats)"), null);
        datastores.open();
        Producer nats = datastores.waitForService(10_000);
        byte[] payload = "from elsewhere".getBytes(StandardCharsets.UTF_8);
        nats.produce(TelemetryRecord.of("FOREIGN", "V", "1", payload, Map.of()), this);
    }

    @Override
    public boolean confirmed(TelemetryRecord record) {
        System.out.println("foreign host: confirmed " + record.vin());
        return false;
    }

    @Override
    public void failed(TelemetryRecord record, Failure why) {
        System.out.println("foreign host: failed " + record.vin() + " " + why);
    }

    @Override
    public void stop(BundleContext context) {
        datastores.close();
    }
}
