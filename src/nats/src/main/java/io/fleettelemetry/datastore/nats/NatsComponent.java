package io.fleettelemetry.datastore.nats;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.settings.SettingsException;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One configuration as one datastore: keeps a {@link NatsDatastore} and its service in step with what Config Admin says.
 *
 * <p>Never fails to activate: a configuration that is wrong is logged and shown in the status, the last good one stays in
 * force, and mending the file is enough. The service is registered here, not by Declarative Services, which would
 * publish every key, passwords too, as a service property.
 */
@Component(
        immediate = true,
        service = {},
        configurationPid = NatsConfiguration.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = NatsConfiguration.class, factory = true)
public final class NatsComponent {

    private static final Logger log = LoggerFactory.getLogger(NatsComponent.class);

    private final Counts counts = new Counts();

    @Reference(
            service = ErrorReporter.class,
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile List<ErrorReporter> reporters = List.of();

    private BundleContext context;
    /** Null as long as no configuration was good. */
    private NatsDatastore datastore;

    private NatsSettings inForce;
    private List<String> refused = List.of();
    /** Of the datastore, or of what stands in for it; read by the datastore's thread, too. */
    private volatile ServiceRegistration<Producer> registration;

    private AutoCloseable metrics;

    @Activate
    void activate(BundleContext context, Map<String, ?> properties) {
        this.context = context;
        configure(properties);
    }

    @Modified
    void configure(Map<String, ?> properties) {
        NatsSettings settings;
        try {
            settings = NatsSettings.parse(properties);
        } catch (SettingsException e) {
            refuse(e.problems(), properties);
            return;
        }
        refused = List.of();
        if (settings.equals(inForce)) {
            datastore.refuse(refused);
            return;
        }
        NatsSettings.unknownKeys(properties)
                .forEach(key -> log.warn(
                        "nats_unknown_setting datastore={} key={} reason=\"no such key; it has no effect\"",
                        settings.datastore(),
                        key));
        inForce = settings;
        if (datastore == null) {
            unregister();
            datastore = new NatsDatastore(settings, counts, this::report);
            datastore.followedBy(this::announce);
            datastore.open();
            register(datastore, settings.datastore(), settings.ranking());
        } else {
            datastore.configure(settings);
        }
        log.info(
                "nats_registered datastore={} namespace={} url={} name={}",
                settings.datastore(),
                settings.namespace(),
                settings.shownServers(),
                settings.name());
    }

    private void refuse(List<String> problems, Map<String, ?> properties) {
        if (problems.equals(refused)) {
            return;
        }
        refused = problems;
        problems.forEach(problem -> log.error(
                "nats_configuration_refused pid={} reason=\"{}\" in_force=\"{}\"",
                properties.get(Constants.SERVICE_PID),
                problem,
                inForce == null ? "none" : "the last good one: " + inForce));
        if (datastore != null) {
            datastore.refuse(problems);
        } else {
            unregister();
            // The lowest ranking: another datastore with this name, which works, is to be preferred.
            register(new RefusedDatastore(problems), NatsSettings.datastoreName(properties), Integer.MIN_VALUE);
        }
    }

    /** Name and ranking change when the connection does: until then records for the new name would go to the old server. */
    private void announce(NatsSettings settings) {
        ServiceRegistration<Producer> now = registration;
        try {
            if (now != null) {
                now.setProperties(properties(settings.datastore(), settings.ranking()));
            }
        } catch (IllegalStateException e) {
            // It was withdrawn at this moment.
        }
    }

    private void register(Producer producer, String name, int ranking) {
        registration = context.registerService(Producer.class, producer, properties(name, ranking));
        if (producer instanceof NatsDatastore nats) {
            metrics = Metrics.register(context, counts, nats);
        }
    }

    private void report(String message, Throwable cause, Map<String, String> fields) {
        reporters.forEach(reporter -> reporter.report(message, cause, fields));
    }

    private static Dictionary<String, ?> properties(String name, int ranking) {
        return new Hashtable<>(Map.of(Producer.DATASTORE, name, Constants.SERVICE_RANKING, ranking));
    }

    private void unregister() {
        if (registration != null) {
            registration.unregister();
            registration = null;
        }
    }

    /** The service goes first, so that nobody offers to a datastore that drains; the counts go last. */
    @Deactivate
    void deactivate() throws Exception {
        unregister();
        if (datastore != null) {
            datastore.close();
        }
        if (metrics != null) {
            metrics.close();
        }
    }
}
