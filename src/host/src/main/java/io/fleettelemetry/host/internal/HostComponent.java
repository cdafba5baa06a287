package io.fleettelemetry.host.internal;

import io.fleettelemetry.api.Health;
import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.Log;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.settings.LastGoodSettings;
import io.fleettelemetry.host.TelemetryHost;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.cm.ConfigurationListener;
import org.osgi.service.cm.ManagedService;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.osgi.service.metatype.annotations.Designate;

/**
 * The host as an OSGi component: it passes the configuration, and the datastores that come and go, to the
 * {@link Dispatcher}.
 *
 * <p>A wrong configuration changes nothing: the last good one stays in force, and every problem is logged and shown in
 * the status. Neither a wrong configuration nor an occupied port makes activation fail, so it is enough to correct the
 * file.
 *
 * <p>The configuration does not come from Declarative Services, because that would also take a factory configuration
 * for this component's. A copy of a file in {@code etc/}, such as {@code io.fleettelemetry.host-old.cfg}, is one. A
 * {@link ManagedService} gets only the configuration of its own PID. The host's service is registered when the
 * configuration is known, because before that every record would fail without a route.
 */
@Component(
        immediate = true,
        service = {},
        configurationPid = HostConfiguration.PID,
        configurationPolicy = ConfigurationPolicy.IGNORE)
@Designate(ocd = HostConfiguration.class)
public final class HostComponent {

    private static final Log log = Own.log(HostComponent.class);

    private final Counts counts = new Counts();
    private final StatusReport report = new StatusReport();
    private final Dispatcher dispatcher = new Dispatcher(counts, report);
    private final Ranking<Producer> producers = new Ranking<>(Producer.DATASTORE, dispatcher::bind);
    private final Ranking<Health> healths = new Ranking<>(Health.DATASTORE, dispatcher::health);

    private final LastGoodSettings<HostSettings> settings =
            new LastGoodSettings<>(Own.threads, "telemetry-settings", HostSettings.KNOWN_KEYS, null, new Configured());

    @Reference
    ConfigurationAdmin admin;

    private BundleContext context;
    private ServiceRegistration<ManagedService> source;
    private ServiceRegistration<ConfigurationListener> listener;
    private Metrics metrics;
    private final AtomicReference<List<String>> smallHeap = new AtomicReference<>(List.of());

    /** Null until Config Admin has delivered the first configuration, or the information that there is none. */
    private ServiceRegistration<TelemetryHost> registration;

    @Activate
    void activate(BundleContext context) {
        this.context = context;
        stayBeforeScr();
        metrics = NoMetrics.orEndpoint(context, counts, report);
        ConfigurationFiles files = new ConfigurationFiles(admin);
        report.problemsToo(() -> Stream.concat(files.problems().stream(), heapProblems().stream())
                .toList());
        report.ranked(producers::all);
        listener = context.registerService(ConfigurationListener.class, files, null);
        files.look();
        source = context.registerService(
                ManagedService.class,
                properties -> settings.offer(properties == null ? null : FrameworkUtil.asMap(properties)),
                FrameworkUtil.asDictionary(Map.of(Constants.SERVICE_PID, HostConfiguration.PID)));
    }

    /**
     * Uses SCR until this bundle stops. When the KAR is uninstalled, Karaf stops SCR as well, and it begins with
     * bundles that no other one uses. If SCR stopped first, it would end the datastores' components before this one,
     * and the held records could no longer be handed over.
     */
    private void stayBeforeScr() {
        ServiceReference<?> scr =
                context.getServiceReference("org.osgi.service.component.runtime.ServiceComponentRuntime");
        if (scr != null) {
            context.getService(scr);
        }
    }

    /** Handles the configurations. */
    private final class Configured implements LastGoodSettings.User<HostSettings> {

        @Override
        public HostSettings parse(Map<String, ?> properties) {
            return HostSettings.parse(properties);
        }

        @Override
        public void unknown(List<String> keys, Map<String, ?> properties) {
            keys.forEach(key ->
                    log.warn("host_unknown_setting key={} reason=\"there is no such key; it has no effect\"", key));
        }

        @Override
        public void refuse(List<String> problems, Map<String, ?> properties) {
            problems.forEach(problem -> log.error(
                    "host_configuration_refused reason=\"{}\" in_force=\"{}\"",
                    problem,
                    settings.inForce() == null ? "none: no record type is routed" : "the last good one"));
            report.problems(problems);
        }

        @Override
        public void mended() {
            report.problems(List.of());
        }

        @Override
        public void use(HostSettings next) {
            dispatcher.configure(next);
            metrics.listen(next.metricsHost(), next.metricsPort());
            log.info(
                    "host_configured records={} reliable_ack_sources={} prometheus_metrics_port={}",
                    PlainText.of(next.routes().toString()),
                    PlainText.of(next.reliableAckSources().toString()),
                    next.metricsPort());
        }

        @Override
        public void settled() {
            warnOfSmallHeap();
            if (registration == null) {
                registration = context.registerService(TelemetryHost.class, dispatcher, null);
            }
        }
    }

    private List<String> heapProblems() {
        HostSettings now = settings.inForce();
        return now == null
                ? List.of()
                : HeapCheck.problems(
                        producers.all(),
                        now.holdMaxBytes(),
                        now.datastores().size(),
                        Runtime.getRuntime().maxMemory());
    }

    /** Logs heap problems once for each change. The status shows them while they last. */
    private void warnOfSmallHeap() {
        List<String> now = heapProblems();
        if (!now.equals(smallHeap.getAndSet(now))) {
            now.forEach(problem -> log.warn("heap_too_small reason=\"{}\"", problem));
        }
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
    void addProducer(ServiceReference<Producer> reference, Producer producer) {
        producers.add(reference, producer);
        warnOfSmallHeap();
    }

    void updatedProducer(ServiceReference<Producer> reference) {
        producers.update(reference);
        warnOfSmallHeap();
    }

    void removeProducer(ServiceReference<Producer> reference) {
        Producer producer = producers.get(reference);
        if (producer != null) {
            dispatcher.leaving(producer);
        }
        producers.remove(reference);
    }

    @Reference(
            name = "healths",
            service = Health.class,
            target = "(" + Health.DATASTORE + "=*)",
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY,
            updated = "updatedHealth",
            unbind = "removeHealth")
    void addHealth(ServiceReference<Health> reference, Health health) {
        healths.add(reference, health);
    }

    void updatedHealth(ServiceReference<Health> reference) {
        healths.update(reference);
    }

    void removeHealth(ServiceReference<Health> reference) {
        healths.remove(reference);
    }

    /**
     * Unregisters the service first, so that no new records come. Then the records here end, with the datastores bound.
     */
    @Deactivate
    void deactivate() {
        listener.unregister();
        source.unregister();
        settings.close();
        if (registration != null) {
            registration.unregister();
        }
        dispatcher.drain();
        metrics.close();
        dispatcher.close();
    }
}
