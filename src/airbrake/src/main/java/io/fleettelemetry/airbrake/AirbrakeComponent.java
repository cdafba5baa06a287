package io.fleettelemetry.airbrake;

import io.fleettelemetry.api.ErrorReporter;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.api.settings.LastGoodSettings;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ManagedService;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.metatype.annotations.Designate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Airbrake reporter as an OSGi component. While a project is configured, there are a service and a thread;
 * otherwise there is neither.
 *
 * <p>Activation never fails: a wrong configuration is logged, the last good one stays in force, and it is enough to
 * correct the file. This component registers the service itself, not through Declarative Services, because it is not
 * always there.
 *
 * <p>The configuration does not come from Declarative Services either, because that would also take a factory
 * configuration for this component's. A copy of a file in {@code etc/}, such as
 * {@code io.fleettelemetry.airbrake-old.cfg}, is one. A {@link ManagedService} gets only the configuration of its own
 * PID.
 */
@Component(
        service = {},
        immediate = true,
        configurationPid = AirbrakeConfiguration.PID,
        configurationPolicy = ConfigurationPolicy.IGNORE)
@Designate(ocd = AirbrakeConfiguration.class)
public final class AirbrakeComponent {

    private static final Logger log = LoggerFactory.getLogger(AirbrakeComponent.class);

    private final BundleContext context;
    private final Map<String, String> variables;
    private final LastGoodSettings<Optional<AirbrakeSettings>> settings = new LastGoodSettings<>(
            AirbrakeReporter.threads,
            "airbrake-settings",
            AirbrakeSettings.KNOWN_KEYS,
            Optional.empty(),
            new Configured());
    private final ServiceRegistration<ManagedService> source;

    /** This and the next field are null while reporting is off. */
    private AirbrakeReporter reporter;

    private ServiceRegistration<ErrorReporter> registration;

    /** Starts to report, if a project is configured. */
    @Activate
    public AirbrakeComponent(BundleContext context) {
        this(context, System.getenv());
    }

    /** @param variables replaces the process's environment */
    AirbrakeComponent(BundleContext context, Map<String, String> variables) {
        this.context = context;
        this.variables = variables;
        source = context.registerService(
                ManagedService.class,
                configuration -> settings.offer(configuration == null ? null : FrameworkUtil.asMap(configuration)),
                FrameworkUtil.asDictionary(Map.of(Constants.SERVICE_PID, AirbrakeConfiguration.PID)));
    }

    /** Handles the configurations. */
    private final class Configured implements LastGoodSettings.User<Optional<AirbrakeSettings>> {

        @Override
        public Optional<AirbrakeSettings> parse(Map<String, ?> configuration) {
            return AirbrakeSettings.parse(configuration, variables);
        }

        @Override
        public void unknown(List<String> keys, Map<String, ?> configuration) {
            keys.forEach(key ->
                    log.warn("airbrake_unknown_setting key={} reason=\"there is no such key; it has no effect\"", key));
        }

        @Override
        public void refuse(List<String> problems, Map<String, ?> configuration) {
            problems.forEach(problem -> log.error(
                    "airbrake_configuration_refused reason=\"{}\" in_force=\"{}\"",
                    problem,
                    settings.inForce().map(last -> "the last good one: " + last).orElse("none: nothing is reported")));
        }

        @Override
        public void mended() {
            // only the log showed the problems
        }

        @Override
        public void use(Optional<AirbrakeSettings> next) {
            next.ifPresentOrElse(AirbrakeComponent.this::report, AirbrakeComponent.this::stop);
        }
    }

    private void report(AirbrakeSettings settings) {
        if (reporter == null) {
            AirbrakeReporter opened = new AirbrakeReporter(
                    settings, context.getBundle().getVersion().toString());
            opened.open(); // throws if no thread can be started
            reporter = opened;
            registration = context.registerService(ErrorReporter.class, reporter, null);
        } else {
            reporter.use(settings);
        }
        log.info(
                "airbrake_configured host={} project_id={} environment=\"{}\" source={}",
                settings.host(),
                settings.projectId(),
                PlainText.field(settings.environment()),
                settings.keySource());
    }

    /**
     * Unregisters the service first, so that no bundle reports to an ending reporter. Returns when its thread has
     * ended.
     */
    private void stop() {
        registration.unregister();
        reporter.close();
        reporter = null;
        log.info("airbrake_off reason=\"no project_id is configured\"");
    }

    @Deactivate
    void deactivate() {
        source.unregister();
        settings.close();
        if (reporter != null) {
            registration.unregister();
            reporter.close();
        }
    }
}
