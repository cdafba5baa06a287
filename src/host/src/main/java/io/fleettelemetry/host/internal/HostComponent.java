package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.settings.SettingsException;
import io.fleettelemetry.host.TelemetryHost;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
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
 * The host as a component: brings configuration and the datastores that come and go to the {@link Dispatcher}.
 *
 * <p>A configuration that is wrong changes nothing: the last good one stays in force and every problem is logged and
 * shown in the status. Neither it nor a port that is taken makes activation fail, so mending the file is enough.
 */
@Component(
        immediate = true,
        service = {},
        configurationPid = HostConfiguration.PID,
        configurationPolicy = ConfigurationPolicy.OPTIONAL)
@Designate(ocd = HostConfiguration.class)
public final class HostComponent {

    private static final Logger log = LoggerFactory.getLogger(HostComponent.class);

    private final Counts counts = new Counts();
    private final Dispatcher dispatcher = new Dispatcher(counts);
    /** Everything that offers a datastore now, also what a higher ranking hides; guarded by this. */
    private final Map<ServiceReference<Producer>, Producer> producers = new HashMap<>();
    /** The name each of them had when it was last looked at; guarded by this. */
    private final Map<ServiceReference<Producer>, String> names = new HashMap<>();

    private Metrics metrics;
    private HostSettings inForce;
    private List<String> refused = List.of();
    private ServiceRegistration<TelemetryHost> registration;

    @Activate
    void activate(BundleContext context, Map<String, ?> properties) {
        metrics = Metrics.of(context, counts, dispatcher::metricsAddress);
        configure(properties);
        registration = context.registerService(TelemetryHost.class, dispatcher, null);
    }

    @Modified
    void configure(Map<String, ?> properties) {
        HostSettings settings;
        try {
            settings = HostSettings.parse(properties);
        } catch (SettingsException e) {
            if (!e.problems().equals(refused)) {
                refused = e.problems();
                refused.forEach(problem -> log.error(
                        "host_configuration_refused reason=\"{}\" in_force=\"{}\"",
                        problem,
                        inForce == null ? "none: no record type is routed" : "the last good one"));
                dispatcher.problems(refused);
            }
            return;
        }
        refused = List.of();
        dispatcher.problems(refused);
        if (settings.equals(inForce)) {
            return;
        }
        HostSettings.unknownKeys(properties)
                .forEach(key -> log.warn("host_unknown_setting key={} reason=\"no such key; it has no effect\"", key));
        inForce = settings;
        dispatcher.configure(settings);
        metrics.listen(settings.metricsHost(), settings.metricsPort());
        log.info(
                "host_configured records={} reliable_ack_sources={} prometheus_metrics_port={}",
                settings.routes(),
                settings.reliableAckSources(),
                settings.metricsPort());
    }

    @Reference(
            name = "producers",
            service = Producer.class,
            target = "(" + Producer.DATASTORE + "=*)",
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            updated = "updatedProducer",
            unbind = "removeProducer")
    synchronized void addProducer(ServiceReference<Producer> reference, Producer producer) {
        producers.put(reference, producer);
        updatedProducer(reference);
    }

    synchronized void updatedProducer(ServiceReference<Producer> reference) {
        String now = String.valueOf(reference.getProperty(Producer.DATASTORE));
        String before = names.put(reference, now);
        if (before != null && !before.equals(now)) {
            bindBest(before);
        }
        bindBest(now);
    }

    synchronized void removeProducer(ServiceReference<Producer> reference) {
        producers.remove(reference);
        String name = names.remove(reference);
        if (name != null) {
            bindBest(name);
        }
    }

    /** Of the producers with this name, the one with the highest ranking; of equals, the one that was there first. */
    private void bindBest(String name) {
        Producer best = producers.keySet().stream()
                .filter(reference -> Objects.equals(names.get(reference), name))
                .max(ServiceReference::compareTo)
                .map(producers::get)
                .orElse(null);
        dispatcher.bind(name, best);
    }

    @Deactivate
    void deactivate() {
        registration.unregister();
        metrics.close();
        dispatcher.close();
    }
}
