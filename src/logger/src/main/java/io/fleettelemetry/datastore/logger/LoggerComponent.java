package io.fleettelemetry.datastore.logger;

import com.google.gson.JsonObject;
import io.fleettelemetry.api.Producer;
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
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The logger datastore in OSGi. It registers the producer itself, because a service that Declarative Services registers
 * would show every configuration key as a property.
 *
 * <p>The configuration does not come from Declarative Services either, because that would also take a factory
 * configuration for this component's. A copy of a file in {@code etc/}, such as
 * {@code io.fleettelemetry.datastore.logger-old.cfg}, is one. A {@link ManagedService} gets only the configuration of
 * its own PID.
 */
@Component(
        service = {},
        immediate = true,
        configurationPid = LoggerComponent.PID,
        configurationPolicy = ConfigurationPolicy.IGNORE)
@Designate(ocd = LoggerComponent.Configuration.class)
public final class LoggerComponent {

    static final String PID = "io.fleettelemetry.datastore.logger";

    /** Describes the keys for people and tools. {@link LoggerSettings} reads them, and reports wrong values. */
    @ObjectClassDefinition(
            name = "Fleet Telemetry logger datastore",
            description = "Writes every record that is routed to the datastore 'logger' to the log, as JSON.")
    @interface Configuration {
        @AttributeDefinition(
                name = "Verbose",
                description =
                        "Wrapping of each value of a V record in an object that names its kind: {\"intValue\":5} instead"
                                + " of 5. Takes effect with the next record.")
        boolean verbose() default false;
    }

    private final Logger log;
    private final LoggerDatastore datastore;
    private final BundleContext context;
    private final LastGoodSettings<LoggerSettings> settings = new LastGoodSettings<>(
            LoggerDatastore.threads,
            "logger-settings",
            LoggerSettings.KNOWN_KEYS,
            LoggerSettings.DEFAULTS,
            new Configured());
    private final ServiceRegistration<ManagedService> source;
    /** Null until Config Admin has delivered the first configuration, or the information that there is none. */
    private ServiceRegistration<Producer> registration;

    /** Opens the datastore when its configuration is known. */
    @Activate
    public LoggerComponent(BundleContext context) {
        this(context, LoggerFactory.getLogger(LoggerDatastore.class));
    }

    /** @param log the log for records and for problems of the configuration */
    LoggerComponent(BundleContext context, Logger log) {
        this.context = context;
        this.log = log;
        datastore = new LoggerDatastore(log, LoggerSettings.DEFAULTS);
        datastore.open();
        source = context.registerService(
                ManagedService.class,
                configuration -> settings.offer(configuration == null ? null : FrameworkUtil.asMap(configuration)),
                FrameworkUtil.asDictionary(Map.of(Constants.SERVICE_PID, PID)));
    }

    /** Handles the configurations. */
    private final class Configured implements LastGoodSettings.User<LoggerSettings> {

        @Override
        public LoggerSettings parse(Map<String, ?> configuration) {
            return LoggerSettings.of(configuration);
        }

        @Override
        public void unknown(List<String> keys, Map<String, ?> configuration) {
            keys.forEach(key -> {
                JsonObject fields = new JsonObject();
                fields.addProperty("key", key);
                fields.addProperty("error", "there is no such key; it has no effect");
                log.warn("logger_unknown_setting {}", RecordJson.line(fields));
            });
        }

        @Override
        public void refuse(List<String> problems, Map<String, ?> configuration) {
            String reason = String.join("; ", problems);
            JsonObject fields = new JsonObject();
            fields.addProperty("error", reason);
            log.error("logger_configuration_refused {}", RecordJson.line(fields));
            datastore.settingsProblem(Optional.of(reason));
        }

        @Override
        public void mended() {
            datastore.settingsProblem(Optional.empty());
        }

        @Override
        public void use(LoggerSettings next) {
            datastore.use(next);
        }

        @Override
        public void settled() {
            if (registration == null) {
                registration = context.registerService(
                        Producer.class,
                        datastore,
                        FrameworkUtil.asDictionary(Map.of(Producer.DATASTORE, LoggerDatastore.NAME)));
            }
        }
    }

    @Deactivate
    void close() {
        source.unregister();
        settings.close();
        if (registration != null) {
            registration.unregister();
        }
        datastore.close();
    }
}
