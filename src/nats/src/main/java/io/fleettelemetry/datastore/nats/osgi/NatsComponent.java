package io.fleettelemetry.datastore.nats.osgi;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.settings.LastGoodSettings;
import io.fleettelemetry.datastore.nats.NatsDatastore;
import io.fleettelemetry.datastore.nats.logging.Logs;
import io.fleettelemetry.datastore.nats.metrics.Counts;
import io.fleettelemetry.datastore.nats.settings.NatsSettings;
import io.fleettelemetry.datastore.nats.settings.OnClosed;
import io.fleettelemetry.datastore.nats.threads.Threads;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.annotations.Designate;

/**
 * The OSGi component of one datastore: it applies its configuration from Config Admin to a {@link NatsDatastore} and
 * its services.
 *
 * <p>Activation never fails: a wrong configuration is logged and shown in the status, the last good one stays in force,
 * and it is enough to correct the file. This component registers the producer itself, because Declarative Services
 * would publish every key, even passwords, as a service property, and could not withdraw the service when jnats gives
 * the connection up. A health service reports the datastore's state; it stays registered.
 *
 * <p>Config Admin and the datastore's threads call at the same time, so all state is guarded by this. No code waits for
 * these threads under that lock.
 */
@Component(
        immediate = true,
        service = {},
        configurationPid = NatsConfiguration.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = NatsConfiguration.class, factory = true)
public final class NatsComponent {

    private static final Log log = Logs.of(NatsComponent.class);

    private final Counts counts = new Counts();
    /** A thread of its own changes services, because service listeners may take any time. */
    private final ExecutorService serviceUpdates = Threads.oneWhenNeeded("nats-services");

    @Reference(
            service = ErrorReporter.class,
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile List<ErrorReporter> reporters = List.of();

    private final ReportQueue reports = new ReportQueue(() -> reporters);
    private final LastGoodSettings<NatsSettings> settings =
            new LastGoodSettings<>(Threads.OWN, "nats-settings", NatsSettings.KNOWN_KEYS, null, new Configured());
    private BundleContext context;
    /** The datastore; null as long as no configuration was correct. */
    private NatsDatastore datastore;

    private NatsSettings inForce;
    private ServiceRegistration<Producer> registration;
    private ServiceRegistration<Health> health;
    private AutoCloseable metrics;
    private boolean halting;
    private boolean closed;

    @Activate
    void activate(BundleContext context, Map<String, ?> properties) {
        this.context = context;
        settings.offer(properties);
    }

    @Modified
    void modified(Map<String, ?> properties) {
        settings.offer(properties);
    }

    /** Handles the configurations. */
    private final class Configured implements LastGoodSettings.User<NatsSettings> {

        @Override
        public NatsSettings parse(Map<String, ?> properties) {
            return NatsSettings.parse(properties);
        }

        @Override
        public void unknown(List<String> keys, Map<String, ?> properties) {
            keys.forEach(key -> log.warn(
                    "nats_unknown_setting datastore={} key={} reason=\"there is no such key; it has no effect\"",
                    NatsSettings.datastoreName(properties),
                    key));
        }

        @Override
        public void refuse(List<String> problems, Map<String, ?> properties) {
            refused(problems, properties);
        }

        @Override
        public void mended() {
            clearRefused();
        }

        @Override
        public void use(NatsSettings next) {
            configure(next);
        }
    }

    private synchronized void clearRefused() {
        if (datastore != null) {
            datastore.refuse(List.of());
        }
    }

    private synchronized void configure(NatsSettings next) {
        if (datastore == null) {
            unregister();
            datastore = new NatsDatastore(next, counts, reports, this::updateServicesSoon);
            metrics = Metrics.register(context, counts, datastore);
            showHealth(datastore::status, next.datastore(), next.ranking());
            datastore.open();
            register(datastore, next.datastore(), next.ranking());
        } else {
            datastore.configure(next);
        }
        inForce = next;
        logRegistered();
    }

    private void logRegistered() {
        log.info(
                "nats_registered datastore={} namespace={} url={} name={}",
                inForce.datastore(),
                inForce.namespace(),
                inForce.shownServers(),
                inForce.connection().name());
    }

    private void updateServicesSoon() {
        try {
            serviceUpdates.execute(this::updateServices);
        } catch (OutOfMemoryError e) { // the machine has no thread left
            updateServices();
        }
    }

    /**
     * jnats has given the datastore's connection up, or there is a connection again, or new settings are in force.
     * Several of these may happen at once, so this checks for each. The name changes together with the connection,
     * because until then records for the new name would go to the old server.
     */
    private synchronized void updateServices() {
        if (closed) {
            return;
        }
        NatsSettings now = datastore.settings();
        health.setProperties(properties(Health.DATASTORE, now.datastore(), now.ranking()));
        if (!datastore.isLost()) {
            if (registration == null) {
                register(datastore, now.datastore(), now.ranking());
                logRegistered();
            } else {
                registration.setProperties(properties(Producer.DATASTORE, now.datastore(), now.ranking()));
            }
        } else if (inForce.onClosed() == OnClosed.WITHDRAW) {
            unregister();
        } else if (!halting) {
            halting = true;
            Halt.begin(inForce.datastore(), context, inForce.drainTimeout());
        }
    }

    private synchronized void refused(List<String> problems, Map<String, ?> properties) {
        problems.forEach(problem -> log.error(
                "nats_configuration_refused datastore={} pid={} reason=\"{}\" in_force=\"{}\"",
                NatsSettings.datastoreName(properties),
                properties.get(Constants.SERVICE_PID),
                problem,
                inForce == null ? "none" : "the last good one: " + inForce));
        if (datastore != null) {
            datastore.refuse(problems);
        } else {
            unregister();
            // The lowest ranking, so that a working datastore of this name is preferred.
            RefusedDatastore none = new RefusedDatastore(problems);
            String name = NatsSettings.datastoreName(properties);
            showHealth(none::status, name, Integer.MIN_VALUE);
            register(none, name, Integer.MIN_VALUE);
        }
    }

    private void register(Producer producer, String name, int ranking) {
        registration = context.registerService(Producer.class, producer, properties(Producer.DATASTORE, name, ranking));
    }

    private void showHealth(Health status, String name, int ranking) {
        if (health != null) {
            health.unregister();
        }
        health = context.registerService(Health.class, status, properties(Health.DATASTORE, name, ranking));
    }

    private static Dictionary<String, ?> properties(String key, String name, int ranking) {
        return new Hashtable<>(Map.of(key, name, Constants.SERVICE_RANKING, ranking));
    }

    private void unregister() {
        if (registration != null) {
            registration.unregister();
            registration = null;
        }
    }

    /** Unregisters the service first, so that no records come while the datastore drains. The counts go last. */
    @Deactivate
    void deactivate() throws Exception {
        settings.close();
        synchronized (this) {
            closed = true;
            unregister();
        }
        if (datastore != null) {
            datastore.close();
        }
        reports.close();
        Threads.end(serviceUpdates);
        if (health != null) {
            health.unregister();
        }
        if (metrics != null) {
            metrics.close();
        }
        Logs.await(NatsDatastore.LOG_MILLIS);
    }
}
